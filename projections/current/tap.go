package current

import "github.com/rollcall-dev/rollcall/events"

// Tap is told, in order and under the view's lock, of every change of status
// and of how far the view has come. It must not block.
type Tap struct {
	Put func(changes []events.Change, upTo uint64)
}

func (t *Tap) put(changes []events.Change, upTo uint64) { t.Put(changes, upTo) }

// Tap adds t. The sequence returned is where the view stands: t is told of
// everything after it. Then at is run, with the view at rest; it may be nil.
func (v *View) Tap(t *Tap, at func()) uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taps = append(v.taps, t)
	if at != nil {
		at()
	}
	return v.fold.Seq
}

// Untap removes t.
func (v *View) Untap(t *Tap) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.taps {
		if v.taps[i] == t {
			v.taps = append(v.taps[:i:i], v.taps[i+1:]...)
			return
		}
	}
}
