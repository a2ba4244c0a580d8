package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-dev/rollcall/events/journal"
)

// ErrShort means that the log ends before the view's checkpoint, so it has lost what the
// view has seen.
var ErrShort = errors.New("the log ends before the view's checkpoint")

// Follower is a view that can be kept at the end of the log.
type Follower interface {
	// Seq is the last message that the view has folded.
	Seq() uint64
	// ApplyOld folds what replay found before the sequence horizon; Skip then
	// says that everything before horizon is folded.
	ApplyOld(batch []Old) error
	Skip(horizon uint64)
	// Apply folds messages of the hot stream.
	Apply(batch []journal.Message) error
}

// Follow keeps v at the end of the log until ctx ends, and returns nil then. A
// view that stands before the beginning of the hot stream is first brought up
// by way of the audit copy.
func Follow(ctx context.Context, j log, v Follower) error {
	for ctx.Err() == nil {
		_, err := CatchUp(ctx, j, v)
		if err == nil {
			err = j.Follow(ctx, v.Seq()+1, v.Apply)
		}
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was told to stop; what that broke off is no failure
		case !errors.Is(err, journal.ErrGone):
			return err
		}
	}
	return nil
}

// CatchUp brings v to where the hot stream begins, if it stands before that,
// and returns the hot stream's last sequence.
func CatchUp(ctx context.Context, j log, v Follower) (last uint64, err error) {
	first, last, err := j.Bounds(ctx)
	if err != nil {
		return 0, err
	}
	if v.Seq() > last {
		return 0, fmt.Errorf("%w: it ends at %d, the view stands at %d", ErrShort, last, v.Seq())
	}
	if v.Seq()+1 < first {
		if err := replayOld(ctx, j, v.Seq()+1, first, v.ApplyOld); err != nil {
			return 0, err
		}
		v.Skip(first)
	}
	return last, nil
}

// To folds the log into v up to the sequence to, which the log must have reached.
func To(ctx context.Context, j log, v Follower, to uint64) error {
	for v.Seq() < to {
		if _, err := CatchUp(ctx, j, v); err != nil {
			return err
		}
		if v.Seq() >= to {
			return nil
		}
		from := v.Seq() + 1
		if err := j.Read(ctx, journal.Stretch{From: from, To: to}, v.Apply); err != nil {
			return err
		}
		if v.Seq() < to {
			// What stood between has been purged.
			first, _, err := j.Bounds(ctx)
			if err != nil {
				return err
			}
			if first <= from {
				v.Skip(to + 1)
			}
		}
	}
	return nil
}
