package timeouts

import (
	"context"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// ending is the event that ends a session or an override.
type ending struct {
	event events.Event
	cause events.Cause
	late  int64 // milliseconds from due to decided; negative: not measured
}

// expire appends one window of what is due. It begins by reading the log to its
// end, so that a process that was stopped for minutes judges by what happened
// meanwhile.
func (c *Consumer) expire(ctx context.Context) (more bool, err error) {
	c.expiring.Lock()
	defer c.expiring.Unlock()
	if !c.Held() {
		_, more = c.take(false) // for the holder to append; the wheel comes back to it
		return more, nil
	}
	if err := c.catchUp(ctx); err != nil {
		return false, err
	}
	endings, more := c.take(false)
	_, err = c.append(ctx, endings)
	return more, err
}

// take judges once more, by where the fold stands now, and returns what is due.
// While the fold is catching up that is nothing, unless behind is allowed.
func (c *Consumer) take(behind bool) (endings []ending, more bool) {
	var due []Due
	var lapsed []Lapse
	c.fold.Locked(func(_ uint64, clock events.Clock, mono int64) {
		if mono == 0 && !behind {
			return
		}
		now := c.instant(clock, mono)
		due, more = c.deadlines.Take(now, window)
		lapsed = c.deadlines.lapses.take(now.Wall, max(window-len(due), 0))
		more = more || c.deadlines.lapses.due(now.Wall)
	})
	at := events.MillisOf(c.cfg.Now())
	for i := range due {
		endings = append(endings, due[i].ending(at))
	}
	for i := range lapsed {
		endings = append(endings, lapsed[i].ending())
	}
	return endings, more
}

func (d *Due) ending(at events.Millis) ending {
	e := ending{cause: events.CauseTimeout, late: max(d.Decided-d.Due, 0)}
	if d.Leaving {
		e.cause = events.CauseLeft
	}
	e.event = events.Event{Type: events.Offline, User: d.User, Session: d.Session, At: at, Actor: events.ServiceActor,
		Cause: e.cause, LastSeen: d.LastSeen, Judged: d.Place.Seq, JudgedNth: d.Place.Nth}
	return e
}

func (l *Lapse) ending() ending {
	return ending{cause: events.CauseOverrideExpired, late: -1,
		event: events.Event{Type: events.Override, User: l.User, At: l.Until, Actor: events.ServiceActor,
			Change: events.OverrideExpired, Judged: l.Place.Seq, JudgedNth: l.Place.Nth}}
}

// append appends endings together, and returns how many are surely in the log,
// with the first error. What failed comes again with the wheel: written twice, an
// end means nothing the second time.
func (c *Consumer) append(ctx context.Context, endings []ending) (stored int, err error) {
	items, kept := make([]journal.Item, 0, len(endings)), make([]*ending, 0, len(endings))
	for i := range endings {
		item := journal.Item{Event: endings[i].event}
		if err := item.Check(); err != nil {
			c.complain("ending a session with an id that cannot be written", err)
			continue
		}
		items, kept = append(items, item), append(kept, &endings[i])
	}
	stored, err = c.log.AppendAll(ctx, items)
	for _, e := range kept[:stored] {
		c.count(e)
	}
	return stored, err
}

func (c *Consumer) count(e *ending) {
	c.metrics.Fired.WithLabelValues(string(e.cause)).Inc()
	if e.late >= 0 {
		c.metrics.Lateness.Observe(float64(e.late) / 1000)
	}
}
