package current

import (
	"slices"

	"github.com/rollcall-dev/rollcall/events"
)

// Tap is another view's way to the changes of status that this one's fold
// finds.
type Tap struct {
	// Put is told, in order and under the view's lock, of every change and every
	// erasure, and of how far the view has come. It must not block.
	Put func(changes []events.Change, upTo uint64)
	// Erased is told of an erased user, as he was until then, and of who erased
	// him, in order with the changes and under the lock.
	Erased func(u *events.User, at events.Moment, actor string)
	// Flush is called before the view writes its checkpoint for the sequence
	// upTo: when it returns nil, everything that Put told up to there is durable.
	Flush func(upTo uint64) error
}

// Tap adds t. The sequence returned is where the view stands: t is told of
// everything after it.
func (v *View) Tap(t *Tap) uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taps = append(v.taps, t)
	return v.fold.Seq
}

// Untap removes t.
func (v *View) Untap(t *Tap) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taps = slices.DeleteFunc(slices.Clone(v.taps), func(o *Tap) bool { return o == t })
}

// tell hands on what the batch has changed so far, up to the sequence upTo.
func (v *View) tell(upTo uint64) {
	for _, t := range v.taps {
		t.Put(v.changes, upTo)
	}
	v.changes = v.changes[:0]
}
