package auth

import (
	"sync"
	"time"
)

// askEvery is how often tokens that name an unknown key may bring a fetch about. Anybody can make such tokens: more
// often would let them hammer the issuer, and a waiting line behind the limit would let them hold up requests.
const askEvery = 30 * time.Second

// schedule says when the JWKS is fetched next.
//
//	ask ──► granted: due now, asker waits ──► begin ─► end: askers wake, due in a while
//	   └──► too soon after the last: due as soon as allowed, asker does not wait
//
// The second arm is what keeps made-up keys from starving a real rotation: it is seen askEvery later at most.
type schedule struct {
	moved chan struct{} // tells run that due came nearer; holds one

	mu       sync.Mutex    // guards the rest
	due      time.Time     // next fetch
	asked    time.Time     // the last fetch that was granted or put off; zero before
	deferred bool          // an asker was put off to due
	granted  chan struct{} // closed when the fetch that askers wait for ends; nil where there is none
}

func newSchedule() *schedule { return &schedule{moved: make(chan struct{}, 1)} }

// ask wants a fetch. It returns what is closed when that ends, or nil where it is too soon for another.
func (s *schedule) ask(now time.Time) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.granted != nil {
		return s.granted
	}
	if allowed := s.asked.Add(askEvery); now.Before(allowed) {
		s.deferred = true
		s.advance(allowed)
		return nil
	}
	s.asked = now
	s.granted = make(chan struct{})
	s.advance(now)
	return s.granted
}

// advance brings the next fetch forward to at. The caller holds mu.
func (s *schedule) advance(at time.Time) {
	if !at.Before(s.due) {
		return
	}
	s.due = at
	select {
	case s.moved <- struct{}{}:
	default:
	}
}

// begin marks the start of a fetch, which serves all who asked until now.
func (s *schedule) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deferred {
		s.asked, s.deferred = now, false
	}
	s.due = now.Add(refreshEvery)
}

// end marks the end of a fetch, wakes the askers and sets the next, unless it was asked for sooner meanwhile.
func (s *schedule) end(next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.granted != nil {
		close(s.granted)
		s.granted = nil
	}
	if next.Before(s.due) {
		s.due = next
	}
}

func (s *schedule) next() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.due
}
