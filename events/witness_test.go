package events_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

func TestWhatBeatsChangedWaitsForItsWitnesses(t *testing.T) {
	log := []message{
		beats(1, events.Beat{Actor: "gateway"}),
		beats(2, events.Beat{}),
		beats(3, events.Beat{Idle: true}),
		entry(4, events.Event{Type: events.Offline, Session: events.DefaultSession, Cause: events.CauseTimeout, Judged: 2, LastSeen: morning}),
		entry(5, events.Event{Type: events.Offline, Session: events.DefaultSession, Cause: events.CauseTimeout, Judged: 2, LastSeen: morning}),
		entry(6, events.Event{Type: events.Login, Session: "web"}),
		entry(7, events.Event{Type: events.Offline, Session: "web", Cause: events.CauseTimeout, Judged: 5, LastSeen: morning}),
		beats(8, events.Beat{Session: "web"}, events.Beat{Session: "web", Idle: true}, events.Beat{Session: "web"}, events.Beat{Session: "web", Idle: true},
			events.Beat{Session: "app"}, events.Beat{Session: "web", Idle: true, Actor: "gateway"}),
		entry(9, events.Event{Type: events.Offline, Session: "web", Cause: events.CauseTimeout, Judged: 6, LastSeen: morning}),
	}
	u, _ := fullFold(log)
	want := []events.Witness{
		{Session: events.DefaultSession, Actor: "gateway", By: events.Place{Seq: 1}, Since: morning + 1000},
		{Session: events.DefaultSession, Actor: "alice", By: events.Place{Seq: 3}, Since: morning + 3000, Idle: true},
		{Session: events.DefaultSession, Actor: "alice", By: events.Place{Seq: 3}, Since: morning + 3000, Idle: true, Voids: events.Place{Seq: 4}},
		{Session: events.DefaultSession, Actor: "alice", By: events.Place{Seq: 3}, Since: morning + 3000, Idle: true, Voids: events.Place{Seq: 5}},
		{Session: "web", Actor: "alice", By: events.Place{Seq: 8, Nth: 1}, Since: morning + 8000, Idle: true},
		{Session: "web", Actor: "alice", By: events.Place{Seq: 8, Nth: 2}, Since: morning + 8000},
		{Session: "web", Actor: "alice", By: events.Place{Seq: 8, Nth: 3}, Since: morning + 8000, Idle: true},
		{Session: "app", Actor: "alice", By: events.Place{Seq: 8, Nth: 4}, Since: morning + 8000},
		{Session: "web", Actor: "alice", By: events.Place{Seq: 8, Nth: 5}, Since: morning + 8000, Idle: true, Voids: events.Place{Seq: 9}},
	}
	if diff := cmp.Diff(want, u.Pending); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	for _, e := range []events.Event{
		{Session: "app", By: 1}, {Session: events.DefaultSession, By: 2}, {Session: events.DefaultSession, By: 1, ByNth: 1}, {Session: events.DefaultSession, By: 1, Voids: 4},
	} {
		e.Type, e.Since = events.Online, morning
		other := entry(10, e)
		other.fold(&u)
		if diff := cmp.Diff(want, u.Pending); diff != "" {
			t.Errorf("%+v, which witnesses nothing that waits (-want +got):\n%s", e, diff)
		}
	}
	for len(want) > 0 {
		first := want[0]
		online := entry(10, events.Event{Type: events.Online, Session: first.Session, By: first.By.Seq, ByNth: first.By.Nth, Since: first.Since,
			Idle: first.Idle, Voids: first.Voids.Seq, VoidsNth: first.Voids.Nth})
		if changes := online.fold(&u); len(changes) != 0 {
			t.Errorf("a witness changed %+v", changes)
		}
		want = want[1:]
		if diff := cmp.Diff(want, u.Pending, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("after %+v (-want +got):\n%s", first, diff)
		}
	}
}

// An online changes nothing, and strikes that beat alone which it writes down.
func TestAnOnlineStrikesItsBeatAlone(t *testing.T) {
	eachHabit(t, func(t *rapid.T, log []message, _ clocks) {
		u := events.User{ID: "alice"}
		for i := range log {
			want := u.Clone()
			changes := log[i].fold(&u)
			said := log[i].said()
			if said.Type != events.Online {
				continue
			}
			want.Seq = log[i].at.Seq
			want.Pending = slices.DeleteFunc(want.Pending, func(w events.Witness) bool {
				return events.Witness{Session: w.Session, By: w.By, Voids: w.Voids} ==
					events.Witness{Session: said.Session, By: said.ByPlace(), Voids: said.VoidsPlace()}
			})
			if d := diff(want, u, cmpopts.EquateEmpty()); d != "" || len(changes) != 0 {
				t.Fatalf("%+v changed %+v (-want +got):\n%s", said, changes, d)
			}
		}
	})
}

func TestWitnessedIsTheBeatInItsPlace(t *testing.T) {
	e := golden["online_nth"]
	b, m := events.Witnessed(&e)
	if diff := cmp.Diff(events.Beat{User: "alice", Session: "web-1", Actor: "alice", At: e.Since, Idle: true}, b); diff != "" {
		t.Errorf("the beat (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(events.Moment{Seq: 44, Nth: 2, Time: e.Since}, m); diff != "" {
		t.Errorf("its place (-want +got):\n%s", diff)
	}
}
