// Package journal is the log on JetStream: a hot stream of commits, which is the
// order of everything, and an archive of single events made out of it.
//
//	journal.go      Open, Run, what a Journal is
//	streams.go      how the streams are made and checked; streamcheck.go for doctor
//	append.go       how an event gets in: a bounded queue, an acknowledgement per caller
//	commit.go       group commit: what waits goes together, in order
//	refuse.go       taking nothing for a while
//	follow.go       reading commits onwards from a sequence, for views that stay
//	read.go         reading a stretch of commits that has an end
//	unfold.go       commits of the hot stream as the records that readers of the past get
//	record.go       what such a record is
//	archive.go      copying records into the archive, exactly after the last one
//	scan.go         reading the archive in order; excerpt.go from end to end
//	audit.go        the log as one: the archive, then the hot stream
//	horizon.go      from where on a new view reads the hot stream
//	trim.go         taking the oldest commits out, once nobody needs them
//	whole.go        looking for holes
//	erase.go        forgetting a user
//	lease.go        which node archives, and which writes timeouts
//	errors.go       what can be wrong, in our words
//
// # Group commit
//
// One publish is under way at a time. The first event goes at once; those that
// arrive while it is in flight go together in the next, as the entries of one
// commit, which is one message. So the cost of a message and of an fsync is
// shared by all who wait for it, nobody waits for a timer, and the order in the
// log is the order of arrival: sequence of the commit, then nth entry.
//
//	Beat ─┐
//	Beat ─┼─► queue ─► compose ─► publish ─► acknowledged ─► every caller their place
//	Append┘     ▲                    │
//	            └── arrives meanwhile┘
package journal
