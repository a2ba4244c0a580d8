package events_test

import (
	"slices"

	"github.com/rollcall-dev/rollcall/events"
)

// longestTrim is the highest horizon that loses no beat before its witness is
// in the log.
func (w *scribe) longestTrim() uint64 {
	horizon := w.seq + 1
	for _, p := range w.u.Pending {
		horizon = min(horizon, p.By.Seq)
	}
	return horizon
}

// trimmedFold folds what a trimmed log kept: every event, and the beats from
// horizon on; and, in their places, the beats before it that online events stand
// for.
func trimmedFold(log []message, horizon uint64) (events.User, []events.Change) {
	u := events.User{ID: "alice"}
	gone := witnesses(log, horizon)
	var changes []events.Change
	for _, m := range singly(log) {
		for len(gone) > 0 && !m.at.Place().Before(gone[0].ByPlace()) {
			b, at := events.Witnessed(gone[0])
			lost := message{at: at, entries: []saying{{beat: b}}}
			changes = append(changes, lost.foldAsViewsDo(&u)...)
			gone = gone[1:]
		}
		if m.entries[0].event != nil || m.at.Seq >= horizon {
			changes = append(changes, m.foldAsViewsDo(&u)...)
		}
	}
	return u, changes
}

// witnesses returns the online events for beats before horizon in the order of
// those beats.
func witnesses(log []message, horizon uint64) []*events.Event {
	var online []*events.Event
	for i := range log {
		for _, entry := range log[i].entries {
			if e := entry.event; e != nil && e.Type == events.Online && e.By < horizon {
				online = append(online, e)
			}
		}
	}
	slices.SortStableFunc(online, func(a, b *events.Event) int { return a.ByPlace().Compare(b.ByPlace()) })
	return online
}
