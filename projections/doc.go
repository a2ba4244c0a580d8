// Package projections is what all views share: a view is what a fold of the log
// has left, kept in a bbolt file together with the sequence it stands at.
//
//	fold.go    the fold in memory: messages in, users and changes out
//	replay.go  the whole log in one order, also where its heartbeats have gone
//	follow.go  keeping a view at the end of the log
//	store.go   a view's file: state and checkpoint in one transaction, set aside when it cannot be trusted
//	wait.go    waiting until a view has reached a sequence
//
// Only this package and those below it touch bbolt, and none of them ever
// writes to the log.
package projections
