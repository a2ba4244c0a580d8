package crowd

import (
	"math/rand/v2"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

// mood is what a session is doing.
type mood int

const (
	gone mood = iota // there is none
	here
	idle
)

// session is one device of a user. What it does next depends on nothing but its mood and chance.
type session struct {
	user, name string
	mood       mood
	due        time.Time // when it does something next
}

// next is what the session does now. Some do nothing that can be sent: a device that just falls silent; then ok is
// false. It sets when the session is due again.
func (s *session) next(r *rand.Rand, now time.Time, beat time.Duration) (e client.UserEvent, ok bool) {
	e = client.UserEvent{Type: "heartbeat", User: s.user, Session: s.name}
	s.due = now.Add(beat*3/4 + time.Duration(r.Int64N(int64(beat/2)))) // not all at once for ever
	if s.mood == gone {
		s.mood, e.Type, e.Device = here, "login", devices[r.IntN(len(devices))]
		return e, true
	}
	switch chance := r.IntN(1000); {
	case chance < 15:
		s.leave(r, now)
		e.Type = "logout"
		return e, true
	case chance < 30: // the page is closed
		s.leave(r, now)
		e.Leaving = true
		return e, true
	case chance < 45: // the battery is empty, or the network gone
		s.leave(r, now)
		return e, false
	case s.mood == here && chance < 100:
		s.mood = idle
	case s.mood == idle && chance < 250:
		s.mood = here
	}
	e.Idle = s.mood == idle
	return e, true
}

// leave makes it come back after half a minute to five minutes.
func (s *session) leave(r *rand.Rand, now time.Time) {
	s.mood = gone
	s.due = now.Add(30*time.Second + time.Duration(r.Int64N(int64(270*time.Second))))
}
