package events_test

import (
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// habits say how the log comes about.
type habits struct {
	clocks clocks
	// twoWitnesses: two timeout consumers are at work, so that an online
	// event may stand in the log twice.
	twoWitnesses bool
}

// clocks say what broker and nodes stamp on what they write.
type clocks int

const (
	// fair: the broker's time never decreases, and nodes stamp less than 10 s
	// behind it, or ahead of it.
	fair clocks = iota
	// importing: as fair, but the log begins with an import, whose stamps are
	// 10 s behind or more and never decrease.
	importing
	// wrong: the broker's clock is set back now and then, and nodes stamp up to
	// 20 s behind and 30 s ahead of it.
	wrong
)

// scribe writes a random log, as nodes and a timeout consumer would that have
// read it up to its end, and folds it while it writes.
type scribe struct {
	t      *rapid.T
	habits habits
	log    []message
	u      events.User
	seq    uint64
	now    events.Millis  // broker's timestamp
	stamp  events.Millis  // last `at` of the import, 0: it is over
	heard  []sign         // every login and beat so far
	put    []events.Place // where an override was set
	told   []events.Event
	waits  int // messages since a witness began to wait
}

// sign is a sign of life as the timeout consumer remembers it.
type sign struct {
	session string
	place   events.Place
	seen    events.Millis
}

func newScribe(t *rapid.T, h habits) *scribe {
	w := &scribe{t: t, habits: h, u: events.User{ID: "alice"}, now: morning}
	if h.clocks == importing {
		w.stamp = morning - month
	}
	return w
}

const month = events.Millis(30 * 86_400_000)

// writeLog writes a random log. No beat waits for its witness for more than
// a dozen messages.
func (w *scribe) writeLog() {
	w.t.Repeat(map[string]func(*rapid.T){
		"batch":    w.deed((*scribe).batch),
		"beat":     w.deed((*scribe).beat),
		"refresh":  w.deed((*scribe).refresh),
		"login":    w.deed((*scribe).login),
		"logout":   w.deed((*scribe).logout),
		"offline":  w.deed((*scribe).offline),
		"late":     w.deed((*scribe).late),
		"imported": w.deed((*scribe).imported),
		"override": w.deed((*scribe).override),
		"expiry":   w.deed((*scribe).expiry),
		"witness":  w.deed((*scribe).witness),
		"again":    w.deed((*scribe).again),
		"go live":  w.deed((*scribe).goLive),
	})
}

// deed is one message or, where a deed has no object, none.
func (w *scribe) deed(do func(*scribe)) func(*rapid.T) {
	return func(t *rapid.T) {
		w.t = t
		switch {
		case len(w.u.Pending) == 0:
			w.waits = 0
		case w.waits == 12:
			do = (*scribe).witness
		default:
			w.waits++
		}
		do(w)
	}
}

// moment is the next place in the log: in another commit, or in the last one.
func (w *scribe) moment() events.Moment {
	if n := len(w.log); n > 0 && rapid.IntRange(0, 2).Draw(w.t, "same commit") == 2 {
		at := w.log[n-1].at
		at.Nth = uint32(len(w.log[n-1].entries))
		return at
	}
	w.seq += rapid.Uint64Range(1, 3).Draw(w.t, "seq")
	least := int64(0)
	if w.habits.clocks == wrong {
		least = -2_000
	}
	w.now += events.Millis(rapid.Int64Range(least, 4_000).Draw(w.t, "elapsed"))
	return events.Moment{Seq: w.seq, Time: w.now}
}

// at is what the accepting node's clock says.
func (w *scribe) at() events.Millis {
	if w.stamp != 0 {
		w.stamp += events.Millis(rapid.Int64Range(0, int64(w.now-10_000-w.stamp)).Draw(w.t, "at"))
		return w.stamp
	}
	behind := int64(9_999)
	if w.habits.clocks == wrong {
		behind = 20_000
	}
	return w.now + events.Millis(rapid.Int64Range(-behind, 30_000).Draw(w.t, "skew"))
}

// goLive ends the import.
func (w *scribe) goLive() { w.stamp = 0 }

func (w *scribe) write(m message) {
	at := m.at
	for i := range m.entries {
		m.entries[i].apply(&w.u, at)
		for j := range w.u.Sessions {
			if s := &w.u.Sessions[j]; s.Place() == at.Place() {
				w.heard = append(w.heard, sign{s.ID, s.Place(), s.LastSeen})
			}
		}
		at.Nth++
	}
	if m.at.Nth == 0 {
		w.log = append(w.log, m)
		return
	}
	last := &w.log[len(w.log)-1]
	last.entries = append(last.entries, m.entries...)
}

// publish returns the place of e.
func (w *scribe) publish(e events.Event) events.Place {
	m := w.moment()
	e.V, e.User, e.At = events.Version, w.u.ID, w.at()
	if e.Actor == "" {
		e.Actor = rapid.SampledFrom([]string{"alice", "ops"}).Draw(w.t, "actor")
	}
	if err := e.Validate(); err != nil {
		w.t.Fatalf("%+v: %v", e, err)
	}
	w.write(message{at: m, entries: []saying{{event: &e}}})
	return m.Place()
}
