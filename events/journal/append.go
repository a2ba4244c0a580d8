package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-dev/rollcall/events"
)

// Item is an event to append. Under a key that is given it counts only if it is
// the first with that key: ask the view once it has reached the item's place.
type Item struct {
	Event events.Event
	Key   events.Key

	checked bool
}

// Receipt is a promise of an acknowledgement.
type Receipt struct {
	j *Journal
	e *entry
}

// Beat appends a heartbeat and returns its sequence once it is in the log, as
// durably as the server was told. What waits together shares a commit, and so a
// sequence. Errors wrap the sentinels of this package, or ctx's where that had
// ended already; a beat that is on its way is waited for, which takes
// Config.AckTimeout at most.
func (j *Journal) Beat(ctx context.Context, b events.Beat) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("appending a heartbeat: %w", err)
	}
	e := j.free.Get().(*entry)
	e.beat = b
	if err := j.enqueue(e); err != nil {
		j.recycle(e)
		return 0, err
	}
	// Not with ctx: a publish is bounded by AckTimeout and every entry gets its
	// outcome, so there is nothing to select on, and ctx need not make a channel
	// for each beat.
	<-e.done
	seq, err := e.last.Seq, e.err
	j.recycle(e)
	return seq, err
}

// Append appends e and returns its place once it is in the log. e.V is filled
// in. Errors as in Beat, and those of events.Event.Validate.
func (j *Journal) Append(ctx context.Context, e events.Event, key events.Key) (events.Place, error) {
	r, err := j.Submit(e, key)
	if err != nil {
		return events.Place{}, err
	}
	if _, err := r.Wait(ctx); err != nil {
		return events.Place{}, err
	}
	p := r.e.last
	j.recycle(r.e)
	return p, nil
}

// Submit is Append without the wait: what is submitted one after the other is
// in the log in that order.
func (j *Journal) Submit(e events.Event, key events.Key) (*Receipt, error) {
	n := j.free.Get().(*entry)
	n.one = [1]Item{{Event: e, Key: key}}
	n.items = n.one[:]
	return j.submit(n)
}

// SubmitAll is Submit for several events at once, which are no more to the
// committer than one: they share commits, in their order. When a commit fails
// the items after it are not tried. Nobody may change items before the receipt
// has been waited for. An item that Validate refuses refuses all of them.
func (j *Journal) SubmitAll(items []Item) (*Receipt, error) {
	n := j.free.Get().(*entry)
	n.items, n.bulk = items, true
	return j.submit(n)
}

// SubmitBeats is SubmitAll for heartbeats.
func (j *Journal) SubmitBeats(beats []events.Beat) (*Receipt, error) {
	n := j.free.Get().(*entry)
	n.beats, n.bulk = beats, true
	return j.submit(n)
}

func (j *Journal) submit(n *entry) (*Receipt, error) {
	err := n.check()
	if err == nil {
		err = j.enqueue(n)
	}
	if err != nil {
		j.recycle(n)
		return nil, err
	}
	return &Receipt{j: j, e: n}, nil
}

// AppendAll appends items in order, and stops at the first failure: whatever
// goes wrong, what is in the log has no hole. It returns how many are surely
// there.
func (j *Journal) AppendAll(ctx context.Context, items []Item) (stored int, err error) {
	if len(items) == 0 {
		return 0, nil
	}
	r, err := j.SubmitAll(items)
	if err != nil {
		return 0, err
	}
	return r.Wait(ctx)
}

// Wait returns how many of the receipt's items are in the log, from the first
// on: all of them unless there is an error. It may be called once.
func (r *Receipt) Wait(ctx context.Context) (stored int, err error) {
	select {
	case <-r.e.done:
		return r.e.stored, r.e.err
	case <-ctx.Done():
		// The entry stays with the committer and is not used again.
		return 0, fmt.Errorf("waiting for the log: %w", ctx.Err())
	}
}

// Place is where the item i is, of those that Wait counted as stored.
func (r *Receipt) Place(i int) events.Place {
	for _, s := range r.e.runs {
		if i < s.n {
			return events.Place{Seq: s.first.Seq, Nth: s.first.Nth + uint32(i)}
		}
		i -= s.n
	}
	return r.e.last
}

