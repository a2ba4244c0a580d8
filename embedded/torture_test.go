//go:build torture

package embedded_test

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

func TestTortureKill(t *testing.T) { killRounds(t, 60) }

// TestTortureTwoMinutes leaves users silent for the default two minutes and
// looks when each of them is shown offline.
func TestTortureTwoMinutes(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	beaten := map[string]time.Time{} // user → when his last beat was acknowledged
	for _, user := range []string{"alice", "bob", "carol", "dave", "eve"} {
		tok := token(t, auth.MintClaims{User: user})
		n.call(tok, "POST", "/v1/login", "", nil)
		if code, _ := n.call(tok, "POST", "/v1/heartbeat", "", nil); code != 204 {
			t.Fatalf("heartbeat: %d", code)
		}
		beaten[user] = time.Now()
	}
	timer := time.NewTimer(119 * time.Second)
	<-timer.C
	for len(beaten) > 0 {
		journaltest.Until(t, "somebody to go offline", func() bool {
			for user, at := range beaten {
				var p presence
				n.call(reader, "GET", "/v1/users/"+user, "", &p)
				if p.Status != "offline" {
					continue
				}
				seen, event, beat := time.Since(at), p.Since.Sub(at), p.Since.Sub(p.LastSeen)
				t.Logf("%s: shown offline %.3f s after the acknowledgement, since %.3f s after it, %.3f s after last seen",
					user, seen.Seconds(), event.Seconds(), beat.Seconds())
				if beat < 120*time.Second || seen > 120500*time.Millisecond {
					t.Errorf("%s went offline early or late", user)
				}
				delete(beaten, user)
				return true
			}
			return false
		})
	}
}
