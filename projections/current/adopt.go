package current

import (
	"context"
	"fmt"
	"os"
)

// Adopt puts w, a view of the same log that nobody else uses, in v's place:
// readers, taps and the timeout consumer go on with w's content. bring is called
// with v at rest, and must fold into w exactly what v has folded. w's file takes
// the place of v's; w must not be used afterwards.
func (v *View) Adopt(ctx context.Context, w *View, bring func(ctx context.Context, seq uint64) error) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := bring(ctx, v.fold.Seq); err != nil {
		return err
	}
	if w.fold.Seq != v.fold.Seq {
		return fmt.Errorf("the new view stands at %d, the old one at %d", w.fold.Seq, v.fold.Seq)
	}
	if err := w.Checkpoint(); err != nil {
		return err
	}
	if err := os.Rename(w.store.Path(), v.store.Path()); err != nil {
		return fmt.Errorf("swapping the view's file: %w", err)
	}
	old := v.store
	// Whoever still reads a snapshot of the old file may finish; it is gone from
	// its directory already.
	go func() { _ = old.Close() }()
	w.store.Moved(v.store.Path())
	for _, u := range v.fold.Users {
		u.Sessions, u.Override, u.Pending = nil, nil, nil // the timeout consumer may still hold him
	}
	v.take(w)
	return nil
}

// take makes w's state v's, on v's clock: what counts of covered time are
// differences, and the timeout consumer goes by v's. The keys are the same in
// both but for that.
func (v *View) take(w *View) {
	hooks, clock, keys := v.fold.Hooks, v.fold.Clock, v.fold.Keys
	v.store, v.fold, v.index, v.counts, v.live = w.store, w.fold, w.index, w.counts, w.live
	v.meta, v.erased = w.meta, nil
	v.marks = marks{gen: w.marks.gen + 1, written: w.marks.written}
	v.fold.Hooks, v.fold.Keys, v.keysAnew = hooks, keys, true
	v.horizon, v.replays = w.horizon, w.replays
	ahead := clock.Covered - v.fold.Clock.Covered
	v.fold.Clock = clock
	v.fold.Nodes.Shift(ahead)
	for _, u := range v.fold.Users {
		for i := range u.Sessions {
			u.Sessions[i].Covered += ahead
		}
		v.marks.touch(u)
		if v.watcher != nil {
			v.watcher.Touch(u)
		}
	}
}
