package past

import (
	"testing"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// step is a change of a user between online and offline.
type step struct {
	At     events.Millis
	Online bool
}

// outcome is what a past comes to, as told by the log or by the oracle.
type outcome struct {
	Steps map[string][]step // user → his changes in their order
	Seen  map[string]events.Millis
	Live  map[string]int // user → live sessions at the end, where there are any
}

func newOutcome() outcome {
	return outcome{Steps: map[string][]step{}, Seen: map[string]events.Millis{}, Live: map[string]int{}}
}

// folded is what a log comes to by the rules.
type folded struct {
	users   map[string]*events.User
	changes []events.Change // in the order of the log
	beats   int             // heartbeats
	events  []events.Event  // all others, in the order of the log
	places  []events.Place  // theirs
	clock   events.Clock
}

// fold reads what stands in j from the sequence from on, and folds it.
func fold(t testing.TB, j *journal.Journal, from uint64) *folded {
	t.Helper()
	f := &folded{users: map[string]*events.User{}}
	_, last, err := j.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if last < from {
		return f
	}
	if err := j.Read(t.Context(), journal.Stretch{From: from, To: last}, func(batch []journal.Message) error {
		for i := range batch {
			if err := f.apply(&batch[i]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *folded) apply(m *journal.Message) error {
	at := events.Moment{Seq: m.Seq, Time: m.Time, Covered: f.clock.Advance(m.Time)}
	var c events.Commit
	if err := c.Decode(m.Data); err != nil {
		return err
	}
	for i := range c.Entries {
		at.Nth = uint32(i)
		e, _, err := c.Entries[i].Event()
		if err != nil {
			return err
		}
		if e.Type == events.Heartbeat {
			f.beats++
		} else {
			f.events, f.places = append(f.events, e), append(f.places, at.Place())
		}
		f.note(events.Apply(f.user(e.User), at, &e))
	}
	return nil
}

func (f *folded) note(c events.Change, changed bool) {
	if changed {
		f.changes = append(f.changes, c)
	}
}

func (f *folded) user(id string) *events.User {
	if f.users[id] == nil {
		f.users[id] = &events.User{ID: id}
	}
	return f.users[id]
}

func (f *folded) outcome() outcome {
	o := newOutcome()
	for _, c := range f.changes {
		o.Steps[c.User] = append(o.Steps[c.User], step{c.To.Since, c.To.Status == events.StatusOnline})
	}
	for id, u := range f.users {
		o.Seen[id] = u.LastSeen()
		if u.Live() {
			o.Live[id] = len(u.Sessions)
		}
	}
	return o
}

// ordered fails unless the changes of all users stand in the order of time.
func (f *folded) ordered(t interface{ Fatalf(string, ...any) }) {
	for i := 1; i < len(f.changes); i++ {
		if a, b := f.changes[i-1].To, f.changes[i].To; b.Since < a.Since {
			t.Fatalf("the change at %v (%s) comes after that at %v (%s)", b.Since, b.Place(), a.Since, a.Place())
		}
	}
}

// said returns the events of one type.
func (f *folded) said(typ events.Type) []events.Event {
	var out []events.Event
	for _, e := range f.events {
		if e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}
