package mirror_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/events/timeouts"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deployment is a log with its archiver, live views, and a timeout consumer
// that writes witnesses.
type deployment struct {
	t    *testing.T
	dir  string
	log  *journal.Journal
	hot  jetstream.Stream
	arch *journal.Archiver
	live mirror.Views
	last map[string]uint64 // session → seq of its last sign of life
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	d := &deployment{t: t, dir: t.TempDir(), log: journaltest.On(t, nc, journal.Config{}), last: map[string]uint64{}}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if d.hot, err = js.Stream(t.Context(), events.StreamHot); err != nil {
		t.Fatal(err)
	}
	d.arch = d.log.Archiver()
	journaltest.Run(t, "archiver", d.arch.Run)
	if d.live.Current, err = current.Open(current.Config{Path: filepath.Join(d.dir, "current.db"), Checkpoint: 10 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if d.live.History, err = history.Open(history.Config{Path: filepath.Join(d.dir, "history.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.live.History.Close(); err != nil {
			t.Error(err)
		}
		if err := d.live.Current.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, err := range []error{d.live.Current.Bind(t.Context(), d.log), d.live.History.Bind(t.Context(), d.log)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d.live.History.Attach(d.live.Current)
	journaltest.Run(t, "current view", func(ctx context.Context) error { return d.live.Current.Run(ctx, d.log) })
	c := timeouts.New(timeouts.Config{Log: d.log, Fold: d.live.Current, Unleased: true})
	journaltest.Run(t, "timeouts", c.Run)
	return d
}

// do appends one random event.
func (d *deployment) do(pick func(string, int) int) {
	user := []string{"ann", "bob", "c.d", "*", "eve"}[pick("user", 5)]
	session := fmt.Sprintf("s%d", pick("session", 2))
	e := events.Event{User: user, Session: session, Actor: user, At: events.MillisOf(time.Now())}
	switch pick("type", 11) {
	case 10:
		if pick("erase", 4) == 0 {
			if _, _, err := d.log.Erase(d.t.Context(), user, "root"); err != nil {
				d.t.Fatal(err)
			}
			return
		}
		e.Type = events.Heartbeat
	case 0:
		e.Type, e.Device = events.Login, "Firefox"
	case 1:
		e.Type, e.All = events.Logout, pick("all", 3) == 0
	case 2:
		// An offline as a timeout consumer judges it, often too late: then the
		// session has shown a sign of life since, and it is void.
		e.Type, e.Cause, e.LastSeen, e.Actor = events.Offline, events.CauseTimeout, e.At, events.ServiceActor
		e.Judged = max(1, d.last[user+session]-uint64(pick("late", 2)))
	case 3:
		e.Type, e.Session, e.Actor, e.Change, e.Status = events.Override, "", "root", events.OverrideSet, events.Statuses[pick("status", 4)]
	case 4:
		e.Type, e.Session, e.Actor, e.Change = events.Override, "", "root", events.OverrideCleared
	default:
		e.Type, e.Idle, e.Leaving = events.Heartbeat, pick("idle", 3) == 0, pick("leaving", 8) == 0
	}
	ack, err := d.log.Append(d.t.Context(), e, journal.Key{})
	if err != nil {
		d.t.Fatal(err)
	}
	if e.Type == events.Login || e.Type == events.Heartbeat {
		d.last[user+session] = ack.Seq
	}
}

// settle waits until nothing is left to be written down, and everything is
// copied and folded. It returns the range of the hot stream of which that is
// true: the timeout consumer goes on, and what it writes from now on is not yet
// in the copy.
func (d *deployment) settle() (first, last uint64) {
	d.t.Helper()
	journaltest.Until(d.t, "all witnesses, copies and folds", func() bool {
		var err error
		if first, last, err = d.log.Bounds(d.t.Context()); err != nil {
			d.t.Fatal(err)
		}
		if d.live.Current.Seq() < last || d.arch.Copied() < last {
			return false
		}
		for _, id := range []string{"ann", "bob", "c.d", "*", "eve"} {
			u, _, err := d.live.Current.User(id)
			if err != nil {
				d.t.Fatal(err)
			}
			if len(u.Pending) > 0 {
				return false
			}
		}
		return true
	})
	return first, last
}

func (d *deployment) verify() {
	d.t.Helper()
	m, err := mirror.New(d.t.Context(), mirror.Config{Log: d.log, Dir: d.dir})
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			d.t.Error(err)
		}
	}()
	found, err := m.Verify(d.t.Context(), d.live)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, c := range found {
		if !c.Equal || c.Digest != c.Live {
			d.t.Errorf("the log begins at %d: %+v", m.Horizon(), c)
		}
	}
}

// each folds every user by himself, and holds him against the live view, but for
// what refreshes told of a live session.
func (d *deployment) each() {
	d.t.Helper()
	for _, id := range []string{"ann", "bob", "c.d", "*", "eve"} {
		live, _, err := d.live.Current.User(id)
		if err != nil {
			d.t.Fatal(err)
		}
		alone, err := projections.UserAt(d.t.Context(), d.log, id, events.MillisOf(time.Now().Add(time.Hour)))
		if err != nil {
			d.t.Fatal(err)
		}
		for _, u := range []*events.User{&live, &alone} {
			u.Settle(math.MaxUint64)
			u.Pending = nil // what is written down and what is not is the view's business
			if len(u.Sessions) == 0 {
				u.Sessions = nil
			}
		}
		if diff := cmp.Diff(live, alone); diff != "" {
			d.t.Errorf("%q: %s", id, diff)
		}
	}
}

func TestViewsRebuiltFromATrimmedLogAreTheLiveOnes(t *testing.T) {
	d := deploy(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(rt, "events")
		for range n {
			d.do(func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, what) })
		}
		first, last := d.settle()
		d.verify()
		d.each()
		if keep := rapid.Uint64Range(first, last+1).Draw(rt, "keep from"); keep > first {
			if err := d.hot.Purge(t.Context(), jetstream.WithPurgeSequence(keep)); err != nil {
				rt.Fatal(err)
			}
			d.verify()
			d.each()
		}
		if t.Failed() {
			rt.FailNow()
		}
	})
}

