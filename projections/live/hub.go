package live

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/current"
)

// Place is where a reader stands: behind the Nth change, from 1, of the event
// at Seq; Nth 0 is behind all of them.
type Place struct {
	Seq uint64
	Nth int
}

// Entry is a change and the place behind it.
type Entry struct {
	events.Change
	Place Place
	// Text is what the hub's Encode made of it, for all readers together.
	Text any
}

const (
	// ringSize is how many changes are kept for readers to catch up with.
	ringSize = 1 << 16
	// restEach is how long readers are left alone after they have been woken,
	// for each of them, so that many readers get changes in heaps, and few at
	// once. restMost bounds it.
	restEach = 10 * time.Microsecond
	restMost = 50 * time.Millisecond
)

// Hub is between the current view and the readers.
type Hub struct {
	view   *current.View
	tap    *current.Tap
	encode func(*Entry) any

	mu      sync.Mutex
	ring    []Entry // the last ringSize changes; entry n stands at n modulo ringSize
	next    uint64  // number of the next entry
	ready   uint64  // entries before it are encoded, and may be read
	seq     uint64  // up to which the view has told
	begin   uint64  // the ring holds every change after this sequence
	readers int
	woken   chan struct{} // closed when something has come
	news    chan struct{} // buffered 1: something has come since readers were woken
}

// NewHub returns a hub over v. encode is called once for every change, before
// any reader sees it; nil: nothing is encoded. It starts nothing; see Run.
func NewHub(v *current.View, encode func(*Entry) any) *Hub {
	if encode == nil {
		encode = func(*Entry) any { return nil }
	}
	h := &Hub{view: v, encode: encode, ring: make([]Entry, ringSize), woken: make(chan struct{}), news: make(chan struct{}, 1)}
	h.tap = &current.Tap{Put: h.put, Erased: func(string, events.Moment) {}, Flush: func(uint64) error { return nil }}
	return h
}

// Run takes changes from the view and wakes readers until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	h.attach()
	defer h.view.Untap(h.tap)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.news:
		}
		h.prepare()
		rest := time.NewTimer(h.wake())
		select {
		case <-ctx.Done():
			rest.Stop()
			return nil
		case <-rest.C:
		}
	}
}

func (h *Hub) attach() {
	seq := h.view.Tap(h.tap)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next == 0 && h.seq < seq {
		h.seq, h.begin = seq, seq
	}
}

// prepare encodes what has come. The view waits for none of it.
func (h *Hub) prepare() {
	var some [takeMost]Entry
	for {
		h.mu.Lock()
		if h.next > ringSize {
			h.ready = max(h.ready, h.next-ringSize)
		}
		from := h.ready
		n := 0
		for ; n < len(some) && from+uint64(n) < h.next; n++ {
			some[n] = h.ring[(from+uint64(n))%ringSize]
		}
		h.mu.Unlock()
		if n == 0 {
			return
		}
		for i := range n {
			some[i].Text = h.encode(&some[i])
		}
		h.mu.Lock()
		for i := range n {
			if e := &h.ring[(from+uint64(i))%ringSize]; e.Place == some[i].Place && e.User == some[i].User { // else overtaken
				e.Text = some[i].Text
			}
		}
		h.ready = from + uint64(n)
		h.mu.Unlock()
	}
}

// wake lets all readers look, and returns for how long they should be left
// alone now.
func (h *Hub) wake() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.woken)
	h.woken = make(chan struct{})
	return min(time.Duration(h.readers)*restEach, restMost)
}

// put is the view's: it runs under the view's lock.
func (h *Hub) put(changes []events.Change, upTo uint64) {
	if len(changes) == 0 && upTo == h.told() {
		return
	}
	h.mu.Lock()
	for i := range changes {
		nth := 0
		if i+1 < len(changes) && changes[i+1].To.Seq == changes[i].To.Seq {
			nth = 1
			if last := h.last(); last != nil && last.To.Seq == changes[i].To.Seq {
				nth = last.Place.Nth + 1
			}
		}
		e := &h.ring[h.next%ringSize]
		if h.next >= ringSize {
			h.begin = e.To.Seq // the rest of that sequence's changes may still be there; not all are
		}
		*e = Entry{Change: changes[i], Place: Place{Seq: changes[i].To.Seq, Nth: nth}}
		h.next++
	}
	h.seq = upTo
	h.mu.Unlock()
	if len(changes) == 0 {
		return
	}
	select {
	case h.news <- struct{}{}:
	default:
	}
}

func (h *Hub) told() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seq
}

// last is the newest entry, nil before the first.
func (h *Hub) last() *Entry {
	if h.next == 0 {
		return nil
	}
	return &h.ring[(h.next-1)%ringSize]
}

// Readers is how many there are.
func (h *Hub) Readers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.readers
}
