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
	// Seq is the last commit that the view has folded.
	Seq() uint64
	// Replay says that what follows comes from the archive, up to a horizon: the
	// keys that the view knows are outdated there. ApplyOld folds what replay
	// found, Note takes the keys of commits just before the horizon in, and Skip
	// then says that everything before it is folded. Replaying reports whether
	// the view is between Replay and Skip, perhaps since before a restart.
	Replay()
	Replaying() bool
	ApplyOld(batch []Old) error
	Note(batch []journal.Message) error
	Skip(horizon uint64)
	// Apply folds commits of the hot stream.
	Apply(batch []journal.Message) error
}

// Follow keeps v at the end of the log until ctx ends, and returns nil then. A
// view that is far behind is first brought up by way of the archive.
func Follow(ctx context.Context, j log, v Follower) error {
	for ctx.Err() == nil {
		_, err := CatchUp(ctx, j, v, 0)
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

// farBehind is how many commits a view may fold one by one rather than by way of
// the archive.
const farBehind = 100_000

// CatchUp brings v to where the hot stream must be read, if it is far before
// that, and returns the sequence from which on v has seen the heartbeats then; 0
// where v needed nothing. It does not go further than the sequence to; 0: the
// log's end is the limit.
func CatchUp(ctx context.Context, j log, v Follower, to uint64) (horizon uint64, err error) {
	first, last, err := j.Bounds(ctx)
	if err != nil {
		return 0, err
	}
	from, midway := v.Seq()+1, v.Replaying()
	switch {
	case v.Seq() > last:
		return 0, fmt.Errorf("%w: it ends at %d, the view stands at %d", ErrShort, last, v.Seq())
	case !midway && from >= first && from > 1 && last-v.Seq() < farBehind:
		return 0, nil
	}
	h, err := j.Horizon(ctx, to)
	if err != nil || h.Seq <= from && !midway {
		return 0, err
	}
	if h.Seq = max(h.Seq, from); h.Seq > from {
		v.Replay()
		if err := replayOld(ctx, j, from, h.Seq, v.ApplyOld); err != nil {
			return 0, err
		}
	}
	if h.Lead < h.Seq {
		if err := j.Read(ctx, journal.Stretch{From: h.Lead, To: h.Seq - 1}, v.Note); err != nil {
			return 0, err
		}
	}
	v.Skip(h.Seq)
	return h.Seq, nil
}

// To folds the log into v up to the sequence to, which the log must have
// reached. It returns the sequence from which on v has seen the heartbeats, 0
// where that is as before.
func To(ctx context.Context, j log, v Follower, to uint64) (horizon uint64, err error) {
	for v.Seq() < to {
		h, err := CatchUp(ctx, j, v, to)
		if err != nil {
			return horizon, err
		}
		horizon = max(horizon, h)
		if v.Seq() >= to {
			break
		}
		if err := j.Read(ctx, journal.Stretch{From: v.Seq() + 1, To: to}, v.Apply); err != nil {
			return horizon, err
		}
	}
	return horizon, nil
}
