package live

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/current"
)

const (
	// keepMost is how many changes are kept for readers to catch up with.
	keepMost = 1 << 16
	// blockMost is how many changes a block holds.
	blockMost = 512
	// restEach is how long readers who wait for themselves (Reader.Next) are left
	// alone after they have been woken, for each of them, so that many get changes
	// in heaps, and few at once.
	restEach = 10 * time.Microsecond
	// restMost bounds that.
	restMost = 500 * time.Millisecond
	// tick is how often the audience is looked after when nothing happens.
	tick = time.Second
)

// Hub is between the current view and the readers.
type Hub struct {
	view     *current.View
	tap      *current.Tap
	encode   Encode
	keep     int // how many changes are kept at least, once there were so many
	audience audience

	mu      sync.Mutex
	blocks  []*Block // what readers may read, in order
	kept    int      // entries in blocks
	open    []Entry  // what has come since the last block was made
	next    uint64   // number of the next entry
	nth     int      // how many changes of the newest one's commit came before it
	seq     uint64   // up to which the view has told
	begin   uint64   // blocks and open hold every change after this sequence
	readers int
	woken   chan struct{} // closed when something may be read
	news    chan struct{} // buffered 1: something has come since the last block was made
}

// NewHub returns a hub over v. It starts nothing; see Run.
func NewHub(v *current.View, encode Encode) *Hub {
	h := &Hub{view: v, encode: encode, keep: keepMost, woken: make(chan struct{}), news: make(chan struct{}, 1)}
	h.audience.shares = newShares()
	h.tap = &current.Tap{Put: h.take, Flush: func(uint64) error { return nil }}
	return h
}

// Run takes changes from the view and gives them to readers until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	h.attach()
	defer h.view.Untap(h.tap)
	return h.run(ctx)
}

func (h *Hub) run(ctx context.Context) error {
	defer h.Dismiss()
	looks := time.NewTicker(tick)
	defer looks.Stop()
	looked := time.Now()
	for {
		var rest time.Duration
		select {
		case <-ctx.Done():
			return nil
		case now := <-looks.C:
			ticks := int(now.Sub(looked).Round(tick) / tick) // those that sending has taken too
			looked = looked.Add(time.Duration(ticks) * tick)
			h.audience.look(ticks)
			continue
		case <-h.news:
			rest = h.wake()
		}
		pause := time.NewTimer(min(max(rest, h.audience.send()), restMost))
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

func (h *Hub) attach() {
	h.attached(h.view.Tap(h.tap))
}

// attached is told after which sequence the view tells everything. The view may
// have told something by then.
func (h *Hub) attached(seq uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq, h.begin = max(h.seq, seq), max(h.begin, seq)
}

// wake makes a block of what has come, lets the readers that wait look, and
// returns for how long they should be left alone now.
func (h *Hub) wake() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seal()
	close(h.woken)
	h.woken = make(chan struct{})
	return time.Duration(h.readers-h.audience.size()) * restEach
}

// take is the view's: it runs under the view's lock. To readers an erased user
// who was there goes offline: that they never were is nothing that could be
// shown.
func (h *Hub) take(happened []current.Happening, upTo uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq = upTo
	if len(happened) == 0 {
		return
	}
	for i := range happened {
		if c := &happened[i]; !c.Erased || c.From.Status != events.StatusOffline {
			h.put(c.Change)
		}
	}
	if len(h.open) >= blockMost {
		h.seal()
	}
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// put enters a change. Those of one commit share its sequence: all but the last
// say which of them they are. The lock is held.
func (h *Hub) put(c events.Change) {
	at := Place{Seq: c.To.Seq}
	if n := len(h.open); n > 0 && h.open[n-1].Place.Seq == at.Seq {
		// So that was not the last one.
		h.nth++
		h.open[n-1].Place.Nth = h.nth
	} else {
		h.nth = 0
	}
	h.open = append(h.open, Entry{Change: c, Place: at})
	h.next++
}

// seal makes blocks of what is open, and lets the oldest go. The lock is held.
func (h *Hub) seal() {
	first := h.next - uint64(len(h.open))
	for entries := range slices.Chunk(h.open, blockMost) {
		b := NewBlock(entries, h.encode)
		b.first = first
		first += uint64(len(entries))
		h.blocks = append(h.blocks, b)
		h.kept += len(entries)
	}
	h.open = nil
	for len(h.blocks) > 0 && h.kept-len(h.blocks[0].Entries) >= h.keep {
		gone := h.blocks[0]
		h.begin = gone.last().To.Seq // some of that sequence's changes may still be there; not all are
		h.kept -= len(gone.Entries)
		h.blocks[0] = nil
		h.blocks = h.blocks[1:]
	}
}

// oldest is the number of the first entry that is kept. The lock is held.
func (h *Hub) oldest() uint64 {
	if len(h.blocks) > 0 {
		return h.blocks[0].first
	}
	return h.next - uint64(len(h.open))
}

// Readers is how many there are.
func (h *Hub) Readers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.readers
}
