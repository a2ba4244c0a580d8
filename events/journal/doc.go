// Package journal is the log on JetStream: two streams, one order.
//
//	journal.go  Open, Run, what a Journal is
//	streams.go  how the streams are made and checked
//	append.go   how an event gets in: a bounded queue, one acknowledgement per caller
//	commit.go   group commit: what waits goes together, in order
//	refuse.go   taking nothing for a while
//	follow.go   reading onwards from a sequence, for views that stay
//	read.go     reading a stretch that has an end
//	archive.go  copying the audit out of the hot stream
//	errors.go   what can be wrong, in our words
//
// # Group commit
//
// One publish is under way at a time. The first event goes at once; those that
// arrive while it is in flight go together in the next: all heartbeats as one
// message, other events as a message each, several messages as one atomic
// batch. So the cost of an fsync is shared by all who wait for it, nobody waits
// for a timer, and the order in the log is the order of arrival.
//
//	Beat ─┐
//	Beat ─┼─► queue ─► compose ─► publish ─► acknowledged ─► every caller his seq
//	Append┘     ▲                    │
//	            └── arrives meanwhile┘
package journal
