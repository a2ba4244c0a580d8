// Package history is the view of what has been: every interval of every user's
// effective status with its cause, actor and sequence, and who was online at
// any moment.
//
//	view.go       opening, taking changes in, writing them down
//	interval.go   what an interval is, and how it is written down
//	snapshot.go   who was what at a moment, without replaying everything
//	read.go       one user's intervals
//	moment.go     everybody at T, and concurrency over time
//	retention.go  what is forgotten, and what answers still know all they need
//	digest.go     the view's content, to compare it with another's
//
// It folds nothing itself: the current view hands it every change of status in
// the order of the log (current.Tap), and writes no checkpoint before what it
// has told is durable here. So this file is never behind that one, and changes
// that it has already are passed over by their sequence.
//
// # The file
//
//	intervals  id 00 from seq n      → status, to, cause, actor, last seen
//	changes    from seq id 00 n      → status before, status after
//	late       seq from seq id 00 n  → nothing: a change that is later in the log than in time
//	snapshots  at seq                → everybody who was not offline
//
// Times are Unix milliseconds; numbers in keys are big-endian, so that the order
// of keys is the order of time.
package history
