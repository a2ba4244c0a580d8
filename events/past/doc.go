// Package past brings what happened before Rollcall was there into the log:
// files of old events, and the user table of the system that Rollcall replaces.
//
//	read.go      a file to rows: Read checks all of it before anything is written
//	csv.go       CSV: its header, and a row by it
//	record.go    one CSV record, and where it ends if a quote is left open
//	ndjson.go    a JSON object a line
//	lines.go     the lines of a file of any size
//	instant.go   the ways in which a time is written
//	file.go      rows, in the order of their time
//	append.go    Append: what it is told and what it tells
//	deeds.go     what a row does to who is live, and the event that says so
//	send.go      an event's key, and how old it must be
//	session.go   who is live, and who falls silent when
//	pipeline.go  many events on their way at once
//
// An event of the past keeps its own time in the log (events.Moment), and stands
// behind everything that is older than it: changes of status come in the order
// of time, as they did when it all happened.
package past
