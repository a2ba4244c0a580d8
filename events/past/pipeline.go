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
	SubmitAll(items []journal.Item) (*journal.Receipt, error)
}

const (
	// chunkSize is how many events go to the log at once.
	chunkSize = 1024
	// inFlight is how many chunks are on their way at most, well within the
	// log's queue.
	inFlight = 4
)

// pipeline appends events in order without waiting for each.
type pipeline struct {
	log     Log
	open    chunk
	flying  []chunk      // in order, the oldest first
	sent    uint64       // the last ticket given out; the first is 1
	settled uint64       // the last one whose place in the log is known
	last    events.Place // the highest of those
}

// chunk is some events in a row.
type chunk struct {
	items   []journal.Item
	flights []flight
	receipt *journal.Receipt
}

// flight is an event on its way.
type flight struct {
	session *session // whose sign of life it is; nil: nobody's
	line    int
	count   *int // of what it is one of, once it is in the log
}

// send appends e after all that was sent before, and returns its ticket.
func (p *pipeline) send(ctx context.Context, e events.Event, f flight) (ticket uint64, err error) {
	item := journal.Item{Event: e}
	if err := item.Check(); err != nil {
		return 0, f.failed(err)
	}
	p.open.items, p.open.flights = append(p.open.items, item), append(p.open.flights, f)
	p.sent++
	if len(p.open.items) == chunkSize {
		return p.sent, p.flush(ctx)
	}
	return p.sent, nil
}

// flush gives the open chunk to the log.
func (p *pipeline) flush(ctx context.Context) (err error) {
	if len(p.open.items) == 0 {
		return nil
	}
	for len(p.flying) >= inFlight {
		if err := p.land(ctx); err != nil {
			return err
		}
	}
	for {
		p.open.receipt, err = p.log.SubmitAll(p.open.items)
		if err == nil {
			p.flying, p.open = append(p.flying, p.open), chunk{}
			return nil
		}
		if !errors.Is(err, journal.ErrOverloaded) || len(p.flying) == 0 {
			return p.open.flights[0].failed(err)
		}
		if err := p.land(ctx); err != nil { // makes room
			return err
		}
	}
}

// settle waits until everything up to ticket is in the log, or ctx ends.
func (p *pipeline) settle(ctx context.Context, ticket uint64) error {
	if ticket > p.sent-uint64(len(p.open.items)) {
		if err := p.flush(ctx); err != nil {
			return err
		}
	}
	for p.settled < ticket {
		if err := p.land(ctx); err != nil {
			return err
		}
	}
	return nil
}

// land waits for the oldest chunk.
func (p *pipeline) land(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("importing: %w", err)
	}
	c := p.flying[0]
	p.flying[0] = chunk{}
	p.flying = p.flying[1:]
	// Not with ctx: what has been sent must be known to be in the log or not. The log says so within its AckTimeout.
	stored, err := c.receipt.Wait(context.WithoutCancel(ctx))
	for i := range c.flights[:stored] {
		f := &c.flights[i]
		p.last = c.receipt.Place(i)
		if f.session != nil {
			f.session.place = p.last
		}
		*f.count++
	}
	p.settled += uint64(len(c.flights))
	if err != nil {
		return c.flights[min(stored, len(c.flights)-1)].failed(err)
	}
	return nil
}

// countTime is how long count may wait.
const countTime = 5 * time.Second

// count waits for what is on its way still when an import breaks off, also where ctx has ended.
func (p *pipeline) count(ctx context.Context) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTime)
	defer cancel()
	for len(p.flying) > 0 && bounded.Err() == nil {
		_ = p.land(bounded) // why it broke off is known already
	}
}

func (f *flight) failed(err error) error {
	if f.line == 0 {
		return fmt.Errorf("appending a timeout: %w", err)
	}
	return fmt.Errorf("appending what follows from line %d: %w", f.line, err)
}
