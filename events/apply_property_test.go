package events_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// eachHabit runs prop over logs of every kind.
func eachHabit(t *testing.T, prop func(t *rapid.T, log []message, c clocks)) {
	for name, c := range map[string]clocks{"fair clocks": fair, "an import": importing, "wrong clocks": wrong} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := newScribe(t, habits{clocks: c, twoWitnesses: true})
				w.writeLog()
				prop(t, singly(w.log), c)
			})
		})
	}
}

func TestApplyDoesWhatTheModelDoes(t *testing.T) {
	eachHabit(t, func(t *rapid.T, log []message, _ clocks) {
		u, m := events.User{ID: "alice"}, newModel()
		for i := range log {
			before := u.Shown
			before.Status = u.Status()
			changes := log[i].fold(&u)
			if changed, why := m.tell(log[i].at, log[i].said()); changed {
				compareChange(t, changes, &before, m, log[i].at.Place(), why)
			} else if len(changes) != 0 {
				t.Fatalf("%+v is no change", changes)
			}
			compareWithModel(t, &u, m)
		}
	})
}

func compareChange(t *rapid.T, got []events.Change, from *events.Shown, m *model, place events.Place, why events.Cause) {
	if len(got) != 1 {
		t.Fatalf("%d changes, want one, to %s", len(got), m.shown)
	}
	want := events.Change{User: "alice", From: *from, Observed: m.observed(), LastSeen: m.lastSeen(),
		To: events.Shown{Status: m.shown, Since: m.since, Cause: why, Actor: got[0].To.Actor, Seq: place.Seq, Nth: place.Nth}}
	if d := diff(want, got[0]); d != "" {
		t.Fatalf("change (-model +got):\n%s", d)
	}
}

func compareWithModel(t *rapid.T, u *events.User, m *model) {
	if u.Status() != m.shown || u.Observed() != m.observed() || u.Shown.Since != m.since || u.LastSeen() != m.lastSeen() {
		t.Fatalf("got %s, %s, since %v, seen %v; the model says %s, %s, %v, %v", u.Status(), u.Observed(), u.Shown.Since, u.LastSeen(),
			m.shown, m.observed(), m.since, m.lastSeen())
	}
	got, want := map[string]events.Session{}, map[string]events.Session{}
	for _, s := range u.Sessions {
		s.Every, s.Leaving, s.Beaten = 0, false, false
		got[s.ID] = s
	}
	for id, signs := range m.signs {
		s := events.Session{ID: id, Since: signs[0].at}
		for _, sign := range signs {
			s.Seq, s.Nth, s.Idle, s.LastSeen = sign.place.Seq, sign.place.Nth, sign.idle, m.seen(id)
			if sign.device != "" {
				s.Device = sign.device
			}
		}
		want[id] = s
	}
	if d := diff(want, got); d != "" || len(u.Sessions) != len(want) {
		t.Fatalf("sessions (-model +got):\n%s", d)
	}
}

// A beat of a batch and the event that it stands for mean the same.
func TestABeatFoldsLikeItsEvent(t *testing.T) {
	eachHabit(t, func(t *rapid.T, log []message, _ clocks) {
		u := events.User{ID: "alice"}
		for i := range log {
			before, said := u.Clone(), log[i].said()
			changes := log[i].fold(&u)
			compareApplied(t, &before, log[i].at, said, &u, changes)
			if entry := log[i].entries[0]; entry.event == nil { // an event may leave out what a beat may
				b := entry.beat
				said.Session, said.Actor = b.Session, b.Actor
				compareApplied(t, &before, log[i].at, said, &u, changes)
			}
		}
	})
}

// compareApplied applies e to from, and compares with what else came of it.
func compareApplied(t *rapid.T, from *events.User, at events.Moment, e events.Event, want *events.User, changes []events.Change) {
	got := from.Clone()
	change, changed := events.Apply(&got, at, &e)
	if d := diff(*want, got); d != "" {
		t.Fatalf("%+v (-beat +event):\n%s", e, d)
	}
	if changed != (len(changes) == 1) || changed && change != changes[0] {
		t.Fatalf("%+v: the beat changes %+v, its event %+v", e, changes, change)
	}
}
