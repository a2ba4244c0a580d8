package past

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// send appends e, once it is old enough to keep its time.
func (a *appender) send(ctx context.Context, e events.Event, f flight) (uint64, error) {
	if err := a.ripen(ctx, e.At); err != nil {
		return 0, err
	}
	return a.pipe.send(ctx, e, f)
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
		// What is old enough is not to wait for what is not.
		if err := a.pipe.flush(ctx); err != nil {
			return err
		}
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
