package loadgen

import (
	"io"
	"sync"
)

// said takes what both servers and the bench say at the same time, one write after the other.
type said struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (s *said) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(text)
}
