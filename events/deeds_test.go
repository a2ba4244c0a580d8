package events_test

import (
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// The first two are one session.
var sessions = []string{"", events.DefaultSession, "web", "app"}

func (w *scribe) session() string { return rapid.SampledFrom(sessions).Draw(w.t, "session") }

func (w *scribe) drawBeat() events.Beat {
	return events.Beat{User: w.u.ID, Session: w.session(), At: w.at(),
		Actor:   rapid.SampledFrom([]string{"", "alice", "gateway"}).Draw(w.t, "actor"),
		Every:   rapid.SampledFrom([]uint16{0, 30, 360}).Draw(w.t, "every"),
		Idle:    rapid.Bool().Draw(w.t, "idle"),
		Leaving: rapid.IntRange(0, 4).Draw(w.t, "leaving") == 4}
}

func (w *scribe) beat() {
	w.write(message{at: w.moment(), entries: []saying{{beat: w.drawBeat()}}})
}

// refresh is the beat of every thirty seconds: it changes nothing.
func (w *scribe) refresh() {
	if len(w.u.Sessions) == 0 {
		return
	}
	s := rapid.SampledFrom(w.u.Sessions).Draw(w.t, "session")
	m := w.moment()
	w.write(message{at: m, entries: []saying{{beat: events.Beat{User: w.u.ID, Session: s.ID, At: w.at(), Idle: s.Idle}}}})
}

// batch publishes the beats of several sessions, or more of one.
func (w *scribe) batch() {
	m := message{at: w.moment()}
	for range rapid.IntRange(2, 4).Draw(w.t, "beats") {
		m.entries = append(m.entries, saying{beat: w.drawBeat()})
	}
	w.write(m)
}

func (w *scribe) login() {
	w.publish(events.Event{Type: events.Login, Session: w.session(),
		Device: rapid.SampledFrom([]string{"", "Firefox", "phone"}).Draw(w.t, "device")})
}

func (w *scribe) logout() {
	if rapid.IntRange(0, 2).Draw(w.t, "all") == 2 {
		w.publish(events.Event{Type: events.Logout, All: true})
		return
	}
	w.publish(events.Event{Type: events.Logout, Session: w.session()})
}

// offline publishes what was judged just now.
func (w *scribe) offline() {
	if len(w.u.Sessions) == 0 {
		return
	}
	s := rapid.SampledFrom(w.u.Sessions).Draw(w.t, "session")
	w.judge(sign{s.ID, s.Place(), s.LastSeen})
}

// late publishes what was judged at some time before, and perhaps published
// already: a consumer that was stopped for a while, or a second one.
func (w *scribe) late() {
	if len(w.heard) > 0 {
		w.judge(rapid.SampledFrom(w.heard).Draw(w.t, "judged"))
	}
}

func (w *scribe) judge(s sign) {
	cause := rapid.SampledFrom([]events.Cause{events.CauseTimeout, events.CauseLeft}).Draw(w.t, "cause")
	w.publish(events.Event{Type: events.Offline, Session: s.session, Judged: s.place.Seq, JudgedNth: s.place.Nth, LastSeen: s.seen,
		Cause: cause, Actor: events.ServiceActor})
}

// imported says when alice was last seen before the log began.
func (w *scribe) imported() {
	ago := events.Millis(rapid.Int64Range(1, 1_000_000).Draw(w.t, "ago"))
	w.publish(events.Event{Type: events.Offline, Cause: events.CauseTimeout, LastSeen: morning - ago, Actor: "import"})
}

func (w *scribe) override() {
	if rapid.IntRange(0, 2).Draw(w.t, "clear") == 2 {
		w.publish(events.Event{Type: events.Override, Change: events.OverrideCleared})
		return
	}
	var until events.Millis
	if rapid.Bool().Draw(w.t, "ends") {
		until = w.now + events.Millis(rapid.IntRange(1, 20_000).Draw(w.t, "lasts"))
	}
	w.put = append(w.put, w.publish(events.Event{Type: events.Override, Change: events.OverrideSet, Until: until,
		Status: rapid.SampledFrom(events.Statuses[:]).Draw(w.t, "status"),
		Reason: rapid.SampledFrom([]string{"", "lunch"}).Draw(w.t, "reason")}))
}

// expiry ends the override that stands, or comes too late for it.
func (w *scribe) expiry() {
	if len(w.put) > 0 {
		judged := rapid.SampledFrom(w.put).Draw(w.t, "judged")
		w.publish(events.Event{Type: events.Override, Change: events.OverrideExpired, Judged: judged.Seq, JudgedNth: judged.Nth,
			Actor: events.ServiceActor})
	}
}

// witness writes down the beat that has waited longest.
func (w *scribe) witness() {
	if len(w.u.Pending) == 0 {
		return
	}
	p := w.u.Pending[0]
	e := events.Event{Type: events.Online, Session: p.Session, By: p.By.Seq, ByNth: p.By.Nth, Since: p.Since, Idle: p.Idle,
		Voids: p.Voids.Seq, VoidsNth: p.Voids.Nth, Actor: p.Actor}
	w.told = append(w.told, e)
	w.waits = 0
	w.publish(e)
}

// again writes down what another consumer has written down already.
func (w *scribe) again() {
	if w.habits.twoWitnesses && len(w.told) > 0 {
		w.publish(rapid.SampledFrom(w.told).Draw(w.t, "online"))
	}
}
