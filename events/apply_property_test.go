package events_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// eachHabit runs prop over logs of every kind.
func eachHabit(t *testing.T, prop func(t *rapid.T, log []message, h habits)) {
	for name, h := range map[string]habits{
		"clocks agree":    {crowdedBatches: true, twoWitnesses: true},
		"clocks disagree": {crowdedBatches: true, twoWitnesses: true, wrongClocks: true},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := newScribe(t, h)
				w.writeLog()
				prop(t, singly(w.log), h)
			})
		})
	}
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

func TestApplyDoesWhatTheModelDoes(t *testing.T) {
	eachHabit(t, func(t *rapid.T, log []message, _ habits) {
		u, m := events.User{ID: "alice"}, newModel()
		for i := range log {
			before := u.Shown
			before.Status = u.Status()
			changes := log[i].fold(&u)
			if changed, why := m.tell(log[i].at, log[i].said()); changed {
				compareChange(t, changes, &before, m, log[i].at.Seq, why)
			} else if len(changes) != 0 {
				t.Fatalf("%+v is no change", changes)
			}
			compareWithModel(t, &u, m)
		}
	})
}

func compareChange(t *rapid.T, got []events.Change, from *events.Shown, m *model, seq uint64, why events.Cause) {
	if len(got) != 1 {
		t.Fatalf("%d changes, want one, to %s", len(got), m.shown)
	}
	want := events.Change{User: "alice", From: *from, Observed: m.observed(), LastSeen: m.lastSeen(),
		To: events.Shown{Status: m.shown, Since: m.since, Cause: why, Actor: got[0].To.Actor, Seq: seq}}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Fatalf("change (-model +got):\n%s", diff)
	}
}

func compareWithModel(t *rapid.T, u *events.User, m *model) {
	if u.Status() != m.shown || u.Observed() != m.observed() || u.Shown.Since != m.since || u.LastSeen() != m.lastSeen() {
		t.Fatalf("got %s, %s, since %v, seen %v; the model says %s, %s, %v, %v", u.Status(), u.Observed(), u.Shown.Since, u.LastSeen(),
			m.shown, m.observed(), m.since, m.lastSeen())
	}
	got, want := map[string]events.Session{}, map[string]events.Session{}
	for _, s := range u.Sessions {
		got[s.ID] = s
	}
	for id, signs := range m.signs {
		s := events.Session{ID: id, Since: signs[0].at}
		for _, sign := range signs {
			s.Seq, s.Idle, s.LastSeen = sign.seq, sign.idle, m.seen(id)
			if sign.device != "" {
				s.Device = sign.device
			}
		}
		want[id] = s
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(events.Activity{}, "Every", "Leaving", "Beaten")); diff != "" || len(u.Sessions) != len(want) {
		t.Fatalf("sessions (-model +got):\n%s", diff)
	}
}

// A beat of a batch and the event that it stands for mean the same.
func TestABeatFoldsLikeItsEvent(t *testing.T) {
	eachHabit(t, func(t *rapid.T, log []message, _ habits) {
		u := events.User{ID: "alice"}
		for i := range log {
			other, said := u.Clone(), log[i].said()
			changes := log[i].fold(&u)
			change, changed := events.Apply(&other, log[i].at, &said)
			if diff := cmp.Diff(u, other); diff != "" {
				t.Fatalf("%+v (-beat +event):\n%s", said, diff)
			}
			if changed != (len(changes) == 1) || changed && change != changes[0] {
				t.Fatalf("%+v: the beat changes %+v, its event %+v", said, changes, change)
			}
		}
	})
}
