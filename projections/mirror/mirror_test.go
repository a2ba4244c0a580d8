package mirror_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protowire"
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
	t      *testing.T
	dir    string
	nc     *nats.Conn
	log    *journal.Journal
	hot    jetstream.Stream
	arch   *journal.Archiver
	live   mirror.Views
	last   map[string]events.Place // session → its last sign of life
	keys   map[events.Key]uint64   // key → the commit that claimed it
	rounds int                     // of a property test
	void   [][2]uint64             // of every repeat: the commit that claimed its key, and its own
}

// deploy makes a deployment whose mirrors may begin lookback before the log's
// end; 0: at its beginning, for the log is younger than what is usual.
func deploy(t *testing.T, lookback time.Duration) *deployment {
	t.Helper()
	d := &deployment{t: t, dir: t.TempDir(), nc: journaltest.Connect(t, journaltest.Server(t, t.TempDir())), last: map[string]events.Place{}}
	// The log says every few seconds what is witnessed: with this clock each time.
	var asked atomic.Int64
	hurried := func() time.Time { return time.Now().Add(time.Duration(asked.Add(1)) * events.AlivePeriod) }
	d.log = journaltest.On(t, d.nc, journal.Config{Lookback: lookback, Now: hurried})
	js, err := jetstream.New(d.nc)
	if err != nil {
		t.Fatal(err)
	}
	if d.hot, err = js.Stream(t.Context(), events.StreamHot); err != nil {
		t.Fatal(err)
	}
	if d.arch, err = d.log.Archiver(nil); err != nil {
		t.Fatal(err)
	}
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

// users are those of all tests here.
var users = []string{"ann", "bob", "c.d", "*", "eve"}

// do appends one random commit.
func (d *deployment) do(pick func(string, int) int) {
	switch pick("kind", 24) {
	case 0:
		d.erase(users[pick("user", len(users))])
		return
	case 1:
		d.unreadable(pick)
		return
	}
	items := make([]journal.Item, 1+max(0, pick("entries", 6)-2))
	for i := range items {
		items[i] = d.item(pick)
	}
	receipt, err := d.log.SubmitAll(items)
	if err == nil {
		_, err = receipt.Wait(d.t.Context())
	}
	if err != nil {
		d.t.Fatal(err)
	}
	for i := range items {
		d.note(&items[i], receipt.Place(i))
	}
}

func (d *deployment) erase(user string) {
	if _, _, err := d.log.Erase(d.t.Context(), user, "root"); err != nil {
		d.t.Fatal(err)
	}
}

// item is one random event, under a key now and then that may be known.
func (d *deployment) item(pick func(string, int) int) journal.Item {
	user := users[pick("user", len(users))]
	session := fmt.Sprintf("s%d", pick("session", 2))
	e := events.Event{User: user, Session: session, Actor: user, At: events.MillisOf(time.Now())}
	switch pick("type", 10) {
	case 0:
		e.Type, e.Device = events.Login, "Firefox"
	case 1:
		e.Type, e.All = events.Logout, pick("all", 3) == 0
	case 2:
		// An offline as a timeout consumer judges it, often too late: then the
		// session has shown a sign of life since, and it is void.
		e.Type, e.Cause, e.LastSeen, e.Actor = events.Offline, events.CauseTimeout, e.At, events.ServiceActor
		judged := d.last[user+session]
		if pick("late", 2) == 1 {
			if judged.Nth > 0 {
				judged.Nth--
			} else {
				judged.Seq--
			}
		}
		e.Judged, e.JudgedNth = judged.Seq, judged.Nth
		if e.Judged == 0 || e.Judged == math.MaxUint64 {
			e.Judged, e.JudgedNth = 1, 0
		}
	case 3:
		e.Type, e.Session, e.Actor, e.Change, e.Status = events.Override, "", "root", events.OverrideSet, events.Statuses[pick("status", 4)]
	case 4:
		e.Type, e.Session, e.Actor, e.Change = events.Override, "", "root", events.OverrideCleared
	default:
		e.Type, e.Idle, e.Leaving = events.Heartbeat, pick("idle", 3) == 0, pick("leaving", 8) == 0
	}
	item := journal.Item{Event: e}
	if d.keys != nil && pick("keyed", 3) == 0 {
		item.Key = d.key(pick)
	}
	return item
}

// key is one of a few of this round.
func (d *deployment) key(pick func(string, int) int) (k events.Key) {
	binary.BigEndian.PutUint64(k.ID[:], uint64(d.rounds))
	k.ID[15] = byte(1 + pick("key", 6))
	return k
}

// note remembers what was appended at p.
func (d *deployment) note(item *journal.Item, p events.Place) {
	if item.Key.Given() && d.claim(item.Key, p.Seq) {
		return // void
	}
	if e := &item.Event; e.Type == events.Login || e.Type == events.Heartbeat {
		d.last[e.User+e.Session] = p
	}
}

// claim notes that the commit at seq has k, and reports whether that is a repeat.
func (d *deployment) claim(k events.Key, seq uint64) (repeat bool) {
	first, repeat := d.keys[k]
	if repeat {
		d.void = append(d.void, [2]uint64{first, seq})
	} else {
		d.keys[k] = seq
	}
	return repeat
}

// unreadable appends a message that is no commit, or a commit of which this
// version understands one entry of three.
func (d *deployment) unreadable(pick func(string, int) int) {
	e := events.Event{Type: events.Login, V: 99, User: users[pick("user", len(users))], Session: "s0", Actor: "x", At: events.MillisOf(time.Now())}
	var key events.Key
	if d.keys != nil {
		key = d.key(pick)
	}
	data, err := events.AppendEvent(events.AppendCommit(nil, e.At, "", 0), &e, &key, e.At)
	if err != nil {
		d.t.Fatal(err)
	}
	data = protowire.AppendBytes(protowire.AppendTag(data, 1, protowire.BytesType), []byte("\xff\xff"))
	b := events.Beat{User: e.User, Session: "s1", At: e.At}
	data = events.AppendBeat(data, &b, e.At)
	garbage := pick("no commit", 2) == 0
	if garbage {
		data = []byte("\xff\xffno commit")
	}
	js, err := jetstream.New(d.nc)
	if err != nil {
		d.t.Fatal(err)
	}
	ack, err := js.Publish(d.t.Context(), events.LogSubject, data)
	if err != nil {
		d.t.Fatal(err)
	}
	if garbage {
		return
	}
	if key.Given() {
		d.claim(key, ack.Sequence)
	}
	d.last[b.User+b.Session] = events.Place{Seq: ack.Sequence, Nth: 2}
}

// trimmable is keep, or before it the claim of a key that is repeated from there
// on: what makes entries void stays two minutes longer than what they are read
// from, and all this happens in less.
func (d *deployment) trimmable(keep uint64) uint64 {
	for moved := true; moved; {
		moved = false
		for _, v := range d.void {
			if v[0] < keep && keep <= v[1] {
				keep, moved = v[0], true
			}
		}
	}
	return keep
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
		for _, id := range users {
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

// verify holds the live views against a mirror, and returns from where on that
// has read the hot stream.
func (d *deployment) verify() (horizon uint64) {
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
			d.t.Errorf("the log is read from %d on: %+v", m.Horizon(), c)
		}
	}
	return m.Horizon()
}

// each folds every user by himself, and holds him against the live view, but for
// what refreshes told of a live session.
func (d *deployment) each() {
	d.t.Helper()
	for _, id := range users {
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

// TestViewsRebuiltFromATrimmedLogAreTheLiveOnes: of a log that is trimmed
// anywhere, and read from the archive up to anywhere, both views come out as
// those that have followed it live, to the byte.
func TestViewsRebuiltFromATrimmedLogAreTheLiveOnes(t *testing.T) {
	d := deploy(t, time.Millisecond)
	d.keys = map[events.Key]uint64{}
	inside := 0
	rapid.Check(t, func(rt *rapid.T) {
		d.rounds++
		n := rapid.IntRange(1, 60).Draw(rt, "commits")
		for range n {
			d.do(func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, what) })
		}
		first, last := d.settle()
		if d.verify() > first {
			inside++
		}
		d.each()
		if keep := d.trimmable(rapid.Uint64Range(first, last+1).Draw(rt, "keep from")); keep > first {
			if err := d.hot.Purge(t.Context(), jetstream.WithPurgeSequence(keep)); err != nil {
				rt.Fatal(err)
			}
			if d.verify() > keep {
				inside++
			}
			d.each()
		}
		if t.Failed() {
			rt.FailNow()
		}
	})
	t.Logf("%d mirrors began within the hot stream; %d entries were repeats", inside, len(d.void))
	if inside == 0 || len(d.void) == 0 {
		t.Error("too few for a test")
	}
}

func TestARebuildTakesThePlaceOfTheLiveViews(t *testing.T) {
	for _, which := range []string{mirror.Current, mirror.History, mirror.Both} {
		t.Run("view="+which, func(t *testing.T) {
			d := deploy(t, 0)
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
	d := deploy(t, 0)
	for i := range 200 {
		at := events.Millis(1_600_000_000_000 + i*60_000)
		e := events.Event{Type: events.Login, User: "ann", Session: "s", Actor: "ann", At: at}
		if i%2 == 1 {
			e.Type = events.Logout
		}
		if _, err := d.log.Append(t.Context(), e, events.Key{}); err != nil {
			t.Fatal(err)
		}
	}
	d.settle()
	if err := d.live.History.Prune(events.Millis(1_600_000_000_000 + 100*60_000).Time()); err != nil {
		t.Fatal(err)
	}
	d.verify()
}
