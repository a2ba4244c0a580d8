package events_test

import (
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// message is one message of a log about alice: an event, or a batch of beats.
type message struct {
	at    events.Moment
	event *events.Event // nil: a batch
	beats []events.Beat
}

// fold applies m to u as a view does.
func (m *message) fold(u *events.User) []events.Change {
	var changes []events.Change
	if m.event != nil {
		if c, ok := events.Apply(u, m.at, m.event); ok {
			changes = append(changes, c)
		}
	}
	for _, b := range m.beats {
		raw := b.Raw()
		if c, ok := events.ApplyBeat(u, m.at, &raw); ok {
			changes = append(changes, c)
		}
	}
	return changes
}

// habits say how the log comes about.
type habits struct {
	// wrongClocks: nodes stamp events up to 20 s before and 30 s after the
	// broker. Otherwise stamps never decrease along the log.
	wrongClocks bool
	// crowdedBatches: one batch may hold several beats of a session.
	crowdedBatches bool
	// twoWitnesses: two timeout consumers are at work, so that an online
	// event may stand in the log twice.
	twoWitnesses bool
}

// scribe writes a random log, as nodes and a timeout consumer would that have
// read it up to its end, and folds it while it writes.
type scribe struct {
	t      *rapid.T
	habits habits
	log    []message
	u      events.User
	seq    uint64
	now    events.Millis // broker's timestamp
	stamp  events.Millis // last `at` of a node
	heard  []sign        // every login and beat so far
	put    []uint64      // sequences at which an override was set
	told   []events.Event
	waits  int // messages since a witness began to wait
}

// sign is a sign of life as the timeout consumer remembers it.
type sign struct {
	session string
	seq     uint64
	seen    events.Millis
}

func newScribe(t *rapid.T, h habits) *scribe {
	return &scribe{t: t, habits: h, u: events.User{ID: "alice"}, now: morning, stamp: morning}
}

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

// moment is the next place in the log.
func (w *scribe) moment() events.Moment {
	w.seq += rapid.Uint64Range(1, 3).Draw(w.t, "seq")
	w.now += events.Millis(rapid.Int64Range(0, 4_000).Draw(w.t, "elapsed"))
	return events.Moment{Seq: w.seq, Time: w.now}
}

// at is what the accepting node's clock says.
func (w *scribe) at() events.Millis {
	if w.habits.wrongClocks {
		return w.now + events.Millis(rapid.Int64Range(-20_000, 30_000).Draw(w.t, "skew"))
	}
	w.stamp += events.Millis(rapid.Int64Range(0, int64(w.now-w.stamp)).Draw(w.t, "at"))
	return w.stamp
}

func (w *scribe) write(m message) {
	m.fold(&w.u)
	w.log = append(w.log, m)
	for i := range w.u.Sessions {
		if s := &w.u.Sessions[i]; s.Seq == m.at.Seq {
			w.heard = append(w.heard, sign{s.ID, s.Seq, s.LastSeen})
		}
	}
}

func (w *scribe) publish(e events.Event) {
	m := w.moment()
	e.V, e.User, e.At = events.Version, w.u.ID, w.at()
	if e.Actor == "" {
		e.Actor = rapid.SampledFrom([]string{"alice", "ops"}).Draw(w.t, "actor")
	}
	if err := e.Validate(); err != nil {
		w.t.Fatalf("%+v: %v", e, err)
	}
	w.write(message{at: m, event: &e})
}

// fullFold applies the whole log to a fresh user.
func fullFold(log []message) (events.User, []events.Change) {
	u := events.User{ID: "alice"}
	var changes []events.Change
	for i := range log {
		changes = append(changes, log[i].fold(&u)...)
	}
	return u, changes
}
