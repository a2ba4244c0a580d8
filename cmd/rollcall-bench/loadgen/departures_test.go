package loadgen

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// streamOf is a live stream that is cut after every change of a user who goes
// offline, and resumed with the next; after the last it stays open.
func streamOf(t *testing.T, ids ...string) string {
	t.Helper()
	return serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i, id := range ids {
			if r.Header.Get("Last-Event-ID") != id {
				continue
			}
			if i+1 < len(ids) {
				fmt.Fprintf(w, "retry: 2000\n\nevent: status\nid: %s\ndata: "+
					`{"user":"user-%06d","status":"offline","last_seen":"2026-11-28T08:00:01.500Z"}`+"\n\n", ids[i+1], i)
				return
			}
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		fmt.Fprint(w, "event: reset\ndata: {}\n\n")
	}))
}

func TestAStreamThatIsCutIsResumedWhereItWas(t *testing.T) {
	d, err := watchDepartures(t.Context(), asker{url: streamOf(t, "7", "9.1", "9", "12")}, 7, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := poll(t.Context(), "seeing them go", 10*time.Second, func() (bool, error) { return d.count() == 2, d.failed() }); err != nil {
		t.Fatal(err)
	}
	seen := d.close()
	if len(seen) < 2 || len(seen) > 3 || seen[0].user != 0 || seen[1].user != 1 || seen[1].at.IsZero() {
		t.Errorf("got %+v", seen)
	}
}

func TestAResetOfTheStreamIsAnError(t *testing.T) {
	d, err := watchDepartures(t.Context(), asker{url: streamOf(t, "7")}, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := poll(t.Context(), "seeing them go", 10*time.Second, func() (bool, error) { return false, d.failed() }); !errors.Is(err, ErrStream) {
		t.Errorf("got %v, want ErrStream", err)
	}
}
