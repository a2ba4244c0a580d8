package timeouts

import (
	"container/heap"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// lookAhead bounds how long an entry of a replaced override is kept.
const lookAhead = events.Millis(time.Hour / time.Millisecond)

// Lapse is an override that has run out.
type Lapse struct {
	User  string
	Place events.Place // of the override
	Until events.Millis
}

// lapses knows which override runs out when. Overrides end at a time of day, so
// this is a heap over wall time; it is as lazy as Deadlines, with
// StandingOverride.Alarm as the time of the entry that counts.
type lapses struct {
	now  events.Millis // of the last look
	heap lapseHeap
}

type lapseEntry struct {
	at   events.Millis
	user *events.User
}

func (l *lapses) touch(u *events.User) {
	if o := u.Override; o.Until != 0 && o.Alarm == 0 {
		l.set(u, min(o.Until, l.now+lookAhead))
	}
}

func (l *lapses) set(u *events.User, at events.Millis) {
	u.Override.Alarm = int64(at)
	heap.Push(&l.heap, lapseEntry{at: at, user: u})
}

// due reports whether take has something to look at.
func (l *lapses) due(now events.Millis) bool {
	l.now = now
	return len(l.heap) > 0 && l.heap[0].at <= now
}

// take returns up to n overrides that have run out. Each is returned again a
// second later unless its end has come from the log by then.
func (l *lapses) take(now events.Millis, n int) (out []Lapse) {
	for looks := 0; looks < maxLooks && len(out) < n && l.due(now); looks++ {
		e := heap.Pop(&l.heap).(lapseEntry)
		o := e.user.Override
		switch {
		case o == nil || o.Alarm != int64(e.at): // gone, or another entry stands for it
		case o.Until > now:
			l.set(e.user, min(o.Until, now+lookAhead))
		default:
			out = append(out, Lapse{User: e.user.ID, Place: o.Place(), Until: o.Until})
			l.set(e.user, now+retryTicks*tick)
		}
	}
	return out
}

// lapseHeap is a min-heap for container/heap.
type lapseHeap []lapseEntry

func (h lapseHeap) Len() int           { return len(h) }
func (h lapseHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h lapseHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lapseHeap) Push(x any)        { *h = append(*h, x.(lapseEntry)) }

func (h *lapseHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = lapseEntry{}
	*h = (*h)[:last]
	return e
}
