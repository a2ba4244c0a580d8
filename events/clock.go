package events

import "time"

// MaxGap is the longest silence of the log that still counts as time in which
// a user could have been heard. Nodes put a mark into a quiet log every
// AlivePeriod, so a longer one means that nobody was listening.
const (
	MaxGap      = 10 * time.Second
	AlivePeriod = 5 * time.Second
)

// Clock is covered time: a clock that only the log drives. Between two
// consecutive messages it advances by the difference of the broker's
// timestamps where that lies in (0, MaxGap], else not at all. So an outage, a
// lost quorum, a suspended machine and a wall clock stepped either way count
// as nobody's silence. The zero value stands at 0, before the first message.
type Clock struct {
	Covered int64  // milliseconds of covered time so far
	Last    Millis // broker's timestamp of the last message, 0 before the first
}

// Advance moves the clock to a message with broker timestamp t and returns the
// covered time there.
func (c *Clock) Advance(t Millis) int64 {
	if d := int64(t - c.Last); c.Last != 0 && d > 0 && d <= MaxGap.Milliseconds() {
		c.Covered += d
	}
	c.Last = t
	return c.Covered
}

// skew is how far the clocks of nodes and broker may stand apart.
const skew = Millis(10_000)

// Moment is where in the log, and when, something happened.
type Moment struct {
	Seq     uint64
	Nth     uint32 // which entry of its commit, from 0
	Time    Millis // the broker's timestamp
	Covered int64  // covered time, Clock's milliseconds
	Node    uint16 // which node wrote the commit, see Nodes; 0: not known
	Mono    int64  // this process's monotonic clock in nanoseconds when it read the message, 0 where it was read late; never stored
}

// Place is where in the log m is.
func (m Moment) Place() Place { return Place{m.Seq, m.Nth} }

// Effective is when something happened that a node says it accepted at at. A
// time within skew of the broker's, or ahead of it, is the broker's: one clock,
// so that the order in time of what happens now is that of the log, whichever
// nodes took it. One further back is what it says: an import tells of the past.
func (m Moment) Effective(at Millis) Millis {
	if at > m.Time-skew {
		return m.Time
	}
	return max(at, 1) // 0 is no time
}

// Limits are how long a session may be silent, in covered time.
type Limits struct {
	Timeout    time.Duration // for a session that declares no interval
	LeaveGrace time.Duration // after a beat that said its page was closing
}

// MaxTimeout caps what a declared interval can earn a session.
const MaxTimeout = 15 * time.Minute

// Of returns how long s may be silent: LeaveGrace after a leaving beat, else
// Timeout, or 2.5 times the interval that its client declared where that is
// longer, up to 15 minutes. (A hidden tab's timers drop to one a minute.)
func (l Limits) Of(s *Session) time.Duration {
	if s.Leaving {
		return min(l.LeaveGrace, l.Timeout)
	}
	declared := time.Duration(s.Every) * 2500 * time.Millisecond
	return max(l.Timeout, min(declared, MaxTimeout))
}

// Due returns the covered time, in Clock's milliseconds, at which s has been
// silent for as long as it may.
func (l Limits) Due(s *Session) int64 { return s.Covered + l.Of(s).Milliseconds() }

// Expired reports whether s has been silent for as long as it may at the
// covered time now.
func (l Limits) Expired(s *Session, now int64) bool { return now >= l.Due(s) }

// started is this process's zero of monotonic time.
var started = time.Now()

// Mono is this process's monotonic clock in nanoseconds, never 0. Reading it is
// the one thing in this package that is not pure; nothing here calls it.
func Mono() int64 { return int64(time.Since(started)) + 1 }
