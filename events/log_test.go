package events_test

import (
	"reflect"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
)

// message is one commit of a log about alice, or one entry of it: see singly.
type message struct {
	at      events.Moment
	entries []saying // in their order; the first is the one that at names
}

// saying is one entry: an event, or a beat.
type saying struct {
	event *events.Event // nil: a beat
	beat  events.Beat
}

// fold applies m to u as a view does.
func (m *message) fold(u *events.User) []events.Change {
	var changes []events.Change
	at := m.at
	for i := range m.entries {
		if c, ok := m.entries[i].apply(u, at); ok {
			changes = append(changes, c)
		}
		at.Nth++
	}
	return changes
}

func (s *saying) apply(u *events.User, at events.Moment) (events.Change, bool) {
	if s.event != nil {
		return events.Apply(u, at, s.event)
	}
	raw := s.beat.Raw()
	return events.ApplyBeat(u, at, &raw)
}

// foldAsViewsDo is fold for a log in which overrides end by themselves.
func (m *message) foldAsViewsDo(u *events.User) []events.Change {
	var changes []events.Change
	at := m.at
	for i := range m.entries {
		if c, ok := m.entries[i].lapse(u, at); ok {
			changes = append(changes, c)
		}
		if c, ok := m.entries[i].apply(u, at); ok {
			changes = append(changes, c)
		}
		at.Nth++
	}
	return changes
}

func (s *saying) lapse(u *events.User, at events.Moment) (events.Change, bool) {
	if s.event == nil {
		raw := s.beat.Raw()
		t := at.Effective(s.beat.At)
		if u.Effect(&raw, t) != events.EffectChange {
			return events.Change{}, false
		}
		return events.Lapse(u, at, t)
	}
	if !s.event.Lapses() {
		return events.Change{}, false
	}
	return events.Lapse(u, at, at.Effective(s.event.At))
}

// fullFold applies the whole log to a fresh user.
func fullFold(log []message) (events.User, []events.Change) {
	u := events.User{ID: "alice"}
	var changes []events.Change
	for i := range log {
		changes = append(changes, log[i].foldAsViewsDo(&u)...)
	}
	return u, changes
}

// singly is log with a message for each entry.
func singly(log []message) []message {
	var single []message
	for _, m := range log {
		for _, e := range m.entries {
			single = append(single, message{at: m.at, entries: []saying{e}})
			m.at.Nth++
		}
	}
	return single
}

// said is the event of a message of singly.
func (m *message) said() events.Event {
	if e := m.entries[0].event; e != nil {
		return *e
	}
	return m.entries[0].beat.Event()
}

// diff is cmp.Diff, but quick where there is none: properties ask for it at
// every message.
func diff(want, got any, opts ...cmp.Option) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got, opts...)
}
