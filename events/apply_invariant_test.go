package events_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

func TestSinceNeverRunsBackwards(t *testing.T) {
	eachHabit(t, func(t *rapid.T, log []message, _ clocks) {
		u := events.User{ID: "alice"}
		for i := range log {
			before := u.Shown.Since
			log[i].fold(&u)
			if u.Shown.Since < before {
				t.Fatalf("since %v after %v", u.Shown.Since, before)
			}
		}
	})
}

// A user's last seen runs backwards in one case only: a logout ends the session
// that was seen last, and lies in time before that session's last beat, because
// the node that accepted it has a clock 10 s behind or more, or the broker's was
// set back. What is left is then what outlives the heartbeats: the time of the
// logout, what logins, logouts and offlines left before, and the sessions that
// are still live. An offline that tells what its session was last seen at never
// moves it back.
func TestLastSeenNeverRunsBackwardsButByALogoutOfASlowClock(t *testing.T) {
	eachHabit(t, func(t *rapid.T, log []message, c clocks) {
		u := events.User{ID: "alice"}
		for i := range log {
			before := u.Clone()
			log[i].fold(&u)
			if u.LastSeen() >= before.LastSeen() {
				continue
			}
			said := log[i].said()
			if c != wrong || said.Type != events.Logout || len(u.Sessions) == len(before.Sessions) {
				t.Fatalf("%+v moved last seen from %v to %v", said, before.LastSeen(), u.LastSeen())
			}
			left := max(before.Settled, believed(log[i].at, said.At))
			for _, s := range u.Sessions {
				left = max(left, s.LastSeen)
			}
			if u.LastSeen() != left {
				t.Fatalf("%+v left last seen at %v, want %v", said, u.LastSeen(), left)
			}
		}
	})
}

func TestAHeartbeatBeforeTheTimeoutWins(t *testing.T) {
	eachHabit(t, func(t *rapid.T, log []message, _ clocks) {
		u := events.User{ID: "alice"}
		for i := range log {
			before := u.Clone()
			log[i].fold(&u)
			said := log[i].said()
			if said.Type != events.Offline {
				continue
			}
			for _, s := range before.Sessions {
				if live := u.Session(s.ID) != nil; live != (s.ID != said.Session || said.JudgedPlace().Before(s.Place())) {
					t.Fatalf("session %+v is live: %v, after %+v", s, live, said)
				}
			}
		}
	})
}

// An offline that stands in the log twice does what it does once. Each void one
// waits for a witness of its own.
func TestASecondOfflineDoesNothing(t *testing.T) {
	eachHabit(t, func(t *rapid.T, log []message, _ clocks) {
		u := events.User{ID: "alice"}
		for i := range log {
			waiting := len(u.Pending)
			log[i].fold(&u)
			said := log[i].said()
			if said.Type != events.Offline {
				continue
			}
			twice := u.Clone()
			again := events.Moment{Seq: log[i].at.Seq + 1, Time: log[i].at.Time + 1}
			if change, changed := events.Apply(&twice, again, &said); changed {
				t.Fatalf("%+v again: %+v", said, change)
			}
			if len(twice.Pending)-len(u.Pending) != len(u.Pending)-waiting {
				t.Fatalf("%+v again: %d wait, %d before it, %d before the first", said, len(twice.Pending), len(u.Pending), waiting)
			}
			twice.Seq, twice.Pending = u.Seq, u.Pending
			if d := diff(u, twice); d != "" {
				t.Fatalf("%+v again (-once +twice):\n%s", said, d)
			}
		}
	})
}
