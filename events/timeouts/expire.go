package timeouts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// ending is the event that ends a session or an override.
type ending struct {
	event events.Event
	key   journal.Key
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
	e := ending{cause: events.CauseTimeout, late: max(d.Decided-d.Due, 0), key: key("off", d.User, d.Session, d.Seq)}
	if d.Leaving {
		e.cause = events.CauseLeft
	}
	e.event = events.Event{Type: events.Offline, User: d.User, Session: d.Session, At: at, Actor: events.ServiceActor,
		Cause: e.cause, LastSeen: d.LastSeen, Judged: d.Seq}
	return e
}

func (l *Lapse) ending() ending {
	return ending{cause: events.CauseOverrideExpired, late: -1, key: key("exp", l.User, "", l.Seq),
		event: events.Event{Type: events.Override, User: l.User, At: l.Until, Actor: events.ServiceActor,
			Change: events.OverrideExpired, Judged: l.Seq}}
}

// key is the same for every attempt to say the same.
func key(kind, user, session string, numbers ...uint64) journal.Key {
	h := sha256.Sum256([]byte(user + "\x00" + session)) // ids hold no control characters
	id := append([]byte(kind+"-"), hex.EncodeToString(h[:12])...)
	for _, n := range numbers {
		id = strconv.AppendUint(append(id, '-'), n, 10)
	}
	return journal.Key{ID: string(id)}
}

// append appends endings, which stand together in the queue, and returns how
// many were new, with the first error. What failed comes again with the wheel.
func (c *Consumer) append(ctx context.Context, endings []ending) (stored int, err error) {
	receipts := make([]*journal.Receipt, 0, len(endings))
	for i := range endings {
		r, failed := c.log.Submit(endings[i].event, endings[i].key)
		if errors.Is(failed, events.ErrMalformed) {
			c.complain("ending a session with an id that cannot be written", failed)
			r = nil
		} else if failed != nil {
			err = failed
			break
		}
		receipts = append(receipts, r)
	}
	for i, r := range receipts {
		if r == nil {
			continue
		}
		ack, failed := r.Wait(ctx)
		switch {
		case failed != nil && err == nil:
			err = failed
		case failed == nil && !ack.Duplicate:
			stored++
			c.count(&endings[i])
		}
	}
	return stored, err
}

func (c *Consumer) count(e *ending) {
	c.metrics.Fired.WithLabelValues(string(e.cause)).Inc()
	if e.late >= 0 {
		c.metrics.Lateness.Observe(float64(e.late) / 1000)
	}
}
