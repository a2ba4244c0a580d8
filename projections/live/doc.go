// Package live hands every change of status to any number of readers as it is
// folded, without a gap and without a repeat.
//
//	hub.go     one ring of changes for all readers; waking them
//	reader.go  a place in the ring, with the snapshot that goes before it
//
// Readers share one ring and each keeps a place in it, so a reader costs a few
// words and a change is kept once, whatever their number. One that falls behind
// by more than the ring holds is told so (ErrSlow) and may come again with the
// last place that it saw; what the ring no longer holds then comes out of the
// history.
package live
