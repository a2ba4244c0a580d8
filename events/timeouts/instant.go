package timeouts

import (
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// deaf is for how long covered time goes on without a message: a node that
// accepts events writes a mark after events.AlivePeriod.
const deaf = events.AlivePeriod + time.Second

// Instant is what the time is when something is judged.
type Instant struct {
	Covered int64         // covered time, milliseconds
	Resumed int64         // covered time at which the log was heard again after its last gap, 0: none
	Mono    int64         // this process's monotonic clock, nanoseconds
	Wall    events.Millis // the node's clock, for overrides
}

// instant is what the time is, given where the fold stands. It is called under
// the fold's lock.
func (c *Consumer) instant(clock events.Clock, mono int64) Instant {
	now := c.cfg.Mono()
	return Instant{Covered: coveredAt(clock, mono, now), Resumed: c.hearing.listen(clock), Mono: now, Wall: events.MillisOf(c.cfg.Now())}
}

// coveredAt is covered time at now, where the last message was read at mono, 0
// for long ago.
func coveredAt(clock events.Clock, mono, now int64) int64 {
	if mono == 0 || now <= mono {
		return clock.Covered
	}
	return clock.Covered + min(time.Duration(now-mono), deaf).Milliseconds()
}

// hearing notices when the log is heard again after a gap. Such a gap is
// nobody's silence; but whoever beat half a minute before it may have tried in
// vain during it, and his next attempt need not come in what was left of his
// time.
type hearing struct {
	last    events.Clock
	resumed int64
}

// listen takes notice of where the clock stands and returns the covered time at
// which the last gap had ended, 0 if there was none since the first call that
// came after a message.
func (h *hearing) listen(clock events.Clock) (resumed int64) {
	passed := time.Duration(clock.Last-h.last.Last) * time.Millisecond
	counted := time.Duration(clock.Covered-h.last.Covered) * time.Millisecond
	if h.last.Last != 0 && (passed-counted).Abs() > events.MaxGap {
		h.resumed = clock.Covered
	}
	h.last = clock
	return h.resumed
}
