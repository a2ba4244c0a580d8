package past

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// Log takes events: a *journal.Journal.
type Log interface {
	Submit(e events.Event, key journal.Key) (*journal.Receipt, error)
}

// ErrRepeated says that the log has had something of this import already, less than two
// minutes ago.
var ErrRepeated = errors.New("the log holds this import, or the beginning of it, already")

// inFlight is how many events are on their way at most: enough for a few of the
// log's atomic batches, and well within its queue.
const inFlight = 4096

// pipeline appends events in order without waiting for each.
type pipeline struct {
	log     Log
	ring    [inFlight]flight // ticket mod inFlight → flight
	sent    uint64           // the last ticket given out; the first is 1
	settled uint64           // the last one whose place in the log is known
	lastSeq uint64           // the highest place
}

// flight is an event on its way.
type flight struct {
	receipt *journal.Receipt
	session *session // whose sign of life it is; nil: nobody's
	line    int
	count   *int // of what it is one of, once it is in the log
}

// send appends e behind all that was sent before, and returns its ticket.
func (p *pipeline) send(ctx context.Context, e events.Event, key journal.Key, f flight) (ticket uint64, err error) {
	for {
		if p.sent-p.settled == inFlight {
			if err := p.settle(ctx, p.settled+1); err != nil {
				return 0, err
			}
		}
		f.receipt, err = p.log.Submit(e, key)
		if err == nil {
			p.sent++
			p.ring[p.sent%inFlight] = f
			return p.sent, nil
		}
		if !errors.Is(err, journal.ErrOverloaded) || p.sent == p.settled {
			return 0, f.failed(err)
		}
		if err := p.settle(ctx, p.settled+1); err != nil { // makes room
			return 0, err
		}
	}
}

// settle waits until everything up to ticket is in the log, or ctx ends.
func (p *pipeline) settle(ctx context.Context, ticket uint64) error {
	for p.settled < ticket {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("importing: %w", err)
		}
		p.settled++
		f := &p.ring[p.settled%inFlight]
		// Not with ctx: what has been sent must be known to be in the log or not. The log says so within its AckTimeout.
		ack, err := f.receipt.Wait(context.WithoutCancel(ctx))
		switch {
		case err != nil:
			return f.failed(err)
		case ack.Duplicate:
			return f.failed(ErrRepeated)
		case f.session != nil:
			f.session.seq = ack.Seq
		}
		p.lastSeq = max(p.lastSeq, ack.Seq)
		*f.count++
		*f = flight{}
	}
	return nil
}

// countTime is how long count may wait.
const countTime = 5 * time.Second

// count waits for what is on its way still when an import breaks off, also where ctx has ended.
func (p *pipeline) count(ctx context.Context) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTime)
	defer cancel()
	for p.settled < p.sent && bounded.Err() == nil {
		_ = p.settle(bounded, p.settled+1) // why it broke off is known already
	}
}

func (f *flight) failed(err error) error {
	if f.line == 0 {
		return fmt.Errorf("appending a timeout: %w", err)
	}
	return fmt.Errorf("appending what follows from line %d: %w", f.line, err)
}
