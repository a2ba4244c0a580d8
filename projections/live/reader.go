package live

import (
	"context"
	"errors"
	"sort"

	"github.com/rollcall-dev/rollcall/events"
)

// ErrSlow means that the reader has fallen behind by more than is kept.
var ErrSlow = errors.New("the reader is too slow")

// ErrPast means that what comes after that place is no longer kept.
var ErrPast = errors.New("that place is no longer kept")

// Reader is a place in the stream of changes. It must be closed, or given to
// Hub.Serve, and is not safe for concurrent use.
type Reader struct {
	hub   *Hub
	next  uint64              // number of the next entry to read
	users map[string]struct{} // only these; nil: all
	seq   uint64              // where it began
}

// Start returns a reader behind everything that has been folded, and the users
// as they are just there: those of users, or, where that is nil, everybody who
// is not offline.
func (h *Hub) Start(users []string) (*Reader, []events.User, error) {
	var (
		r        *Reader
		snapshot []events.User
	)
	err := h.view.Present(users, func(present []events.User, seq uint64) {
		snapshot = present
		h.mu.Lock() // the view rests, so nothing is put meanwhile
		defer h.mu.Unlock()
		r = h.reader(h.next, users)
		r.seq = seq
	})
	return r, snapshot, err
}

// Resume returns a reader that goes on behind p, or ErrPast.
func (h *Hub) Resume(p Place, users []string) (*Reader, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.Seq > h.seq {
		return nil, ErrPast // of another log, or a view that has been rebuilt
	}
	if p.Seq < h.begin || p.Seq == h.begin && p.Nth != 0 {
		return nil, ErrPast
	}
	r := h.reader(h.behind(p), users)
	r.seq = p.Seq
	return r, nil
}

// behind is the number of the first entry that a reader who stands at p has not
// seen. The lock is held.
func (h *Hub) behind(p Place) uint64 {
	unseen := func(entries []Entry) int {
		return sort.Search(len(entries), func(i int) bool { return !entries[i].Place.reached(p) })
	}
	n := sort.Search(len(h.blocks), func(i int) bool { return !h.blocks[i].last().Place.reached(p) })
	if n < len(h.blocks) {
		return h.blocks[n].first + uint64(unseen(h.blocks[n].Entries))
	}
	return h.next - uint64(len(h.open)) + uint64(unseen(h.open))
}

func (h *Hub) reader(next uint64, users []string) *Reader {
	h.readers++
	r := &Reader{hub: h, next: next}
	r.Watch(users)
	return r
}

// Watch makes the reader want the changes of users only; nil: all.
func (r *Reader) Watch(users []string) {
	r.users = nil
	if users == nil {
		return
	}
	r.users = make(map[string]struct{}, len(users))
	for _, u := range users {
		r.users[u] = struct{}{}
	}
}

// All reports whether the reader wants everybody's changes.
func (r *Reader) All() bool { return r.users == nil }

// Wants reports whether the reader wants the changes of user.
func (r *Reader) Wants(user string) bool {
	_, named := r.users[user]
	return r.users == nil || named
}

// Next returns the changes that come next, of all users, waiting for them until
// ctx ends; then it returns ctx's error. It returns ErrSlow if some have been
// lost to this reader.
func (r *Reader) Next(ctx context.Context) (Piece, error) {
	for {
		p, woken, err := r.take()
		if err != nil || p.Block != nil {
			return p, err
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return Piece{}, ctx.Err()
		}
	}
}

// take returns what there is to read, or a piece of no block, and what to wait
// for then.
func (r *Reader) take() (Piece, <-chan struct{}, error) {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.next < h.oldest() {
		return Piece{}, nil, ErrSlow
	}
	n := len(h.blocks)
	if n == 0 || r.next >= h.blocks[n-1].end() {
		return Piece{}, h.woken, nil
	}
	if r.next < h.blocks[n-1].first {
		n = 1 + sort.Search(n, func(i int) bool { return h.blocks[i].end() > r.next })
	}
	b := h.blocks[n-1]
	p := Piece{Block: b, From: int(r.next - b.first)}
	r.next = b.end()
	return p, nil, nil
}

// Seq is where the reader began: the sequence of the snapshot or of the place.
func (r *Reader) Seq() uint64 { return r.seq }

// Close gives the place up.
func (r *Reader) Close() {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.hub.readers--
}
