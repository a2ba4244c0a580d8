package api_test

import (
	"sync"
	"time"
)

// steps is a clock that stands still until it is set.
type steps struct {
	mu sync.Mutex
	at time.Time
}

func (s *steps) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *steps) set(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = at
}

func (s *steps) pass(d time.Duration) { s.set(s.now().Add(d)) }
