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
	// intakeChunk is how many events of a stream go to the log at once.
	intakeChunk = 1024
	// intakeChunks is how many chunks may wait for the log at once.
	intakeChunks = 4
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
	a       *API
	open    batch
	flying  []batch // in the order of submission
	failed  error   // the first failure that ended the stream
	refused int     // lines over the rate of writes
	report  linesAnswer
}

// batch is some events of a stream in a row: heartbeats, or any.
type batch struct {
	beats   []events.Beat
	items   []journal.Item
	lines   []int // of each
	receipt *journal.Receipt
}

type linesAnswer struct {
	Accepted int         `json:"accepted" doc:"Lines that are in the log"`
	Rejected int         `json:"rejected" doc:"Lines that are not, or whose outcome is unknown"`
	Seq      uint64      `json:"seq" doc:"Where the last accepted one is in the log"`
	Errors   []lineError `json:"errors" nullable:"false" doc:"The first hundred, by line"`
}

type lineError struct {
	Line   int    `json:"line" doc:"From 1; empty lines count"`
	Code   code   `json:"code" doc:"As in a problem"`
	Detail string `json:"detail"`
}

func newIntake(ctx context.Context, a *API) *intake {
	return &intake{ctx: ctx, a: a, report: linesAnswer{Errors: []lineError{}}}
}

// over says whether the stream has failed: nothing more is to be submitted.
func (in *intake) over() bool { return in.failed != nil }

// submit hands e to the log, with those after it.
func (in *intake) submit(line int, e events.Event, key events.Key) {
	item := journal.Item{Event: e, Key: key}
	if err := item.Check(); err != nil {
		in.account(line, events.Place{}, err)
		return
	}
	if at, known, err := in.a.known(key); known {
		in.account(line, at, err)
		return
	}
	if mayBegin(&e) {
		if err := in.room(e.User, e.Session); err != nil {
			in.account(line, events.Place{}, err)
			return
		}
	}
	in.open.items, in.open.lines = append(in.open.items, item), append(in.open.lines, line)
	if len(in.open.lines) == intakeChunk {
		in.flush()
	}
}

// submitBeat is submit for a heartbeat.
func (in *intake) submitBeat(line int, b events.Beat) {
	if !b.Leaving {
		if err := in.room(b.User, b.Session); err != nil {
			in.account(line, events.Place{}, err)
			return
		}
	}
	in.open.beats, in.open.lines = append(in.open.beats, b), append(in.open.lines, line)
	if len(in.open.lines) == intakeChunk {
		in.flush()
	}
}

// room makes room for a session that an event may begin. What came before is on its way then.
func (in *intake) room(user, session string) error {
	return in.a.room(in.ctx, user, session, in.flush)
}

// flush gives the open batch to the log. It waits where too many are under way.
func (in *intake) flush() {
	if len(in.open.lines) == 0 {
		return
	}
	for len(in.flying) >= intakeChunks {
		in.settleOldest()
	}
	b := in.open
	in.open = batch{}
	if in.over() {
		in.settle(&b, 0, in.failed)
		return
	}
	err := in.give(&b)
	if errors.Is(err, journal.ErrOverloaded) {
		err = in.giveAgain(&b)
	}
	if err != nil {
		in.settle(&b, 0, err)
		return
	}
	in.flying = append(in.flying, b)
}

func (in *intake) give(b *batch) (err error) {
	if b.beats != nil {
		b.receipt, err = in.a.cfg.Log.SubmitBeats(b.beats)
	} else {
		b.receipt, err = in.a.cfg.Log.SubmitAll(b.items)
	}
	return err
}

// giveAgain tries whenever one of the stream's own batches is through; where none is under way, others fill the queue,
// and it asks now and then.
func (in *intake) giveAgain(b *batch) error {
	ctx, cancel := context.WithTimeout(in.ctx, intakePatience)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		if !in.settleOldest() {
			select {
			case <-ctx.Done():
				return journal.ErrOverloaded
			case <-again.C:
			}
		}
		if err := in.give(b); !errors.Is(err, journal.ErrOverloaded) {
			return err
		}
	}
}

// settleOldest waits for the oldest batch under way, and says whether there was one.
func (in *intake) settleOldest() bool {
	if len(in.flying) == 0 {
		return false
	}
	b := in.flying[0]
	in.flying[0] = batch{}
	in.flying = in.flying[1:]
	stored, err := b.receipt.Wait(in.ctx)
	in.settle(&b, stored, err)
	return true
}

// settle enters what became of a batch: the first stored of it are in the log.
func (in *intake) settle(b *batch, stored int, err error) {
	for i, line := range b.lines {
		switch {
		case i >= stored:
			in.account(line, events.Place{}, err)
		case b.items != nil && b.items[i].Key.Given():
			at, err := in.a.judged(in.ctx, b.items[i].Key, b.receipt.Place(i))
			in.account(line, at, err)
		case i == stored-1:
			in.account(line, b.receipt.Place(i), nil)
		default:
			in.report.Accepted++
		}
	}
}

// finish waits for all that is under way.
func (in *intake) finish() {
	in.flush()
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
func (in *intake) account(line int, at events.Place, err error) {
	switch {
	case err == nil:
		in.report.Accepted++
		in.report.Seq = max(in.report.Seq, at.Seq)
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

// stop ends the stream at a line that could not be read. What came before it is handed to the log.
func (in *intake) stop(line int, err error) {
	in.flush()
	in.end(line, err)
}

// end rejects a line and ends the stream: lines after it are not taken.
func (in *intake) end(line int, err error) {
	in.reject(line, err)
	if in.failed == nil {
		in.failed = err
	}
}
