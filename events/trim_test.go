package events_test

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// A log that has lost the heartbeats of its beginning folds to what the whole
// log folds to, and reports the same changes on the way. Wrong clocks are left
// out: where a node's is 10 s behind or more and other nodes' are not, a logout
// that it accepts can lie in time before lost beats, and last seen then differs.
func TestTrimmedLogFoldsTheSame(t *testing.T) {
	for name, h := range map[string]habits{
		"fair clocks":                  {},
		"an import":                    {clocks: importing},
		"fair clocks, two consumers":   {twoWitnesses: true},
		"an import, and two consumers": {clocks: importing, twoWitnesses: true},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := newScribe(t, h)
				w.writeLog()
				if len(w.log) == 0 {
					return
				}
				compareTrimmed(t, w.log, rapid.Uint64Range(1, w.longestTrim()).Draw(t, "horizon"))
			})
		})
	}
}

// longestTrim is the highest horizon that loses no beat before its witness is
// in the log.
func (w *scribe) longestTrim() uint64 {
	horizon := w.seq + 1
	for _, p := range w.u.Pending {
		horizon = min(horizon, p.By)
	}
	return horizon
}

// compareTrimmed folds log whole and without the beats before horizon.
func compareTrimmed(t rapid.TB, log []message, horizon uint64) {
	t.Helper()
	whole, changes := fullFold(log)
	trimmed, replayed := trimmedFold(log, horizon)
	whole.Settle(horizon)
	trimmed.Settle(horizon)
	if diff := gocmp.Diff(whole, trimmed); diff != "" {
		t.Errorf("trimmed at %d (-whole +trimmed):\n%s", horizon, diff)
	}
	if diff := gocmp.Diff(outliving(changes), outliving(replayed)); diff != "" {
		t.Errorf("changes, trimmed at %d (-whole +trimmed):\n%s", horizon, diff)
	}
}

// outliving strips changes of the one thing in them that is lost with the
// heartbeats: when a user was last seen of whom a session is still live.
func outliving(changes []events.Change) []events.Change {
	changes = slices.Clone(changes)
	for i := range changes {
		if changes[i].Observed != events.StatusOffline {
			changes[i].LastSeen = 0
		}
	}
	return changes
}

// trimmedFold folds what a trimmed log kept: every event, and the beats from
// horizon on; and the beats before it that online events stand for.
func trimmedFold(log []message, horizon uint64) (events.User, []events.Change) {
	u := events.User{ID: "alice"}
	gone := witnesses(log, horizon)
	var changes []events.Change
	for i := range log {
		for len(gone) > 0 && gone[0].By <= log[i].at.Seq {
			b, m := events.Witnessed(gone[0])
			stand := message{at: m, beats: []events.Beat{b}}
			changes = append(changes, stand.fold(&u)...)
			gone = gone[1:]
		}
		if log[i].event != nil || log[i].at.Seq >= horizon {
			changes = append(changes, log[i].fold(&u)...)
		}
	}
	return u, changes
}

// witnesses returns the online events for beats before horizon in the order of
// those beats.
func witnesses(log []message, horizon uint64) []*events.Event {
	var online []*events.Event
	for i := range log {
		if e := log[i].event; e != nil && e.Type == events.Online && e.By < horizon {
			online = append(online, e)
		}
	}
	slices.SortStableFunc(online, func(a, b *events.Event) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Nth, b.Nth))
	})
	return online
}
