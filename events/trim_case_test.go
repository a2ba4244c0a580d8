package events_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

// Cases of TestTrimmedLogFoldsTheSame, each the shortest of its kind.
func TestTrimmedLogs(t *testing.T) {
	login := entry(1, events.Event{Type: events.Login, Session: "web"})
	online := func(seq uint64, e events.Event) message {
		e.Type, e.Session, e.Since = events.Online, "web", entry(e.By, e).event.At
		return entry(seq, e)
	}
	active, idle := events.Beat{Session: "web"}, events.Beat{Session: "web", Idle: true}
	offline := entry(3, events.Event{Type: events.Offline, Session: "web", Cause: events.CauseTimeout, Judged: 1, LastSeen: morning + 1000})

	for name, test := range map[string]struct {
		horizon uint64
		log     []message
	}{
		"a session that a lost beat began":         {2, []message{beats(1, active), online(2, events.Event{By: 1})}},
		"an offline that a lost beat overtook":     {3, []message{login, beats(2, active), offline, online(4, events.Event{By: 2, Voids: 3})}},
		"a session that lost beats only refreshed": {4, []message{login, beats(2, active), beats(3, active), beats(4, active)}},
		"a lost beat of a clock ahead of the next": {3, []message{login,
			beats(2, events.Beat{Session: "web", At: morning + 5000}), beats(3, events.Beat{Session: "web", At: morning + 3000})}},
		"a lost beat of a clock ahead of a login": {3, []message{login,
			beats(2, events.Beat{Session: "web", At: morning + 5000}), entry(3, events.Event{Type: events.Login, Session: "web"})}},
		"idle, active, idle in one lost batch": {3, []message{login, beats(2, idle, active, idle),
			online(3, events.Event{By: 2, Idle: true}), online(4, events.Event{By: 2})}},
		"idle, active in one lost batch, witnessed twice": {3, []message{login, beats(2, idle, active),
			online(3, events.Event{By: 2, Idle: true}), online(4, events.Event{By: 2}),
			online(5, events.Event{By: 2, Idle: true}), online(6, events.Event{By: 2})}},
	} {
		t.Run(name, func(t *testing.T) {
			if whole, _ := fullFold(test.log); len(whole.Pending) != 0 {
				t.Fatalf("not in the log: %+v", whole.Pending)
			}
			compareTrimmed(t, test.log, test.horizon)
		})
	}
}
