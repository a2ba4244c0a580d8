package embedded_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/events/presencepb"
)

// TestEventsThatNobodyCanReadAreNamedAndStopNothing puts an event of an unknown
// type, one of a newer version and random bytes on the stream by hand.
func TestEventsThatNobodyCanReadAreNamedAndStopNothing(t *testing.T) {
	dir := t.TempDir()
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(context.Context, *embedded.Deployment) error { return nil }); err != nil {
		t.Fatal(err)
	}
	t.Run("by hand", func(t *testing.T) {
		js, err := jetstream.New(journaltest.Connect(t, journaltest.Server(t, filepath.Join(dir, "nats"))))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []proto.Message{
			&presencepb.Commit{At: 1, Entries: []*presencepb.Entry{{User: "alice", Type: 77}, {User: "alice", Type: presencepb.Type_LOGIN, V: 99}}},
			nil,
		} {
			data := []byte("\xff\x00\x13 no commit")
			if c != nil {
				if data, err = proto.Marshal(c); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := js.Publish(t.Context(), events.LogSubject, data); err != nil {
				t.Fatal(err)
			}
		}
	})
	n := run(t, embedded.Config{DataDir: dir})
	alice := token(t, auth.MintClaims{User: "alice"})
	_, h := n.call(alice, "POST", "/v1/login", "", nil)
	var p presence
	if code, _ := n.call(alice, "GET", "/v1/me?min_seq="+h.Get("Rollcall-Seq"), "", &p); code != 200 || p.Status != "online" {
		t.Errorf("after them: %d %+v", code, p)
	}
	for path, want := range map[string]string{"/readyz?verbose": "3 could not be decoded", "/metrics": "\nrollcall_undecodable_events_total 3\n"} {
		resp, err := http.Get(n.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d, without %q: %v", path, resp.StatusCode, want, err)
		}
	}
}
