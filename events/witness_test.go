package events_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
	}
	u, _ := fullFold(log)
	want := []events.Witness{
		{Session: events.DefaultSession, Actor: "gateway", By: 1, Since: morning + 1000},
		{Session: events.DefaultSession, Actor: "alice", By: 3, Since: morning + 3000, Idle: true},
		{Session: events.DefaultSession, Actor: "alice", By: 3, Since: morning + 3000, Idle: true, Voids: 4},
		{Session: events.DefaultSession, Actor: "alice", By: 3, Since: morning + 3000, Idle: true, Voids: 5},
	}
	if diff := cmp.Diff(want, u.Pending); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	for len(want) > 0 {
		first := want[0]
		online := entry(8, events.Event{Type: events.Online, Session: first.Session, By: first.By, Since: first.Since, Idle: first.Idle, Voids: first.Voids})
		if changes := online.fold(&u); len(changes) != 0 {
			t.Errorf("a witness changed %+v", changes)
		}
		want = want[1:]
		if diff := cmp.Diff(want, u.Pending, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("after %+v (-want +got):\n%s", first, diff)
		}
	}
}
