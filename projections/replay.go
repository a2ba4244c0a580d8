package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// A log is a part of *journal.Journal.
type log interface {
	Bounds(ctx context.Context) (first, last uint64, err error)
	Read(ctx context.Context, s journal.Stretch, fn func([]journal.Message) error) error
	Follow(ctx context.Context, from uint64, fn func([]journal.Message) error) error
}

// Old is a message from the part of the log whose heartbeats have gone: one of
// the audit copy, or, where Witness is set, the place of a heartbeat that an
// Online event further on stands for.
type Old struct {
	*journal.Message
	Witness *events.Event
}

// replayOld calls fn with what is left of the log from sequence from up to, and
// without, horizon, where the hot stream begins: the audit copy, with every
// heartbeat that changed something put back in its place. The witnesses of
// those beats may stand behind horizon, so the hot stream is asked for them too.
func replayOld(ctx context.Context, j log, from, horizon uint64, fn func([]Old) error) error {
	witnesses, err := witnesses(ctx, j, from, horizon)
	if err != nil {
		return err
	}
	var batch []Old
	before := func(seq uint64) {
		for len(witnesses) > 0 && witnesses[0].By < seq {
			batch = append(batch, Old{Witness: &witnesses[0]})
			witnesses = witnesses[1:]
		}
	}
	err = j.Read(ctx, journal.Stretch{Audit: true, From: from, To: horizon - 1}, func(msgs []journal.Message) error {
		batch = batch[:0]
		for i := range msgs {
			before(msgs[i].Seq)
			batch = append(batch, Old{Message: &msgs[i]})
		}
		return fn(batch)
	})
	if err != nil {
		return fmt.Errorf("replaying the audit: %w", err)
	}
	batch = batch[:0]
	before(horizon)
	if len(batch) == 0 {
		return nil
	}
	return fn(batch)
}

// witnesses returns the Online events that stand for beats in [from, horizon),
// in the order of those beats.
func witnesses(ctx context.Context, j log, from, horizon uint64) ([]events.Event, error) {
	var found []events.Event
	collect := func(msgs []journal.Message) error {
		for i := range msgs {
			// What cannot be decoded is told when its own place is reached.
			if e, err := Decode(&msgs[i]); err == nil && e.By >= from && e.By < horizon {
				found = append(found, e)
			}
		}
		return nil
	}
	_, last, err := j.Bounds(ctx)
	if err != nil {
		return nil, err
	}
	only := []string{events.TypeFilter(events.Online)}
	if err := j.Read(ctx, journal.Stretch{Audit: true, From: from, To: horizon - 1, Subjects: only}, collect); err != nil {
		return nil, fmt.Errorf("looking for witnesses in the audit: %w", err)
	}
	if err := j.Read(ctx, journal.Stretch{From: horizon, To: last, Subjects: only}, collect); err != nil {
		return nil, fmt.Errorf("looking for witnesses in the hot stream: %w", err)
	}
	slices.SortStableFunc(found, func(a, b events.Event) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Nth, b.Nth))
	})
	return found, nil
}
