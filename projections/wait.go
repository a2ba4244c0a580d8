package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// ErrBehind means that the view did not reach the wanted sequence in time.
var ErrBehind = errors.New("the view has not got that far yet")

// Mark is a sequence that only grows and can be waited for. The zero value
// stands at 0.
type Mark struct {
	seq     atomic.Uint64
	mu      sync.Mutex
	waiting map[*waiter]struct{}
}

type waiter struct {
	seq  uint64
	done chan struct{}
}

// Seq returns where the mark stands.
func (m *Mark) Seq() uint64 { return m.seq.Load() }

// Reach moves the mark to seq and wakes whom that satisfies.
func (m *Mark) Reach(seq uint64) {
	m.seq.Store(seq)
	m.mu.Lock()
	defer m.mu.Unlock()
	for w := range m.waiting {
		if w.seq <= seq {
			close(w.done)
			delete(m.waiting, w)
		}
	}
}

// WaitFor returns nil once the mark has reached seq, or an error that wraps
// ErrBehind when ctx ends first.
func (m *Mark) WaitFor(ctx context.Context, seq uint64) error {
	if m.Seq() >= seq {
		return nil
	}
	w := &waiter{seq: seq, done: make(chan struct{})}
	m.mu.Lock()
	if m.Seq() >= seq {
		m.mu.Unlock()
		return nil
	}
	if m.waiting == nil {
		m.waiting = make(map[*waiter]struct{})
	}
	m.waiting[w] = struct{}{}
	m.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		m.mu.Lock()
		delete(m.waiting, w)
		m.mu.Unlock()
		return fmt.Errorf("%w: it stands at %d, wanted %d", ErrBehind, m.Seq(), seq)
	}
}
