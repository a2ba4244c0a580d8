package embedded_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// boundaryTimeout is the shortest that there is.
const boundaryTimeout = time.Second

// raceAtTheBoundary lets users beat about when their timeout is over, a little
// before or after, rounds times each, and then lets the log judge.
func raceAtTheBoundary(t *testing.T, r *rand.Rand, users, rounds int) {
	dir := t.TempDir()
	n := run(t, embedded.Config{DataDir: dir, Timeout: boundaryTimeout})
	tok := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	due := make([]time.Time, users) // user → when they beat next
	left := make([]int, users)      // user → beats
	for i := range users {
		due[i], left[i] = time.Now().Add(time.Duration(r.Int64N(int64(boundaryTimeout)))), rounds
	}
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for waiting := users; waiting > 0; {
		<-pace.C
		lines := new(strings.Builder)
		for i := range users {
			if left[i] == 0 || time.Now().Before(due[i]) {
				continue
			}
			fmt.Fprintf(lines, `{"type":"heartbeat","user":"user-%d"}`+"\n", i)
			// A message and a decision each take a few milliseconds.
			due[i] = time.Now().Add(boundaryTimeout + time.Duration(r.Int64N(int64(100*time.Millisecond))) - 25*time.Millisecond)
			if left[i]--; left[i] == 0 {
				waiting--
			}
		}
		if lines.Len() > 0 {
			n.sendLines(tok, lines.String())
		}
	}
	within(t, time.Minute, "everybody to be offline", func() bool {
		var answer struct{ Users []presence }
		n.call(tok, "GET", "/v1/users?status=online&limit=1", "", &answer)
		return len(answer.Users) == 0
	})
	n.stop()
	judgeBoundary(t, dir, users*rounds)
}

func (n *node) sendLines(tok, lines string) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, n.url+"/v1/events", strings.NewReader(lines))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		n.t.Fatalf("a batch of beats: %s", resp.Status)
	}
}

// alive is what the log says of one user.
type alive struct {
	beat    events.Place // the last one
	covered int64        // then
	ended   bool
	voided  events.Place // an offline that a beat has overtaken and no online has taken back yet
}

// judgeBoundary reads the log of a store and holds that nobody's session ended
// while a beat of theirs was within its window, that each end has one offline,
// and that each offline that came too late was taken back.
func judgeBoundary(t *testing.T, dir string, wrote int) {
	t.Helper()
	of := map[string]*alive{}
	var clock events.Clock
	var c events.Commit
	var beats, ends, overtaken, narrow int
	err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(ctx context.Context, d *embedded.Deployment) error {
		_, last, err := d.Log().Bounds(ctx)
		if err != nil {
			return err
		}
		return d.Log().Read(ctx, journal.Stretch{To: last}, func(batch []journal.Message) error {
			for i := range batch {
				covered := clock.Advance(batch[i].Time)
				if err := c.Decode(batch[i].Data); err != nil {
					return err
				}
				for nth := range c.Entries {
					e, _, err := c.Entries[nth].Event()
					if err != nil {
						return err
					}
					at, u := events.Place{Seq: batch[i].Seq, Nth: uint32(nth)}, of[e.User]
					if u == nil {
						u = new(alive)
						of[e.User] = u
					}
					switch e.Type {
					case events.Heartbeat:
						if silent := covered - u.covered; beats > 0 && !u.ended && silent > boundaryTimeout.Milliseconds()-20 {
							narrow++
						}
						u.beat, u.covered, u.ended = at, covered, false
						beats++
					case events.Offline:
						switch {
						case e.JudgedPlace().Before(u.beat):
							u.voided = at
							overtaken++
						case u.ended:
							t.Errorf("%s: a second end at %s", e.User, at)
						case covered-u.covered < boundaryTimeout.Milliseconds():
							t.Errorf("%s went offline at %s, %d ms after a beat", e.User, at, covered-u.covered)
						default:
							u.ended = true
							ends++
						}
					case events.Online:
						if e.VoidsPlace() == u.voided {
							u.voided = events.Place{}
						}
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for user, u := range of {
		if user != "" && (!u.ended || u.voided != events.Place{}) {
			t.Errorf("%s at the end: %+v", user, *u)
		}
	}
	t.Logf("%d beats, %d of them within 20 ms before the timeout; %d ends, %d offlines that a beat overtook", beats, narrow, ends, overtaken)
	if beats != wrote || narrow == 0 || ends < wrote/20 {
		t.Errorf("of %d beats %d are in the log: this proves nothing", wrote, beats)
	}
}

// TestABeatAtTheBoundaryWinsOrLosesAndNothingElse lets the log judge some
// thousand beats about when the timeout is over.
func TestABeatAtTheBoundaryWinsOrLosesAndNothingElse(t *testing.T) {
	t.Parallel()
	raceAtTheBoundary(t, dice(t), 1000, 6)
}
