package current

import (
	"slices"

	"github.com/rollcall-dev/rollcall/events"
)

// Happening is what the fold has found: a change of a user's status, or that
// they were erased.
type Happening struct {
	// Change is the change. Of an erasure it is how the user was shown until
	// then, and offline, by events.CauseErased.
	events.Change
	Erased bool
}

// Tap is another view's way to what this one's fold finds.
type Tap struct {
	// Put is told, in order and under the view's lock, of all that happens, and
	// of how far the view has come: to the end of a commit. It must not block, and
	// keeps nothing of the slice.
	Put func(happened []Happening, upTo uint64)
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

// tell hands on what the batch has brought, up to the sequence upTo.
func (v *View) tell(upTo uint64) {
	for _, t := range v.taps {
		t.Put(v.happened, upTo)
	}
	clear(v.happened)
	v.happened = v.happened[:0]
}
