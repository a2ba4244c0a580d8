package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// TestAnUploadThatTheEndOfTheNodeCutsAccountsForItself sends events that do not
// end, and drains the node when some are stored.
func TestAnUploadThatTheEndOfTheNodeCutsAccountsForItself(t *testing.T) {
	var many []events.Beat
	for i := range 20000 { // more than are waited for before the first are stored
		many = append(many, events.Beat{User: fmt.Sprintf("user-%d", i)})
	}
	beats := string(events.AppendBatch(nil, many))
	lines := `{"type":"login","user":"a"}` + "\n" + `{"type":"login","user":"b"}` + "\n" + `{"type":"login","user":"c"}` + "\n" + `{"type":"lo`
	for name, c := range map[string]struct {
		path, media, first string
		least              int // so many are stored before the end
		status             int
		code               string // of the error, where the answer has some
	}{
		"lines":        {"/v1/events", "application/x-ndjson", lines, 3, http.StatusOK, "shutting_down"},
		"a batch":      {"/v1/heartbeats", "application/x-protobuf", beats, 1000, http.StatusOK, ""},
		"nothing sent": {"/v1/events", "application/x-ndjson", `{"type":`, 0, http.StatusServiceUnavailable, "shutting_down"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			body, send := io.Pipe()
			defer send.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+c.path, body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+writer)
			req.Header.Set("Content-Type", c.media)
			type answered struct {
				resp *http.Response
				err  error
			}
			got := make(chan answered, 1)
			go func() {
				resp, err := s.client.Do(req)
				got <- answered{resp, err}
			}()
			if _, err := io.WriteString(send, c.first); err != nil {
				t.Fatal(err)
			}
			journaltest.Until(t, "what was sent to be stored", func() bool { return s.view.Stats().Users >= c.least })
			s.api.Drain()
			a := <-got
			if a.err != nil {
				t.Fatal(a.err)
			}
			defer a.resp.Body.Close()
			var said struct {
				Accepted, Rejected int
				Code               string
				Errors             []struct {
					Line int
					Code string
				}
			}
			if err := json.NewDecoder(a.resp.Body).Decode(&said); err != nil {
				t.Fatal(err)
			}
			if len(said.Errors) > 0 {
				said.Code = said.Errors[0].Code
			}
			if a.resp.StatusCode != c.status || said.Accepted < c.least || said.Code != c.code {
				t.Errorf("%s %+v", a.resp.Status, said)
			}
			journaltest.Until(t, "the view to have all of it", func() bool {
				_, last, err := s.journal.Bounds(t.Context())
				return err == nil && s.view.Seq() == last
			})
			if stored := s.view.Stats().Users; said.Accepted != stored {
				t.Errorf("it accounts for %d, and %d are stored", said.Accepted, stored)
			}
		})
	}
}
