package events_test

import (
	"github.com/rollcall-dev/rollcall/events"
)

// model tells the rules a second time, slowly: it keeps every sign of life that
// counts, and works out everything else from them each time it is asked.
type model struct {
	signs    map[string][]modelSign         // live session → all its signs of life since it began
	left     []events.Millis                // what ended sessions, logins and imports said of last seen
	override map[events.Place]events.Status // place → status, of the one that stands
	until    events.Millis                  // of the override, 0: it does not end by itself
	shown    events.Status
	since    events.Millis
	named    bool
	heard    bool // of the user at all
}

type modelSign struct {
	place  events.Place
	at     events.Millis
	idle   bool
	device string
}

func newModel() *model {
	return &model{signs: map[string][]modelSign{}, shown: events.StatusOffline}
}

// tell folds an event, or a beat as the event that it stands for, and returns
// whether and why the effective status changed.
func (m *model) tell(at events.Moment, e events.Event) (changed bool, why events.Cause) {
	stamp := believed(at, e.At)
	session := e.Session
	if session == "" {
		session = "default"
	}
	_, live := m.signs[session]
	// What can only follow from something that a user did says nothing of one
	// whom the log has never named, or has forgotten.
	if !m.heard && (e.Type == events.Offline && e.Session != "" || e.Type == events.Online ||
		e.Type == events.Override && e.Change != events.OverrideSet) {
		return false, ""
	}
	if e.Type != events.Heartbeat || live || !e.Leaving {
		m.heard = true
	}
	switch e.Type {
	case events.Login:
		m.sign(session, at, stamp, e)
		m.left = append(m.left, stamp)
		return m.look(stamp), events.CauseLogin
	case events.Heartbeat:
		if e.Leaving && !live {
			return false, ""
		}
		turned := live && m.idle(session) != e.Idle
		m.sign(session, at, stamp, e)
		if turned && e.Idle {
			return m.look(stamp), events.CauseIdle
		}
		return m.look(stamp), events.CauseHeartbeat
	case events.Logout:
		m.logout(session, stamp, e.All)
		return m.look(stamp), events.CauseLogout
	case events.Offline:
		m.offline(e)
		return m.look(stamp), e.Cause
	case events.Override:
		return m.overridden(at.Place(), stamp, e)
	}
	return false, ""
}

// believed is the broker's time, or a node's stamp where that is 10 s behind or
// more.
func believed(at events.Moment, stamp events.Millis) events.Millis {
	if behind := at.Time - stamp; behind >= 10_000 {
		return stamp
	}
	return at.Time
}

func (m *model) sign(session string, at events.Moment, stamp events.Millis, e events.Event) {
	m.signs[session] = append(m.signs[session], modelSign{at.Place(), stamp, e.Idle, e.Device})
}

func (m *model) logout(session string, at events.Millis, all bool) {
	for id := range m.signs {
		if all || id == session {
			delete(m.signs, id)
			m.left = append(m.left, at)
		}
	}
}

func (m *model) offline(e events.Event) {
	if e.Session == "" {
		m.left = append(m.left, e.LastSeen)
		return
	}
	for _, s := range m.signs[e.Session] {
		if later := s.place.Seq > e.Judged || s.place.Seq == e.Judged && s.place.Nth > e.JudgedNth; later {
			return
		}
	}
	if _, live := m.signs[e.Session]; live {
		delete(m.signs, e.Session)
		m.left = append(m.left, e.LastSeen)
	}
}

func (m *model) overridden(place events.Place, at events.Millis, e events.Event) (bool, events.Cause) {
	switch e.Change {
	case events.OverrideSet:
		m.override, m.until = map[events.Place]events.Status{place: e.Status}, e.Until
		return m.look(at), events.CauseOverride
	case events.OverrideCleared:
		m.override = nil
		return m.look(at), events.CauseOverrideCleared
	}
	if _, stands := m.override[events.Place{Seq: e.Judged, Nth: e.JudgedNth}]; stands {
		m.override = nil
		if m.until != 0 && m.until < at { // it ended then
			at = m.until
		}
		return m.look(at), events.CauseOverrideExpired
	}
	return false, ""
}

// look notes the status that there is now, and reports whether it is another.
func (m *model) look(at events.Millis) bool {
	now := m.observed()
	for _, status := range m.override {
		now = status
	}
	changed := now != m.shown
	if changed || !m.named {
		m.since = max(m.since, at)
	}
	m.shown, m.named = now, true
	return changed
}

func (m *model) observed() events.Status {
	status := events.StatusOffline
	for id := range m.signs {
		if !m.idle(id) {
			return events.StatusOnline
		}
		status = events.StatusAway
	}
	return status
}

func (m *model) idle(session string) bool {
	signs := m.signs[session]
	return signs[len(signs)-1].idle
}

func (m *model) lastSeen() events.Millis {
	var seen events.Millis
	for _, at := range m.left {
		seen = max(seen, at)
	}
	for id := range m.signs {
		seen = max(seen, m.seen(id))
	}
	return seen
}

func (m *model) seen(session string) events.Millis {
	var seen events.Millis
	for _, s := range m.signs[session] {
		seen = max(seen, s.at)
	}
	return seen
}
