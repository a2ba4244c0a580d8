package events_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

// TestApplyBeat_OfRequestsSession: a middleware beats for whoever makes requests.
func TestApplyBeat_OfRequestsSession(t *testing.T) {
	type step struct {
		after   events.Millis // since the step before
		event   events.Type   // Heartbeat, Login or Logout
		session string
		want    events.Status
		live    int // sessions
	}
	const second = 1000
	for name, steps := range map[string][]step{
		"it comes to life where there is no other": {
			{0, events.Heartbeat, "requests", events.StatusOnline, 1},
			{second, events.Heartbeat, "requests", events.StatusOnline, 1},
		},
		"it does not where there is one": {
			{0, events.Login, "web", events.StatusOnline, 1},
			{second, events.Heartbeat, "requests", events.StatusOnline, 1},
		},
		"it yields to a login": {
			{0, events.Heartbeat, "requests", events.StatusOnline, 1},
			{second, events.Login, "web", events.StatusOnline, 1},
			{second, events.Logout, "web", events.StatusOffline, 0},
		},
		"it yields to a browser's beat": {
			{0, events.Heartbeat, "requests", events.StatusOnline, 1},
			{second, events.Heartbeat, "web", events.StatusOnline, 1},
		},
		"it ends with a sign-out": {
			{0, events.Heartbeat, "requests", events.StatusOnline, 1},
			{second, events.Logout, "default", events.StatusOffline, 0},
		},
		"the request that signed out brings nobody back": {
			{0, events.Login, "web", events.StatusOnline, 1},
			{second, events.Logout, "web", events.StatusOffline, 0},
			{second, events.Heartbeat, "requests", events.StatusOffline, 0},
			{4 * second, events.Heartbeat, "requests", events.StatusOffline, 0},
			{60 * second, events.Heartbeat, "requests", events.StatusOnline, 1},
		},
		"a browser comes back at once": {
			{0, events.Login, "web", events.StatusOnline, 1},
			{second, events.Logout, "web", events.StatusOffline, 0},
			{second, events.Heartbeat, "web", events.StatusOnline, 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			u, now := events.User{ID: "alice"}, morning
			for i, s := range steps {
				now += s.after
				m := events.Moment{Seq: uint64(i + 1), Time: now}
				events.Apply(&u, m, &events.Event{Type: s.event, V: events.Version, User: "alice", Session: s.session, At: now, Actor: "alice"})
				if u.Status() != s.want || len(u.Sessions) != s.live {
					t.Fatalf("step %d: %s with %d sessions, want %s with %d", i, u.Status(), len(u.Sessions), s.want, s.live)
				}
			}
		})
	}
}
