package timeouts

import (
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

const (
	// tick is the wheel's step in milliseconds of covered time.
	tick = 25
	// slots is the size of the ring: 27 minutes, more than a declared interval
	// can earn. A power of two.
	slots = 1 << 16
	// back is how many ticks the wheel may be turned back: covered time between
	// two messages is an estimate, and the next message may correct it by
	// up to deaf.
	back = 1 << 10
	// reach is how many ticks ahead an alarm may be set. One that is farther off
	// is looked at on the way.
	reach = slots - back
	// maxLooks bounds how many entries are looked at under one lock, to keep
	// nobody else waiting for longer than a millisecond or two.
	maxLooks = 4096
	// retryTicks is how long after a decision the session is looked at again.
	retryTicks = 1000 / tick
)

// Deadlines knows which session is due when. It reads users that belong to
// somebody else: all its methods are called under the lock that guards those.
//
// It is a ring of slots over covered time, lazy in both directions. An entry is
// a user; what is due when stands in Session.Alarm:
//
//	0            not seen yet
//	> at         the user stands in that tick's slot
//	1 … at       the user stands in ready, to be looked at
//	negative     decided at that covered time; the user stands in decided
//
// A beat that only moves the deadline away leaves the alarm where it is and
// costs a comparison; the entry finds out when its turn comes. An entry whose
// alarm has been set elsewhere is dropped then.
type Deadlines struct {
	limits  events.Limits
	nodes   func() *events.Nodes // who writes the log; nil: nobody knows
	at      int64                // tick up to which slots have been emptied
	high    int64                // the highest that at has been
	ring    [][]*events.User     // tick mod slots → entries
	ready   [][]*events.User     // emptied slots that are to be looked at, oldest first
	decided []*events.User       // whose silence has been too long, oldest decision first
	lapses  lapses               // overrides
	beats   unwritten            // beats to write down
}

// Due is a session that has been silent for as long as it may.
type Due struct {
	User, Session string
	Place         events.Place  // its last sign of life
	LastSeen      events.Millis // when that was
	Leaving       bool          // it said that its page was closing
	Due           int64         // since when, covered milliseconds
	Decided       int64         // when that was noticed, covered milliseconds
}

// NewDeadlines returns a wheel that stands at the covered time now, in
// milliseconds.
func NewDeadlines(limits events.Limits, now int64) *Deadlines {
	return &Deadlines{limits: limits, at: now / tick, high: now / tick, ring: make([][]*events.User, slots)}
}

// Touch takes notice of what has happened to u. It is on the path of every
// heartbeat: for one that refreshes a session it allocates nothing and takes a
// few nanoseconds.
func (d *Deadlines) Touch(u *events.User) {
	for i := range u.Sessions {
		s := &u.Sessions[i]
		due := d.limits.Due(s)
		if s.Alarm == 0 || due <= (s.Alarm-1)*tick {
			d.set(u, s, due)
		}
	}
	if u.Override != nil {
		d.lapses.touch(u)
	}
	if len(u.Pending) > 0 {
		d.beats.touch(u)
	}
}

// set puts the alarm of s at the first tick at or after the covered time ms.
func (d *Deadlines) set(u *events.User, s *events.Session, ms int64) {
	t := (ms + tick - 1) / tick
	t = min(max(t, d.at+1), d.at+reach)
	s.Alarm = t
	slot := &d.ring[t&(slots-1)]
	*slot = append(*slot, u)
}

// left is how many milliseconds s still has, 0 or less where it has none.
// Whoever was there before a gap of the log gets his whole time from its end.
// Whoever was heard last by a node that is missing has what was left of it then.
func (d *Deadlines) left(s *events.Session, now Instant) int64 {
	limit := d.limits.Of(s)
	from, to := s.Covered, now.Covered
	if d.nodes != nil {
		from, to = d.nodes().Counted(s.Node, from, to)
	}
	left := max(from, now.Resumed) + limit.Milliseconds() - to
	if left > 0 && to < now.Covered {
		left = max(left, retryTicks*tick) // while the node is missing it does not become less
	}
	if s.Mono != 0 {
		ns := s.Mono + int64(limit) - now.Mono
		left = max(left, (ns+int64(time.Millisecond)-1)/int64(time.Millisecond))
	}
	return left
}

// Decide turns the wheel to now and looks at up to n of the entries whose turn
// has come. It reports whether there are more.
func (d *Deadlines) Decide(now Instant, n int) (more bool) {
	d.turn(now.Covered / tick)
	for ; n > 0 && len(d.ready) > 0; n-- {
		d.look(d.next(), now)
	}
	return len(d.ready) > 0
}

// turn empties the slots up to the tick to into ready. Their memory goes with
// them, so that a burst leaves none behind.
func (d *Deadlines) turn(to int64) {
	if to < d.at && len(d.ready) == 0 {
		d.at = max(to, d.high-back+1)
		return
	}
	for t := max(d.at+1, to-slots+1); t <= to; t++ {
		if slot := &d.ring[t&(slots-1)]; len(*slot) > 0 {
			d.ready = append(d.ready, *slot)
			*slot = nil
		}
	}
	d.at = max(d.at, to)
	d.high = max(d.high, d.at)
}

// next takes an entry out of ready, which is not empty.
func (d *Deadlines) next() *events.User {
	slot := d.ready[0]
	last := len(slot) - 1
	u := slot[last]
	slot[last] = nil
	if d.ready[0] = slot[:last]; last == 0 {
		d.ready[0] = nil
		if d.ready = d.ready[1:]; len(d.ready) == 0 {
			d.ready = nil
		}
	}
	return u
}

// look decides on those sessions of u whose alarm has come.
func (d *Deadlines) look(u *events.User, now Instant) {
	found := false
	for i := range u.Sessions {
		s := &u.Sessions[i]
		if s.Alarm < 0 || s.Alarm > d.at {
			continue // another entry stands for it
		}
		if left := d.left(s, now); left > 0 {
			d.set(u, s, now.Covered+left)
			continue
		}
		s.Alarm = -max(now.Covered, 1)
		found = true
	}
	if found {
		d.decided = append(d.decided, u)
	}
}

// Take returns about n of the sessions that Decide found, those that are still
// due, and whether there are more to look at. Each is found again a second
// later unless its end has come from the log by then: that is the retry, and
// how another consumer takes over.
func (d *Deadlines) Take(now Instant, n int) (due []Due, more bool) {
	d.turn(now.Covered / tick)
	for looks := 0; looks < maxLooks && len(due) < n && len(d.decided) > 0; looks++ {
		u := d.decided[0]
		d.decided[0] = nil
		if d.decided = d.decided[1:]; len(d.decided) == 0 {
			d.decided = nil
		}
		due = d.judge(u, now, due)
	}
	return due, len(d.decided) > 0
}

func (d *Deadlines) judge(u *events.User, now Instant, due []Due) []Due {
	for i := range u.Sessions {
		s := &u.Sessions[i]
		if s.Alarm >= 0 {
			continue
		}
		decided, left := -s.Alarm, d.left(s, now)
		if left > 0 {
			d.set(u, s, now.Covered+left)
			continue
		}
		due = append(due, Due{User: u.ID, Session: s.ID, Place: s.Place(), LastSeen: s.LastSeen, Leaving: s.Leaving,
			Due: now.Covered + left, Decided: decided})
		d.set(u, s, now.Covered+retryTicks*tick)
	}
	return due
}

// Decided reports whether Take has something to look at.
func (d *Deadlines) Decided() bool { return len(d.decided) > 0 }

// each calls fn with every user that has an alarm, more than once with some.
func (d *Deadlines) each(fn func(*events.User)) {
	for _, slots := range [][][]*events.User{d.ring, d.ready, {d.decided}} {
		for _, slot := range slots {
			for _, u := range slot {
				fn(u)
			}
		}
	}
}
