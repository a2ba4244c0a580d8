package events_test

import (
	"cmp"
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

// Cases of TestTrimmedLogFoldsTheSame, each the shortest of its kind.
func TestTrimmedLogs(t *testing.T) {
	login := entry(1, events.Event{Type: events.Login, Session: "web"})
	online := func(seq uint64, e events.Event) message {
		e.Type, e.Session = events.Online, cmp.Or(e.Session, "web")
		e.Since = cmp.Or(e.Since, morning+events.Millis(e.By)*1000)
		return entry(seq, e)
	}
	yesterday := morning - 86_400_000
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
		"a lost beat of a clock ahead of a logout": {3, []message{login,
			beats(2, events.Beat{Session: "web", At: morning + 30_000}),
			entry(3, events.Event{Type: events.Logout, Session: "web", At: morning + 3000 - 9_999})}},
		"an import of the past": {4, []message{entry(1, events.Event{Type: events.Login, Session: "web", At: yesterday}),
			beats(2, events.Beat{Session: "web", At: yesterday + 5}), beats(3, events.Beat{Session: "app", At: yesterday + 6}),
			online(4, events.Event{Session: "app", By: 3, Since: yesterday + 6}),
			entry(5, events.Event{Type: events.Logout, All: true, At: yesterday + 7})}},
		"an import that ends 10 s before now": {3, []message{entry(1, events.Event{Type: events.Login, Session: "web", At: yesterday}),
			beats(2, events.Beat{Session: "web", At: morning + 2000 - 10_000}),
			entry(3, events.Event{Type: events.Logout, Session: "web", At: morning + 3000 - 9_999})}},
		"idle, active, idle in one lost batch": {3, []message{login, beats(2, idle, active, idle),
			online(3, events.Event{By: 2, Idle: true}), online(4, events.Event{By: 2, ByNth: 1}), online(5, events.Event{By: 2, ByNth: 2, Idle: true})}},
		"that, written down in another order": {3, []message{login, beats(2, idle, active, idle),
			online(3, events.Event{By: 2, ByNth: 2, Idle: true}), online(4, events.Event{By: 2, Idle: true}), online(5, events.Event{By: 2, ByNth: 1})}},
		"idle, active in one lost batch, witnessed twice": {3, []message{login, beats(2, idle, active),
			online(3, events.Event{By: 2, Idle: true}), online(4, events.Event{By: 2, ByNth: 1}),
			online(5, events.Event{By: 2, Idle: true}), online(6, events.Event{By: 2, ByNth: 1})}},
		"two sessions of one lost batch, and an offline that it overtook": {3, []message{login,
			beats(2, events.Beat{Session: "app"}, active), offline,
			online(4, events.Event{Session: "app", By: 2}), online(5, events.Event{By: 2, ByNth: 1, Voids: 3})}},
		"a lost beat between two events of its commit": {3, []message{login,
			commit(entry(2, events.Event{Type: events.Logout, Session: "web"}), beats(2, active), entry(2, events.Event{Type: events.Logout, Session: "web"})),
			online(3, events.Event{By: 2, ByNth: 1})}},
		"an offline that an earlier beat of its commit overtook": {3, []message{login,
			commit(beats(2, active), entry(2, events.Event{Type: events.Offline, Session: "web", Cause: events.CauseTimeout, Judged: 1, LastSeen: morning + 1000})),
			online(3, events.Event{By: 2, Voids: 2, VoidsNth: 1})}},
		"an offline that judged a beat of its commit, and the next beat": {3, []message{login,
			commit(beats(2, active), entry(2, events.Event{Type: events.Offline, Session: "web", Cause: events.CauseTimeout, Judged: 2, LastSeen: morning + 2000}), beats(2, active)),
			online(3, events.Event{By: 2, ByNth: 2})}},
	} {
		t.Run(name, func(t *testing.T) {
			if whole, _ := fullFold(test.log); len(whole.Pending) != 0 {
				t.Fatalf("not in the log: %+v", whole.Pending)
			}
			compareTrimmed(t, test.log, test.horizon)
		})
	}
}