func TestARebuildTakesThePlaceOfTheLiveViews(t *testing.T) {
	for _, which := range []string{mirror.Current, mirror.History, mirror.Both} {
		t.Run("view="+which, func(t *testing.T) {
			d := deploy(t)
			rng := rand.New(rand.NewPCG(1, 2))
			pick := func(_ string, n int) int { return rng.IntN(n) }
			for range 300 {
				d.do(pick)
			}
			d.settle()
			m, err := mirror.New(t.Context(), mirror.Config{Log: d.log, Dir: d.dir})
			if err != nil {
				t.Fatal(err)
			}
			// Events go on while the views are swapped.
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range 200 {
					d.do(pick)
				}
			}()
			if err := m.Rebuild(t.Context(), d.live, which); err != nil {
				t.Fatal(err)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			<-done
			for range 50 {
				d.do(pick)
			}
			d.settle()
			d.verify()
		})
	}
}

func TestWhatTheLiveHistoryHasForgottenIsNoDifference(t *testing.T) {
	d := deploy(t)
	for i := range 200 {
		at := events.Millis(1_600_000_000_000 + i*60_000)
		e := events.Event{Type: events.Login, User: "ann", Session: "s", Actor: "ann", At: at}
		if i%2 == 1 {
			e.Type = events.Logout
		}
		if _, err := d.log.Append(t.Context(), e, journal.Key{}); err != nil {
			t.Fatal(err)
		}
	}
	d.settle()
	if err := d.live.History.Prune(events.Millis(1_600_000_000_000 + 100*60_000).Time()); err != nil {
		t.Fatal(err)
	}
	d.verify()
}
