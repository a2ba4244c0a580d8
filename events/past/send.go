package past

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// send appends e. The first event of all is waited for: it tells whether this
// import is a repeat, before anything that has no key.
func (a *appender) send(ctx context.Context, e events.Event, key journal.Key, f flight) (uint64, error) {
	if err := a.ripen(ctx, e.At); err != nil {
		return 0, err
	}
	ticket, err := a.pipe.send(ctx, e, key, f)
	if err == nil && ticket == 1 {
		err = a.pipe.settle(ctx, ticket)
	}
	return ticket, err
}

// settling is how long ago an event must be for the log to leave it its time:
// the ten seconds of events.Moment, and some for clocks that differ.
const settling = 10_500

// ripen waits until what happened at at keeps its time in the log.
func (a *appender) ripen(ctx context.Context, at events.Millis) error {
	if at <= a.ripe {
		return nil
	}
	now := events.MillisOf(a.cfg.Now())
	if wait := at + settling - now; wait > 0 {
		if err := a.cfg.pause(ctx, time.Duration(wait)*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for the last rows to become past: %w", err)
		}
	}
	a.ripe = max(at, now-settling)
	return nil
}

// pause returns after d, or with ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rowKey is the same whenever this row of this file is imported.
func (a *appender) rowKey(line int) journal.Key {
	id := append([]byte("past-"), hex.EncodeToString(a.file.digest[:12])...)
	return journal.Key{ID: string(strconv.AppendInt(append(id, '-'), int64(line), 10))}
}

// endKey is the same whenever this end of s is told.
func endKey(s *session) journal.Key {
	h := sha256.Sum256([]byte(s.user + "\x00" + s.session))
	id := append([]byte("past-off-"), hex.EncodeToString(h[:12])...)
	return journal.Key{ID: string(strconv.AppendUint(append(id, '-'), s.seq, 10))}
}
