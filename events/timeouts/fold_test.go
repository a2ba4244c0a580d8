package timeouts

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// TestMain keeps what rapid finds out of the tree: its seed is printed.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// fold is an honest Fold: it follows a real log and folds it into a map.
type fold struct {
	mono func() int64
	gate sync.Mutex // see hold

	mu       sync.Mutex // guards the rest
	users    map[string]*events.User
	seq      uint64
	clock    events.Clock
	nodes    events.Nodes
	heard    int64
	observer interface{ Touch(u *events.User) }
	changes  []events.Change
	moved    chan struct{} // closed at the next message
}

func newFold(t testing.TB, j *journal.Journal, mono func() int64) *fold {
	f := &fold{mono: mono, users: map[string]*events.User{}, moved: make(chan struct{})}
	journaltest.Run(t, "the fold", func(ctx context.Context) error { return j.Follow(ctx, 1, f.read) })
	return f
}

// hold makes the fold stand still until release is called or the test ends.
func (f *fold) hold(t testing.TB) (release func()) {
	f.gate.Lock()
	release = sync.OnceFunc(f.gate.Unlock)
	t.Cleanup(release)
	return release
}

func (f *fold) read(batch []journal.Message) error {
	f.gate.Lock()
	defer f.gate.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard = 0
	if batch[len(batch)-1].Behind == 0 {
		f.heard = f.mono()
	}
	for i := range batch {
		if err := f.apply(&batch[i]); err != nil {
			return err
		}
	}
	close(f.moved)
	f.moved = make(chan struct{})
	return nil
}

func (f *fold) apply(m *journal.Message) error {
	at := events.Moment{Seq: m.Seq, Time: m.Time, Covered: f.clock.Advance(m.Time), Mono: f.heard}
	f.seq = m.Seq
	var c events.Commit
	if err := c.Decode(m.Data); err != nil {
		return err
	}
	at.Node = f.nodes.Hear(c.Node, at.Covered, c.Going)
	for i := range c.Entries {
		at.Nth = uint32(i)
		e, _, err := c.Entries[i].Event()
		if err != nil {
			return err
		}
		u := f.user(e.User)
		change, changed := events.Apply(u, at, &e)
		f.note(u, change, changed)
	}
	return nil
}

func (f *fold) user(id string) *events.User {
	if f.users[id] == nil {
		f.users[id] = &events.User{ID: id}
	}
	return f.users[id]
}

func (f *fold) note(u *events.User, change events.Change, changed bool) {
	if changed {
		f.changes = append(f.changes, change)
	}
	if f.observer != nil {
		f.observer.Touch(u)
	}
}

func (f *fold) Attach(o interface{ Touch(u *events.User) }) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.observer = o
	for _, u := range f.users {
		o.Touch(u)
	}
}

func (f *fold) Locked(fn func(seq uint64, clock events.Clock, mono int64)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(f.seq, f.clock, f.heard)
}

func (f *fold) Nodes() *events.Nodes { return &f.nodes }

func (f *fold) WaitFor(ctx context.Context, seq uint64) error {
	for {
		f.mu.Lock()
		at, moved := f.seq, f.moved
		f.mu.Unlock()
		if at >= seq {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("at %d: %w", at, ctx.Err())
		}
	}
}

// look returns a copy of a user.
func (f *fold) look(id string) events.User {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.user(id).Clone()
}

// live is how many users have a session, and pending how many have beats that
// are not written down.
func (f *fold) count() (live, pending int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.users {
		if u.Live() {
			live++
		}
		if len(u.Pending) > 0 {
			pending++
		}
	}
	return live, pending
}

// statuses returns what a user was turned to, in order.
func (f *fold) statuses(id string) []events.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []events.Status
	for _, c := range f.changes {
		if c.User == id {
			out = append(out, c.To.Status)
		}
	}
	return out
}

