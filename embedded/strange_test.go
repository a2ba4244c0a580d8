package embedded_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
)

// TestEventsThatNobodyCanReadAreNamedAndStopNothing puts an event of an unknown
// type, one of a newer version and random bytes on the stream by hand.
func TestEventsThatNobodyCanReadAreNamedAndStopNothing(t *testing.T) {
	dir := t.TempDir()
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(ctx context.Context, d *embedded.Deployment) error {
		for subject, data := range map[string]string{
			"presence.user.alice.dance": `{"id":"1","type":"dance","v":1,"user":"alice","at":"2026-11-23T08:00:00.000Z","actor":"alice"}`,
			"presence.user.alice.login": `{"id":"2","type":"login","v":99,"user":"alice","at":"2026-11-23T08:00:00.000Z","actor":"alice"}`,
			events.HeartbeatSubject:     "\xff\x00\x13 no batch",
		} {
			if _, err := d.Log().JetStream().Publish(ctx, subject, []byte(data)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
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
