package events_test

import (
	"cmp"
	"slices"

	"github.com/rollcall-dev/rollcall/events"
)

// longestTrim is the highest horizon that loses no beat before its witness is
// in the log.
func (w *scribe) longestTrim() uint64 {
	horizon := w.seq + 1
	for _, p := range w.u.Pending {
		horizon = min(horizon, p.By)
	}
	return horizon
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