// watch is a monotonic and a wall clock that stand still until moved.
type watch struct {
	mono atomic.Int64
	wall atomic.Int64 // Unix milliseconds
}

func newWatch() *watch {
	w := &watch{}
	w.mono.Store(1)
	w.wall.Store(time.Now().UnixMilli())
	return w
}

func (w *watch) Mono() int64    { return w.mono.Load() }
func (w *watch) Now() time.Time { return time.UnixMilli(w.wall.Load()) }

func (w *watch) pass(d time.Duration) {
	w.wall.Add(d.Milliseconds())
	w.mono.Add(int64(d))
}

// rig is a log with a fold and a consumer on it, under a clock that stands
// still.
type rig struct {
	*watch
	nc       *nats.Conn
	log      *journal.Journal
	fold     *fold
	consumer *Consumer
}

const shortTimeout = 5 * time.Second // shorter than deaf, so that a silent log lets it pass

func newRig(t testing.TB) *rig { return newRigOn(t, journal.Config{}) }

// newRigOn is newRig with a log as cfg says, but quiet.
func newRigOn(t testing.TB, cfg journal.Config) *rig {
	r := &rig{watch: newWatch(), nc: journaltest.Connect(t, journaltest.Server(t, t.TempDir()))}
	cfg.Quiet = true
	if cfg.Now == nil {
		cfg.Now = r.Now
	}
	r.log = journaltest.On(t, r.nc, cfg)
	r.fold = newFold(t, r.log, r.Mono)
	r.consumer = New(Config{Log: r.log, Fold: r.fold, Unleased: true, Now: r.Now, Mono: r.Mono,
		Limits: events.Limits{Timeout: shortTimeout, LeaveGrace: time.Second}})
	return r
}

// run starts the consumer and waits until it watches.
func (r *rig) run(t testing.TB) {
	journaltest.Run(t, "the consumer", r.consumer.Run)
	journaltest.Until(t, "the consumer to watch", func() bool {
		r.fold.mu.Lock()
		defer r.fold.mu.Unlock()
		return r.fold.observer != nil
	})
}

func (r *rig) beat(t testing.TB, b events.Beat) uint64 {
	t.Helper()
	b.At = events.MillisOf(r.Now())
	seq, err := r.log.Beat(t.Context(), b)
	if err != nil {
		t.Fatalf("appending a beat: %v", err)
	}
	return seq
}

func (r *rig) add(t testing.TB, e events.Event) uint64 {
	t.Helper()
	e.At, e.Actor = events.MillisOf(r.Now()), "test"
	p, err := r.log.Append(t.Context(), e, events.Key{})
	if err != nil {
		t.Fatalf("appending an event: %v", err)
	}
	return p.Seq
}

// settled waits until the fold stands at the log's end and nothing is left to
// write down.
func (r *rig) settled(t testing.TB) {
	t.Helper()
	journaltest.Until(t, "the fold to settle", func() bool {
		_, last, err := r.log.Bounds(t.Context())
		_, pending := r.fold.count()
		r.fold.mu.Lock()
		defer r.fold.mu.Unlock()
		return err == nil && pending == 0 && r.fold.seq == last
	})
}

// all returns the events of a type that the log holds, in its order.
func all(t testing.TB, j *journal.Journal, typ events.Type) []events.Event {
	t.Helper()
	_, last, err := j.Bounds(t.Context())
	if err != nil {
		t.Fatalf("asking for the log's end: %v", err)
	}
	var out []events.Event
	var c events.Commit
	err = j.Read(t.Context(), journal.Stretch{To: last}, func(batch []journal.Message) error {
		for i := range batch {
			if err := c.Decode(batch[i].Data); err != nil {
				return err
			}
			for n := range c.Entries {
				e, _, err := c.Entries[n].Event()
				if err != nil {
					return err
				}
				if e.Type == typ {
					out = append(out, e)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("reading the log: %v", err)
	}
	return out
}

func same[T comparable](t testing.TB, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
