package events_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// A log that has lost the heartbeats of its beginning folds to what the whole
// log folds to, and reports the same changes on the way. Wrong clocks are left
// out: where a node's is 10 s behind or more and other nodes' are not, what it
// accepts can lie in time before lost beats, and last seen then differs.
func TestTrimmedLogFoldsTheSame(t *testing.T) {
	for name, c := range map[string]clocks{"fair clocks": fair, "an import": importing} {
		eachTrim(t, name, c, compareTrimmed)
	}
}

// Wrong clocks cost the trimmed log nothing but times at which a user was seen.
func TestWrongClocksSpoilLastSeenAlone(t *testing.T) {
	eachTrim(t, "wrong clocks", wrong, func(t rapid.TB, log []message, horizon uint64) {
		whole, changes := fullFold(log)
		trimmed, replayed := trimmedFold(log, horizon)
		compareFolds(t, horizon, unseen(whole, horizon), unseen(trimmed, horizon))
		compareChanges(t, horizon, changes, replayed, func(c *events.Change) { c.LastSeen = 0 })
	})
}

// eachTrim runs prop over logs with one and with two timeout consumers, and
// horizons up to which these may have lost their heartbeats.
func eachTrim(t *testing.T, name string, c clocks, prop func(t rapid.TB, log []message, horizon uint64)) {
	for consumers, two := range map[string]bool{"one consumer": false, "two consumers": true} {
		t.Run(name+", "+consumers, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := newScribe(t, habits{clocks: c, twoWitnesses: two})
				w.writeLog()
				if len(w.log) > 0 {
					prop(t, w.log, rapid.Uint64Range(1, w.longestTrim()).Draw(t, "horizon"))
				}
			})
		})
	}
}

// compareTrimmed folds log whole and without the beats before horizon. Of the
// changes, one thing is lost with the heartbeats: when a user was last seen of
// whom a session is still live.
func compareTrimmed(t rapid.TB, log []message, horizon uint64) {
	t.Helper()
	whole, changes := fullFold(log)
	trimmed, replayed := trimmedFold(log, horizon)
	whole.Settle(horizon)
	trimmed.Settle(horizon)
	compareFolds(t, horizon, whole, trimmed)
	compareChanges(t, horizon, changes, replayed, func(c *events.Change) {
		if c.Observed != events.StatusOffline {
			c.LastSeen = 0
		}
	})
}

func compareFolds(t rapid.TB, horizon uint64, whole, trimmed events.User) {
	t.Helper()
	if d := diff(whole, trimmed); d != "" {
		t.Errorf("trimmed at %d (-whole +trimmed):\n%s", horizon, d)
	}
}

func compareChanges(t rapid.TB, horizon uint64, whole, trimmed []events.Change, strip func(*events.Change)) {
	t.Helper()
	for _, changes := range [][]events.Change{whole, trimmed} {
		for i := range changes {
			strip(&changes[i])
		}
	}
	if d := diff(whole, trimmed); d != "" {
		t.Errorf("changes, trimmed at %d (-whole +trimmed):\n%s", horizon, d)
	}
}

// unseen is u settled, and without the times at which he was seen.
func unseen(u events.User, horizon uint64) events.User {
	u.Settle(horizon)
	u.Settled = 0
	for i := range u.Sessions {
		u.Sessions[i].LastSeen = 0
	}
	for i := range u.Pending {
		if u.Pending[i].Voids != (events.Place{}) {
			u.Pending[i].Since = 0 // when its session was last seen
		}
	}
	return u
}
