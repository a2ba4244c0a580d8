package live

import (
	"context"
	"errors"

	"github.com/rollcall-dev/rollcall/events"
)

// ErrSlow means that the reader has fallen behind by more than the ring holds.
var ErrSlow = errors.New("the reader is too slow")

// ErrPast means that the ring no longer holds what comes after that place.
var ErrPast = errors.New("that place has left the ring")

// Reader is a place in the stream of changes. It must be closed, and is not safe
// for concurrent use.
type Reader struct {
	hub   *Hub
	next  uint64              // number of the next entry to read
	users map[string]struct{} // only these; nil: all
	seq   uint64              // where the last Next has brought it
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
	oldest := uint64(0)
	if h.next > ringSize {
		oldest = h.next - ringSize
	}
	n := h.next
	for n > oldest && !h.ring[(n-1)%ringSize].Place.reached(p) {
		n--
	}
	r := h.reader(n, users)
	r.seq = p.Seq
	return r, nil
}

// reached reports whether a reader who stands at p has seen the entry at e.
func (e Place) reached(p Place) bool {
	if e.Seq != p.Seq {
		return e.Seq < p.Seq
	}
	return p.Nth == 0 || e.Nth != 0 && e.Nth <= p.Nth
}

func (h *Hub) reader(next uint64, users []string) *Reader {
	h.readers++
	r := &Reader{hub: h, next: next}
	r.Watch(users)
	return r
}

// Watch makes the reader get the changes of users only; nil: all.
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

// Wants reports whether the reader gets the changes of user.
func (r *Reader) Wants(user string) bool {
	_, named := r.users[user]
	return r.users == nil || named
}

// Next appends to dst the changes that have come since, at most a few hundred,
// waiting for the first until ctx ends; then it returns ctx's error. It returns
// ErrSlow if some have been lost to this reader.
func (r *Reader) Next(ctx context.Context, dst []Entry) ([]Entry, error) {
	for {
		got, woken, err := r.take(dst)
		if err != nil || len(got) > len(dst) {
			return got, err
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return dst, ctx.Err()
		}
	}
}

const takeMost = 512

func (r *Reader) take(dst []Entry) ([]Entry, <-chan struct{}, error) {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next > ringSize && r.next < h.next-ringSize {
		return dst, nil, ErrSlow
	}
	for taken := 0; r.next < h.ready && taken < takeMost; r.next++ {
		e := &h.ring[r.next%ringSize]
		if !r.Wants(e.User) {
			continue
		}
		dst = append(dst, *e)
		taken++
	}
	return dst, h.woken, nil
}

// Seq is where the reader began: the sequence of the snapshot or of the place.
func (r *Reader) Seq() uint64 { return r.seq }

// Close gives the place up.
func (r *Reader) Close() {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.hub.readers--
}
