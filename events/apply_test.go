package events_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
)

// entry is a commit of one event at its sequence, a second apart from its neighbours, and
// stamped by a node whose clock is the broker's unless it says otherwise.
func entry(seq uint64, e events.Event) message {
	at := events.Moment{Seq: seq, Time: morning + events.Millis(seq)*1000}
	e.V, e.User, e.Actor = events.Version, "alice", "alice"
	if e.At == 0 {
		e.At = at.Time
	}
	return message{at: at, entries: []saying{{event: &e}}}
}

// beats is a commit of beats.
func beats(seq uint64, said ...events.Beat) message {
	m := message{at: events.Moment{Seq: seq, Time: morning + events.Millis(seq)*1000}}
	for _, b := range said {
		b.User = "alice"
		if b.At == 0 {
			b.At = m.at.Time
		}
		m.entries = append(m.entries, saying{beat: b})
	}
	return m
}

// commit is what several messages of one sequence are as one.
func commit(parts ...message) message {
	m := message{at: parts[0].at}
	for _, p := range parts {
		m.entries = append(m.entries, p.entries...)
	}
	return m
}

func TestAPageThatClosesAfterTheLogoutDoesNotBringItsUserBack(t *testing.T) {
	u, _ := fullFold([]message{
		entry(1, events.Event{Type: events.Login, Session: "web"}),
		entry(2, events.Event{Type: events.Logout, Session: "web"}),
	})
	want := u.Clone()
	leaving := beats(3, events.Beat{Session: "web", Leaving: true})
	leaving.fold(&u)
	if diff := cmp.Diff(want, u); diff != "" {
		t.Errorf("a leaving beat changed him (-want +got):\n%s", diff)
	}
	e := leaving.said()
	events.Apply(&u, leaving.at, &e)
	if diff := cmp.Diff(want, u); diff != "" {
		t.Errorf("the event of a leaving beat changed him (-want +got):\n%s", diff)
	}
}

func TestAnErasedEventChangesNoUser(t *testing.T) {
	u := crowded()
	e := golden["erased"]
	if change, changed := events.Apply(&u, events.Moment{Seq: 10, Time: morning}, &e); changed {
		t.Errorf("reported %+v", change)
	}
	if diff := cmp.Diff(crowded(), u); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnOverrideHidesWhatGoesOnBeneath(t *testing.T) {
	u, changes := fullFold([]message{
		entry(1, events.Event{Type: events.Override, Change: events.OverrideSet, Status: events.StatusBusy}),
		beats(2, events.Beat{}),
		beats(3, events.Beat{Idle: true}),
		entry(4, events.Event{Type: events.Override, Change: events.OverrideExpired, Judged: 1}),
	})
	if len(changes) != 2 || changes[0].To.Status != events.StatusBusy || changes[1].To.Status != events.StatusAway {
		t.Errorf("reported %+v", changes)
	}
	if u.Session(events.DefaultSession) == nil || u.LastSeen() != morning+3000 {
		t.Errorf("live %v, last seen %v", u.Sessions, u.LastSeen())
	}
}

func TestAnExpiryLeavesANewerOverrideStanding(t *testing.T) {
	u, _ := fullFold([]message{
		entry(1, events.Event{Type: events.Override, Change: events.OverrideSet, Status: events.StatusBusy}),
		entry(2, events.Event{Type: events.Override, Change: events.OverrideSet, Status: events.StatusAway}),
		entry(3, events.Event{Type: events.Override, Change: events.OverrideExpired, Judged: 1}),
	})
	if u.Override == nil || u.Override.Seq != 2 || u.Status() != events.StatusAway {
		t.Errorf("%+v", u)
	}
}

func TestARefreshIsNoLeaveAndJoin(t *testing.T) {
	_, changes := fullFold([]message{
		beats(1, events.Beat{}), beats(2, events.Beat{}), beats(3, events.Beat{Session: "web"}), beats(4, events.Beat{Session: "web"}),
		entry(5, events.Event{Type: events.Logout, Session: "web"}), entry(6, events.Event{Type: events.Login}),
	})
	if len(changes) != 1 || changes[0].From.Status != events.StatusOffline || changes[0].To.Status != events.StatusOnline {
		t.Errorf("reported %+v", changes)
	}
}

func TestWhatHappensNowHappensByTheBrokersClockAndAnImportByItsOwn(t *testing.T) {
	for ahead, want := range map[events.Millis]events.Millis{
		-month: -month, -10_001: -10_001, -10_000: -10_000, -9_999: 0, -1: 0, 0: 0, 1: 0, 10_000: 0, 10_001: 0, month: 0,
	} {
		broker := morning + 1000
		for _, m := range []message{
			beats(1, events.Beat{At: broker + ahead}),
			entry(1, events.Event{Type: events.Heartbeat, At: broker + ahead}),
			entry(1, events.Event{Type: events.Login, At: broker + ahead}),
		} {
			u, _ := fullFold([]message{m})
			if u.LastSeen() != broker+want || u.Shown.Since != broker+want || u.Sessions[0].Since != broker+want {
				t.Errorf("%+v, %d ms ahead: seen %v, since %v", m.said(), ahead, u.LastSeen(), u.Shown.Since)
			}
		}
	}
}
