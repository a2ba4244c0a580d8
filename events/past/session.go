package past

import (
	"cmp"
	"container/heap"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// who names a session.
type who struct{ user, session string }

// session is one that is live as far as the import has come.
type session struct {
	who
	last  events.Millis // its last sign of life
	limit time.Duration // how long it may be silent; 0: for ever
	turn  uint64        // which sign of life of all that was: an order among those of one time
	idle  bool
	ended bool

	place  events.Place // where its last sign of life is in the log, once the log has said so
	ticket uint64       // of that: see pipeline.settle; 0: place is known
	line   int          // of that, 0: it was in the log before
}

func (s *session) due() events.Millis { return s.last + events.Millis(s.limit.Milliseconds()) }

// silence knows which session falls silent next. Like the timeout consumer's
// deadlines it is lazy: a session has one entry, and a sign of life leaves that
// where it is.
type silence struct{ entries entries }

type entry struct {
	due     events.Millis
	turn    uint64
	session *session
}

// watch enters a session that has come to life and has a limit.
func (w *silence) watch(s *session) {
	if s.limit > 0 {
		heap.Push(&w.entries, entry{due: s.due(), turn: s.turn, session: s})
	}
}

// next takes the session out that has been silent too long at t, the one whose
// deadline was earliest. A sign of life at the deadline itself comes in time, so
// what is due at t is not returned. Nil: there is none.
func (w *silence) next(t events.Millis) *session {
	for len(w.entries) > 0 && w.entries[0].due < t {
		e := &w.entries[0]
		s := e.session
		if !s.ended && e.turn != s.turn {
			e.due, e.turn = s.due(), s.turn
			heap.Fix(&w.entries, 0)
			continue
		}
		heap.Pop(&w.entries)
		if !s.ended {
			return s
		}
	}
	return nil
}

// entries is a min-heap for container/heap.
type entries []entry

func (h entries) Len() int { return len(h) }

func (h entries) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].due, h[j].due), cmp.Compare(h[i].turn, h[j].turn)) < 0
}

func (h entries) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *entries) Push(x any)   { *h = append(*h, x.(entry)) }

func (h *entries) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = entry{}
	*h = (*h)[:last]
	return e
}
