package events_test

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
)

// crowded is a user with something in every field.
func crowded() events.User {
	return events.User{
		ID: "alice", Seq: 9, Settled: morning, Left: morning - 1, Mark: 3,
		Sessions: []events.Session{
			{ID: "web-1", Device: "Firefox", Since: morning, Alarm: 4, Activity: events.Activity{Seq: 8, LastSeen: morning + 5, Covered: 5, Mono: 6, Every: 30, Node: 1, Beaten: true}},
			{ID: "app", Device: "phone", Since: morning, Alarm: 4, Activity: events.Activity{Seq: 9, Nth: 2, LastSeen: morning + 6, Covered: 6, Mono: 7,
				Every: 60, Node: 2, Idle: true, Leaving: true, Beaten: true}},
		},
		Override: &events.StandingOverride{Status: events.StatusBusy, By: "ops", Reason: "on a call", Until: morning + 9, Seq: 7, Nth: 3, Set: morning, Alarm: 5},
		Shown:    events.Shown{Status: events.StatusBusy, Since: morning, Cause: events.CauseOverride, Actor: "ops", Seq: 7, Nth: 3},
		Pending:  []events.Witness{{Session: "web-1", Actor: "alice", By: events.Place{Seq: 8, Nth: 1}, Since: morning, Idle: true, Voids: events.Place{Seq: 4, Nth: 2}}},
	}
}

func TestCloneSharesNothing(t *testing.T) {
	u := crowded()
	c := u.Clone()
	if diff := cmp.Diff(u, c); diff != "" {
		t.Fatalf("a clone differs:\n%s", diff)
	}
	scramble(reflect.ValueOf(&c).Elem())
	if diff := cmp.Diff(crowded(), u); diff != "" {
		t.Errorf("changed through its clone:\n%s", diff)
	}
	c = u.Clone()
	c.Sessions, c.Pending = append(c.Sessions[:1], events.Session{}), append(c.Pending[:0], events.Witness{})
	if diff := cmp.Diff(crowded(), u); diff != "" {
		t.Errorf("changed by appending to its clone:\n%s", diff)
	}
}

// scramble changes everything that can be reached from v, so that a field
// added later is covered too.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		scramble(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			scramble(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
		}
	default:
		v.SetZero()
	}
}

func TestCrowdedLeavesNoFieldEmpty(t *testing.T) {
	for _, field := range empty("User", reflect.ValueOf(crowded())) {
		t.Errorf("%s is empty: the tests do not see what becomes of it", field)
	}
}

// empty names what is empty in v. Of a slice it looks at the last element only.
func empty(name string, v reflect.Value) (names []string) {
	switch {
	case v.IsZero():
		return []string{name}
	case v.Kind() == reflect.Pointer:
		return empty(name, v.Elem())
	case v.Kind() == reflect.Slice:
		return empty(name, v.Index(v.Len()-1))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			names = append(names, empty(name+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
	}
	return names
}

func TestAnUnnamedUserIsOfflineSinceNever(t *testing.T) {
	u := events.User{ID: "alice"}
	if u.Known() || u.Live() || u.Status() != events.StatusOffline || u.Observed() != events.StatusOffline || u.LastSeen() != 0 || u.Session("default") != nil {
		t.Errorf("%+v", u)
	}
}

func TestSettleStripsWhatIsLostWithTheHeartbeats(t *testing.T) {
	u := crowded()
	u.Settle(9)
	want := crowded()
	want.Mark, want.Override.Alarm = 0, 0
	want.Sessions[0].Alarm, want.Sessions[0].Activity = 0, events.Activity{}
	want.Sessions[1].Alarm, want.Sessions[1].Covered, want.Sessions[1].Mono, want.Sessions[1].Node = 0, 0, 0, 0
	if diff := cmp.Diff(want, u); diff != "" {
		t.Errorf("settled at 9 (-want +got):\n%s", diff)
	}
	u.Settle(10)
	want.Seq, want.Sessions[1].Activity = 0, events.Activity{Idle: true}
	if diff := cmp.Diff(want, u); diff != "" {
		t.Errorf("settled at 10 (-want +got):\n%s", diff)
	}
}
