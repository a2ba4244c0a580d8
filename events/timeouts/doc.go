// Package timeouts is the timeout consumer: it notices that a session has been
// silent for too long, or that an override has run out, and appends the event
// that says so. It also writes down the heartbeats that changed something, so
// that history outlives them.
//
//	deadlines.go  the wheel: which session is due when (pure)
//	lapses.go     which override is due when (pure)
//	unwritten.go  which beats wait to be written down (pure)
//	instant.go    what the time is
//	consumer.go   New, Run: looking at the wheel forty times a second
//	expire.go     appending offline events and expired overrides
//	witness.go    appending online events, in order
//	overdue.go    Overdue and Emit, for an operator
//	metrics.go    what is counted
//
// The consumer folds nothing itself. It judges by the state of a Fold, which
// calls it with every user that an event touched:
//
//	log ──► Fold ──Touch──► Deadlines ──25 ms──► decided ──read to the end, judged again──► log
//
// # When a session is due
//
// Silence is measured in covered time (events.Clock). Between two messages of
// the log the local monotonic clock goes on from the last one, for six seconds
// at most: a node that has nothing to say writes a mark after five, so whoever
// has heard nothing for longer does not hear the log. Where the last sign of
// life was read as it happened, the local clock too must have moved by the
// session's limit since. And after a gap of the log, in which nobody could be
// heard, everybody has his whole limit from its end.
//
// # Why nothing depends on being the only one
//
// An offline event names the sign of life that it was judged by, an expired
// override the override: any later one makes it void (events.Apply), and an end
// that is written twice means nothing the second time. The lease
// (journal.Lease) saves duplicates, no more.
package timeouts
