//go:build torture

package embedded_test

import (
	"flag"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

var forFlag = flag.Duration("for", 0, "how long a test goes on that has no end of its own; 0: as it thinks best")

// long is how long such a test goes on, best where nothing else was asked for.
func long(best time.Duration) time.Duration {
	if *forFlag != 0 {
		return *forFlag
	}
	return best
}

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

// TestTortureDamage harms thousands of copies of stores at random places.
func TestTortureDamage(t *testing.T) {
	damageStores(t, dice(t), 100, time.Now().Add(long(10*time.Minute)))
}

// TestTortureBoundary races a million beats against their timeouts.
func TestTortureBoundary(t *testing.T) { raceAtTheBoundary(t, dice(t), 10_000, 100) }

// TestTortureLinearizable reads and writes while nodes come and go.
func TestTortureLinearizable(t *testing.T) {
	url, r := loneServer(t), dice(t)
	nodes := make([]*node, 3)
	dirs := make([]string, len(nodes))
	for i := range nodes {
		dirs[i] = t.TempDir()
		nodes[i] = run(t, embedded.Config{DataDir: dirs[i], NATSURL: url})
	}
	o := observersAt(t, nodes, 20)
	over := make(chan struct{})
	end := time.AfterFunc(long(30*time.Second), func() { close(over) })
	defer end.Stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.observe(r, 12, 4000, over)
	}()
	restarts := 0
	for going := true; going; restarts++ {
		i := restarts % len(nodes)
		nodes[i].stop()
		nodes[i] = run(t, embedded.Config{DataDir: dirs[i], NATSURL: url})
		o.urls[i].Store(&nodes[i].url)
		select {
		case <-done:
			going = false
		case <-time.After(time.Second):
		}
	}
	t.Logf("%d restarts", restarts)
	o.judge()
}
