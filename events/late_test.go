package events_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// lateFold folds a log and keeps what was shown from when on.
type lateFold struct {
	u     events.User
	seq   uint64
	clock events.Clock
	at    []events.Millis
	what  []events.Status
}

func (f *lateFold) note(c events.Change, changed bool) {
	if !changed {
		return
	}
	f.at, f.what = append(f.at, c.To.Since), append(f.what, c.To.Status)
}

func (f *lateFold) event(now events.Millis, e events.Event) {
	f.seq++
	m := events.Moment{Seq: f.seq, Time: now, Covered: f.clock.Advance(now)}
	e.User, e.V = "alice", events.Version
	if e.At == 0 {
		e.At = now
	}
	if e.Lapses() {
		f.note(events.Lapse(&f.u, m, m.Effective(e.At)))
	}
	f.note(events.Apply(&f.u, m, &e))
}

// status is what was shown at t.
func (f *lateFold) status(t events.Millis) events.Status {
	s := events.StatusOffline
	for i := range f.at {
		if f.at[i] <= t {
			s = f.what[i]
		}
	}
	return s
}

// TestLapse_ComesLate: an override until T; somebody logs in, or out, at T+6; the
// expiry is written at T+14.
func TestLapse_ComesLate(t *testing.T) {
	const until = morning + 60_000
	for name, test := range map[string]struct {
		before, after events.Event
		want          []string
	}{
		"who comes after the end comes then": {events.Event{}, events.Event{Type: events.Login, Actor: "alice"},
			[]string{"0 busy", "60000 offline", "66000 online"}},
		"who was there is there until they go": {events.Event{Type: events.Login, Actor: "alice"}, events.Event{Type: events.Logout, Actor: "alice"},
			[]string{"-1000 online", "0 busy", "60000 online", "66000 offline"}},
		"a second override begins where it begins": {events.Event{}, events.Event{Type: events.Override, Change: events.OverrideSet, Status: events.StatusAway},
			[]string{"0 busy", "60000 offline", "66000 away"}},
		"a session that falls silent after the end": {events.Event{Type: events.Login, Actor: "alice"},
			events.Event{Type: events.Offline, Session: "default", Cause: events.CauseTimeout, LastSeen: morning - 1000, Judged: 1},
			[]string{"-1000 online", "0 busy", "60000 online", "66000 offline"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &lateFold{u: events.User{ID: "alice"}}
			if test.before.Type != "" {
				f.event(morning-1000, test.before)
			}
			f.event(morning, events.Event{Type: events.Override, Change: events.OverrideSet, Status: events.StatusBusy, Until: until, Actor: "ops"})
			set := f.seq
			f.event(until+6_000, test.after)
			f.event(until+14_000, events.Event{Type: events.Override, Change: events.OverrideExpired, Judged: set, At: until, Actor: events.ServiceActor})
			var got []string
			for i := range f.at {
				got = append(got, fmt.Sprint(int64(f.at[i]-morning), " ", f.what[i]))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("shown %v, want %v", got, test.want)
			}
		})
	}
}

// TestLapse_AsIfItHadBeenWrittenInTime holds a log in which the service writes
// each end of an override with a random delay against the times at which things
// truly happened.
func TestLapse_AsIfItHadBeenWrittenInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type standing struct {
			until events.Millis // 0: none stands
			set   events.Millis
			what  events.Status
		}
		f := &lateFold{u: events.User{ID: "alice"}}
		now := morning
		var live bool
		var over standing
		var pending []struct {
			due    events.Millis
			judged uint64
			until  events.Millis
		}
		truth := map[events.Millis]events.Status{}
		var times []events.Millis
		know := func(at events.Millis) {
			s := events.StatusOffline
			if live {
				s = events.StatusOnline
			}
			if over.what != "" && (over.until == 0 || at < over.until) {
				s = over.what
			}
			truth[at] = s
			times = append(times, at)
		}
		flush := func(to events.Millis) {
			for i := 0; i < len(pending); {
				if p := pending[i]; p.due <= to {
					f.event(max(p.due, f.clock.Last), events.Event{Type: events.Override, Change: events.OverrideExpired, Judged: p.judged, At: p.until, Actor: events.ServiceActor})
					pending = slices.Delete(pending, i, i+1)
					continue
				}
				i++
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			next := now + events.Millis(rapid.IntRange(1, 60_000).Draw(t, "gap"))
			if over.what != "" && over.until > now && over.until <= next {
				know(over.until) // it ends by itself
			}
			now = next
			flush(now)
			if over.until != 0 && over.until <= now {
				over = standing{}
			}
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				live = true
				f.event(now, events.Event{Type: events.Login, Actor: "alice"})
			case 1:
				live = false
				f.event(now, events.Event{Type: events.Logout, Actor: "alice"})
			case 2:
				over = standing{set: now, what: events.StatusBusy, until: now + events.Millis(rapid.IntRange(1, 90_000).Draw(t, "lasts"))}
				f.event(now, events.Event{Type: events.Override, Change: events.OverrideSet, Status: over.what, Until: over.until, Actor: "ops"})
				pending = append(pending, struct {
					due    events.Millis
					judged uint64
					until  events.Millis
				}{over.until + events.Millis(rapid.IntRange(0, 100_000).Draw(t, "late")), f.seq, over.until})
			case 3:
				over = standing{}
				f.event(now, events.Event{Type: events.Override, Change: events.OverrideCleared, Actor: "ops"})
			}
			know(now)
		}
		if over.what != "" && over.until != 0 {
			know(over.until)
		}
		flush(1 << 60)
		for _, at := range times {
			if got := f.status(at); got != truth[at] {
				t.Fatalf("at %d: shown %s, was %s", at-morning, got, truth[at])
			}
		}
	})
}
