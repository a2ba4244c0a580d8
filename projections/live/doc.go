// Package live hands every change of status to any number of readers as it is
// folded, without a gap and without a repeat.
//
//	hub.go       takes changes from the view, puts them into blocks, and keeps the last ones
//	block.go     changes in a row, encoded once for all readers
//	reader.go    a place among the blocks, with the snapshot that goes before it
//	audience.go  sends blocks to readers by the thousand, from a few goroutines
//
// Readers share the blocks and each keeps a place among them, so a reader costs
// a few words and a change is kept and encoded once, whatever their number. One
// that falls behind by more than is kept is told so (ErrSlow) and may come again
// with the last place that it saw; what is no longer kept then comes out of the
// history.
package live