// entry is what one caller appends. It goes back to the pool when its caller
// has got the outcome.
type entry struct {
	beat  events.Beat   // where there are no others
	beats []events.Beat // else these
	items []Item        // or these
	one   [1]Item       // what items is for a single one
	bulk  bool          // it must leave room in the queue for others

	runs   []run // where the stored ones are, of several
	stored int
	last   events.Place
	err    error
	done   chan struct{} // buffered 1: the committer never waits for a caller
}

// run is items of an entry that are next to each other in one commit.
type run struct {
	first events.Place
	n     int
}

// size is how many items the entry has.
func (e *entry) size() int {
	switch {
	case e.items != nil:
		return len(e.items)
	case e.beats != nil:
		return len(e.beats)
	}
	return 1
}

// recycle gives e back to the pool.
func (j *Journal) recycle(e *entry) {
	done := e.done
	*e = entry{done: done}
	j.free.Put(e)
}

// ErrUnwritable means that an event would not come out of the log as it went in.
var ErrUnwritable = fmt.Errorf("%w: it would not come out of the log as it went in", events.ErrMalformed)

// check checks all of e's items.
func (e *entry) check() error {
	for i := range e.items {
		if err := e.items[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// Check fills in what the caller need not, and returns an error, which wraps
// events.ErrMalformed, for what could not be read again: whatever is accepted
// must decode. Whoever appends has it done; it costs nothing the second time.
func (i *Item) Check() error {
	if i.checked {
		return nil
	}
	e := &i.Event
	if e.Type == events.Heartbeat && e.Session == "" {
		e.Session = events.DefaultSession
	}
	e.V = events.Version
	if err := e.Validate(); err != nil {
		return err
	}
	if err := roundTrip(i); err != nil {
		return err
	}
	i.checked = true
	return nil
}

// roundTrip returns an error unless item decodes to what it is.
func roundTrip(item *Item) error {
	var space [512]byte
	data, err := events.AppendEvent(space[:0], &item.Event, &item.Key, 0)
	if err != nil {
		return err
	}
	var c events.Commit
	if err := c.Decode(data); err != nil {
		return err
	}
	back, key, err := c.Entries[0].Event()
	if err != nil {
		return err
	}
	want := item.Event
	if want.Session == "" && want.Type == events.Login {
		want.Session = events.DefaultSession
	}
	if want.Actor == "" {
		want.Actor = want.User
	}
	if want.ID = ""; back != want || key != item.Key {
		return ErrUnwritable
	}
	return nil
}

// enqueue hands e to the committer, or says at once that it cannot.
func (j *Journal) enqueue(e *entry) error {
	n := e.size()
	limit := j.cfg.QueueLimit
	if e.bulk {
		limit -= limit / 4 // room that only those have who bring one at a time
	}
	j.mu.Lock()
	switch {
	case j.closed:
		j.mu.Unlock()
		return ErrClosed
	case j.refusal != nil:
		err := j.refusal
		j.mu.Unlock()
		j.metrics.count(e, 0, n, err)
		return err
	case j.weight+n > limit && j.weight > 0:
		j.mu.Unlock()
		j.metrics.Shed.Add(float64(n))
		return ErrOverloaded
	}
	j.waiting = append(j.waiting, e)
	j.weight += n
	first := len(j.waiting) == 1
	j.mu.Unlock()
	if first {
		select {
		case j.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// take returns all that waits and leaves spare for what comes next.
func (j *Journal) take(spare []*entry) []*entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	got := j.waiting
	j.waiting, j.weight = spare[:0], 0
	return got
}

// settle tells e's caller.
func (j *Journal) settle(e *entry) {
	j.metrics.count(e, e.stored, e.size(), e.err)
	e.done <- struct{}{}
}

// IsUnstored reports whether err of an append means that nothing was stored:
// the caller may do as if they had not tried.
func IsUnstored(err error) bool {
	return err != nil && !errors.Is(err, ErrSlow) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}
