package current

import (
	"slices"

	"github.com/rollcall-dev/rollcall/events"
)

// Floor is a sequence from which on the log is still needed to fold what the
// view has folded: by the last checkpoint, by every live session, whose last
// sign of life nothing else tells, and by heartbeats that are not yet written
// down by events that outlive them.
func (v *View) Floor() uint64 {
	v.writing.Lock() // so that whoever changes meanwhile stays on the list
	defer v.writing.Unlock()
	v.mu.RLock()
	floor := v.meta.Seq + 1
	v.mu.RUnlock()
	look := func(u *events.User) {
		for i := range u.Sessions {
			floor = min(floor, u.Sessions[i].Seq)
		}
		for i := range u.Pending {
			floor = min(floor, u.Pending[i].By.Seq)
		}
	}
	v.each(look)
	// Those whose status has changed since may have been left out.
	v.mu.RLock()
	dirty := v.marks.dirty
	v.mu.RUnlock()
	for chunk := range slices.Chunk(dirty, pause) {
		v.mu.RLock()
		for _, u := range chunk {
			look(u)
		}
		v.mu.RUnlock()
	}
	return floor
}
