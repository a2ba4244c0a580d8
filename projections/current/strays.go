package current

import (
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// strayTime is how long after an erasure an event of the erased user may still
// arrive that was on its way before it: longer than an append may take.
const strayTime = time.Minute

// Stray is an event that was on its way when its user was erased, and is in the
// log now: his id should not be.
type Stray struct {
	User  string
	Place events.Place
}

// strays notices events that follow their users' erasure.
type strays struct {
	erased map[string]time.Time // id → when this process folded the erasure
	found  chan Stray
}

func newStrays() strays {
	return strays{erased: map[string]time.Time{}, found: make(chan Stray, 64)}
}

// erasedAt notes that user was erased now.
func (s *strays) erasedAt(user string, now time.Time) {
	for id, at := range s.erased {
		if now.Sub(at) > strayTime {
			delete(s.erased, id)
		}
	}
	s.erased[user] = now
}

// orphan is the fold's: e follows from what an unknown user did. Where nobody takes strays any more the rest is dropped.
func (s *strays) orphan(e *events.Event, place events.Place) {
	at, ok := s.erased[e.User]
	if !ok {
		return
	}
	if time.Since(at) > strayTime {
		delete(s.erased, e.User)
		return
	}
	select {
	case s.found <- Stray{User: e.User, Place: place}:
	default:
	}
}

// Strays gives the strays that the view finds at the log's end. What the
// log has of such a user up to such a place means nothing any more.
func (v *View) Strays() <-chan Stray { return v.strays.found }
