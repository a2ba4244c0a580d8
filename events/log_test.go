package events_test

import (
	"reflect"

	"github.com/google/go-cmp/cmp"

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
	at := m.at
	for _, b := range m.beats {
		raw := b.Raw()
		if c, ok := events.ApplyBeat(u, at, &raw); ok {
			changes = append(changes, c)
		}
		at.Nth++
	}
	return changes
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

// singly is log with a message for each beat.
func singly(log []message) []message {
	var single []message
	for _, m := range log {
		if m.event != nil {
			single = append(single, m)
		}
		for _, b := range m.beats {
			single = append(single, message{at: m.at, beats: []events.Beat{b}})
			m.at.Nth++
		}
	}
	return single
}

// said is the event of a message of singly.
func (m *message) said() events.Event {
	if m.event != nil {
		return *m.event
	}
	return m.beats[0].Event()
}

// diff is cmp.Diff, but quick where there is none: properties ask for it at
// every message.
func diff(want, got any, opts ...cmp.Option) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got, opts...)
}
