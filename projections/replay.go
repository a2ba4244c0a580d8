package projections

import (
	"container/heap"
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// A log is a part of *journal.Journal.
type log interface {
	Bounds(ctx context.Context) (first, last uint64, err error)
	Read(ctx context.Context, s journal.Stretch, fn func([]journal.Message) error) error
	Follow(ctx context.Context, from uint64, fn func([]journal.Message) error) error
	Archive(ctx context.Context, s journal.Excerpt, fn func([]journal.Record) error) error
	Horizon(ctx context.Context, end uint64) (journal.Horizon, error)
}

// Old is what is left of a part of the log whose heartbeats have gone: a record
// of the archive, or, where Witness is set, the place of a heartbeat that an
// Online event further on stands for.
type Old struct {
	*journal.Record
	Witness *events.Event
}

// maxDisplaced is how many witnesses are held, at most, to bring them into the
// order of their heartbeats. They are written in that order but for few.
const maxDisplaced = 1 << 17

// replayOld calls fn with what is left of the log from sequence from up to, and
// without, horizon: the archive, with every heartbeat that changed something
// put back in its place. The witnesses of those may be further on, so a second
// reading runs ahead of the first and looks for them.
func replayOld(ctx context.Context, j log, from, horizon uint64, fn func([]Old) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ahead := make(chan []events.Event, 4)
	failed := make(chan error, 1)
	go func() {
		defer close(ahead)
		failed <- findWitnesses(ctx, j, from, horizon, ahead)
	}()
	m := &merging{witnesses: witnesses{ahead: ahead, most: maxDisplaced}, fn: fn}
	err := j.Archive(ctx, journal.Excerpt{From: events.Place{Seq: from}, To: events.EndOf(horizon - 1)}, m.take)
	if err == nil {
		err = m.finish(events.Place{Seq: horizon})
	}
	if err != nil {
		return fmt.Errorf("replaying the archive: %w", err)
	}
	if err := <-failed; err != nil {
		return err
	}
	if m.late > 0 {
		return fmt.Errorf("%w: %d of them, of %d", errDisplaced, m.late, m.count)
	}
	return nil
}

// merging puts records and witnesses together, and gives out whole commits only:
// a view may be written down after each batch.
type merging struct {
	witnesses
	fn    func([]Old) error
	held  []journal.Record // of the last commit so far
	batch []Old
}

func (m *merging) take(records []journal.Record) error {
	last := records[len(records)-1].Place.Seq
	whole := len(records)
	for whole > 0 && records[whole-1].Place.Seq == last {
		whole--
	}
	if whole == 0 && (len(m.held) == 0 || m.held[0].Place.Seq == last) {
		m.held = append(m.held, records...)
		return nil
	}
	m.add(m.held)
	m.add(records[:whole])
	if n := len(m.batch); n > 0 && m.batch[n-1].Record != nil {
		m.before(events.Place{Seq: m.batch[n-1].Place.Seq + 1}) // what is left of that commit
	}
	err := m.give()
	m.held = append(m.held[:0], records[whole:]...)
	return err
}

func (m *merging) add(records []journal.Record) {
	for i := range records {
		m.before(records[i].Place)
		m.batch = append(m.batch, Old{Record: &records[i]})
	}
}

// before adds the witnesses of heartbeats before p.
func (m *merging) before(p events.Place) {
	for e := m.next(p); e != nil; e = m.next(p) {
		m.batch = append(m.batch, Old{Witness: e})
	}
}

// give hands on what there is.
func (m *merging) give() error {
	if len(m.batch) == 0 {
		return nil
	}
	err := m.fn(m.batch)
	m.batch = m.batch[:0]
	return err
}

// finish gives the rest, up to the place end.
func (m *merging) finish(end events.Place) error {
	m.add(m.held)
	for e := m.next(end); e != nil; e = m.next(end) {
		if n := len(m.batch); n >= finishBatch && m.batch[n-1].seq() < e.By {
			if err := m.give(); err != nil {
				return err
			}
		}
		m.batch = append(m.batch, Old{Witness: e})
	}
	return m.give()
}

// finishBatch is how many witnesses are given at once after the last record,
// and as many more as their commit has.
const finishBatch = 1024

// seq is the commit that o belongs to.
func (o *Old) seq() uint64 {
	if o.Witness != nil {
		return o.Witness.By
	}
	return o.Place.Seq
}

// errDisplaced: heartbeats could not be put back in their places.
var errDisplaced = errors.New("witnesses of heartbeats are too far out of order in the archive")

// findWitnesses sends the Online events that stand for heartbeats in
// [from, horizon), as they come in the log.
func findWitnesses(ctx context.Context, j log, from, horizon uint64, found chan<- []events.Event) error {
	collect := func(records []journal.Record) error {
		var batch []events.Event
		for i := range records {
			// What cannot be decoded is told when its own place is reached.
			if e := &records[i].Event; records[i].Err == nil && e.Type == events.Online && e.By >= from && e.By < horizon {
				batch = append(batch, *e)
			}
		}
		if len(batch) == 0 {
			return nil
		}
		select {
		case found <- batch:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := j.Archive(ctx, journal.Excerpt{From: events.Place{Seq: from}, Types: []events.Type{events.Online}, Unarchived: true}, collect)
	if err != nil {
		return fmt.Errorf("looking for witnesses: %w", err)
	}
	return nil
}

// witnesses gives out witnesses in the order of their heartbeats.
type witnesses struct {
	ahead <-chan []events.Event
	most  int // how many are held: maxDisplaced
	heap  witnessHeap
	given events.Place // the last one given out
	over  bool         // nothing more comes
	count int
	late  int // that came too late to be put in their place
}

// next returns the next witness of a heartbeat before p, nil where there is none.
func (w *witnesses) next(p events.Place) *events.Event {
	for !w.over && len(w.heap) < w.most {
		batch, more := <-w.ahead
		w.over = !more
		for i := range batch {
			if w.count++; batch[i].ByPlace().Before(w.given) {
				w.late++
				continue
			}
			heap.Push(&w.heap, batch[i])
		}
	}
	if len(w.heap) == 0 || !w.heap[0].ByPlace().Before(p) {
		return nil
	}
	e := heap.Pop(&w.heap).(events.Event)
	w.given = e.ByPlace()
	return &e
}

// witnessHeap is a min-heap for container/heap.
type witnessHeap []events.Event

func (h witnessHeap) Len() int           { return len(h) }
func (h witnessHeap) Less(i, j int) bool { return h[i].ByPlace().Before(h[j].ByPlace()) }
func (h witnessHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *witnessHeap) Push(x any)        { *h = append(*h, x.(events.Event)) }

func (h *witnessHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = events.Event{}
	*h = (*h)[:last]
	return e
}
