package api

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

const (
	// intakeWindow is how many events of one stream may wait for the log at once.
	intakeWindow = 4096
	// maxReported is how many errors an answer tells.
	maxReported = 100
	// intakePatience is how long a stream of which nothing is under way waits for room in the log's queue, which
	// others fill.
	intakePatience = 5 * time.Second
)

// intake carries a stream of events into the log: in order, many at once, with an account of what became of each. When
// the log fails it is over.
type intake struct {
	ctx     context.Context
	log     Log
	waiting []underway // in the order of submission
	first   int        // index in waiting of the oldest that is not settled
	failed  error      // the first failure that ended the stream
	report  linesAnswer
}

// underway is an event whose acknowledgement is still to come.
type underway struct {
	line    int
	receipt *journal.Receipt
}

type linesAnswer struct {
	Accepted int         `json:"accepted" doc:"Lines that are in the log"`
	Rejected int         `json:"rejected" doc:"Lines that are not, or whose outcome is unknown"`
	Seq      uint64      `json:"seq" doc:"Where the last accepted one stands in the log"`
	Errors   []lineError `json:"errors" nullable:"false" doc:"The first hundred, by line"`
}

type lineError struct {
	Line   int    `json:"line" doc:"From 1; empty lines count"`
	Code   code   `json:"code" doc:"As in a problem"`
	Detail string `json:"detail"`
}

func newIntake(ctx context.Context, log Log) *intake {
	return &intake{ctx: ctx, log: log, report: linesAnswer{Errors: []lineError{}}}
}

// over says whether the stream has failed: nothing more is to be submitted.
func (in *intake) over() bool { return in.failed != nil }

// submit hands e to the log. It waits where too many are under way.
func (in *intake) submit(line int, e events.Event, key journal.Key) {
	if len(in.waiting)-in.first >= intakeWindow {
		in.settleOldest()
	}
	receipt, err := in.log.Submit(e, key)
	if errors.Is(err, journal.ErrOverloaded) {
		receipt, err = in.resubmit(e, key)
	}
	if err != nil {
		in.account(line, journal.Ack{}, err)
		return
	}
	in.waiting = append(in.waiting, underway{line, receipt})
}

// resubmit tries again whenever one of the stream's own is through; where none is under way, others fill the queue, and
// it asks now and then.
func (in *intake) resubmit(e events.Event, key journal.Key) (*journal.Receipt, error) {
	ctx, cancel := context.WithTimeout(in.ctx, intakePatience)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		if !in.settleOldest() {
			select {
			case <-ctx.Done():
				return nil, journal.ErrOverloaded
			case <-again.C:
			}
		}
		if receipt, err := in.log.Submit(e, key); !errors.Is(err, journal.ErrOverloaded) {
			return receipt, err
		}
	}
}

// settleOldest waits for the oldest event under way, and says whether there was one.
func (in *intake) settleOldest() bool {
	if in.first == len(in.waiting) {
		return false
	}
	w := in.waiting[in.first]
	in.waiting[in.first] = underway{}
	in.first++
	if in.first == intakeWindow || in.first == len(in.waiting) {
		in.waiting, in.first = append(in.waiting[:0], in.waiting[in.first:]...), 0
	}
	ack, err := w.receipt.Wait(in.ctx)
	in.account(w.line, ack, err)
	return true
}

// finish waits for all that is under way.
func (in *intake) finish() {
	for in.settleOldest() {
	}
	slices.SortStableFunc(in.report.Errors, func(x, y lineError) int { return cmp.Compare(x.Line, y.Line) })
}

// failure is what ended the stream, if nothing of it was accepted before.
func (in *intake) failure() error {
	if in.report.Accepted > 0 {
		return nil
	}
	return in.failed
}

// account enters the outcome of a line. What the log says of one event alone ends nothing.
func (in *intake) account(line int, ack journal.Ack, err error) {
	switch {
	case err == nil:
		in.report.Accepted++
		in.report.Seq = max(in.report.Seq, ack.Seq)
	case errors.Is(err, journal.ErrConflict), errors.Is(err, events.ErrMalformed):
		in.reject(line, err)
	default:
		in.end(line, err)
	}
}

// reject enters a line that is not accepted.
func (in *intake) reject(line int, err error) {
	in.report.Rejected++
	if len(in.report.Errors) == maxReported {
		return
	}
	f, _ := asFault(err)
	detail := f.detail
	for _, v := range f.errors {
		detail += " " + v.Location + ": " + v.Message + "."
	}
	in.report.Errors = append(in.report.Errors, lineError{Line: line, Code: f.code, Detail: detail})
}

// end rejects a line and ends the stream: lines after it are not taken.
func (in *intake) end(line int, err error) {
	in.reject(line, err)
	if in.failed == nil {
		in.failed = err
	}
}
