package api

import (
	"context"
	"runtime"
	"sync"
	"time"
)

const (
	// placesQueue is how many requests of one user may wait for a place.
	placesQueue = 8
	// exportPlaces is how many answers that are sent line by line there are at once.
	exportPlaces = 16
	// uploadPlaces is how many uploads there are at once, uploadsEach how many of one user who speaks for themselves
	// alone, and uploadsService of one who speaks for all.
	uploadPlaces, uploadsEach, uploadsService = 256, 4, 64
)

// heavyPlaces is how many heavy reads are worked on at once: no more than there are processors, so that one user, who
// gets half of them, leaves the other half to everybody else.
func heavyPlaces() int { return max(2, runtime.GOMAXPROCS(0)) }

// places are a few of something that users share fairly. Each user holds at most so many, and those who wait get a
// place in turn: who asks a hundred times waits behind themselves, and nobody else behind them.
type places struct {
	most, each int
	patience   time.Duration // how long one waits

	mu        sync.Mutex // guards the rest
	taken     int
	claimants map[string]*claimant // by user: those who hold a place or wait for one
	turns     []*claimant          // who may get the next one, in this order
}

type claimant struct {
	held    int
	waiting []chan struct{} // closed when the place is theirs
	queued  bool            // in turns
}

// newPlaces returns as many as most, of which each user gets at most each.
func newPlaces(most, each int, patience time.Duration) *places {
	return &places{most: most, each: max(1, each), patience: patience, claimants: map[string]*claimant{}}
}

// take waits for a place of user's, and returns how to give it back, once. Where there is none in time, or too many of
// that user wait already, it returns a fault: rate_limited.
func (p *places) take(ctx context.Context, user string) (back func(), err error) {
	back = sync.OnceFunc(func() { p.back(user) })
	p.mu.Lock()
	c := p.claimants[user]
	if c == nil {
		c = new(claimant)
		p.claimants[user] = c
	}
	if len(c.waiting) >= placesQueue {
		p.mu.Unlock()
		return nil, errPlaces
	}
	turn := make(chan struct{})
	c.waiting = append(c.waiting, turn)
	p.queue(c)
	p.grant()
	p.mu.Unlock()
	select {
	case <-turn:
		return back, nil
	default:
	}
	late := time.NewTimer(p.patience)
	defer late.Stop()
	select {
	case <-turn:
		return back, nil
	case <-ctx.Done():
	case <-late.C:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range c.waiting {
		if w == turn {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			p.forget(user, c)
			return nil, errPlaces
		}
	}
	return back, nil // it came at the last moment
}

var errPlaces = func() error {
	f := fault(rateLimited, "Too many large requests are being answered; this one waited for its turn in vain.")
	f.retry = 2
	return f
}()

func (p *places) back(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.claimants[user]
	c.held--
	p.taken--
	p.queue(c)
	p.grant()
	p.forget(user, c)
}

// queue puts c at the end of the turns, if it waits for what it may have. mu is held.
func (p *places) queue(c *claimant) {
	if !c.queued && len(c.waiting) > 0 && c.held < p.each {
		c.queued = true
		p.turns = append(p.turns, c)
	}
}

// grant gives out what is free. mu is held.
func (p *places) grant() {
	for p.taken < p.most && len(p.turns) > 0 {
		c := p.turns[0]
		p.turns[0] = nil
		p.turns = p.turns[1:]
		c.queued = false
		if len(c.waiting) == 0 { // who waited has gone
			continue
		}
		close(c.waiting[0])
		c.waiting = c.waiting[1:]
		c.held++
		p.taken++
		p.queue(c)
	}
}

// forget drops a user who holds nothing and waits for nothing. mu is held.
func (p *places) forget(user string, c *claimant) {
	if c.held == 0 && len(c.waiting) == 0 && p.claimants[user] == c {
		delete(p.claimants, user)
	}
}

// heavy waits for the caller's turn to do what takes long.
func (a *API) heavy(q request) (done func(), err error) {
	return a.reads.take(q.r.Context(), q.who.User)
}

// export is heavy for an answer that is sent line by line, as fast as its client reads.
func (a *API) export(q request) (done func(), err error) {
	return a.exports.take(q.r.Context(), q.who.User)
}

// shares counts what users have open, and what all of them have. It is safe for concurrent use.
type shares struct {
	all int // 0: any number

	mu    sync.Mutex
	held  map[string]int
	total int
}

func newShares(all int) *shares { return &shares{all: all, held: map[string]int{}} }

// take counts one more of user's, of whom at most each may be open at once (0: any number), and returns how to end it,
// once; nil where there are too many.
func (s *shares) take(user string, each int) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if each > 0 && s.held[user] >= each || s.all > 0 && s.total >= s.all {
		return nil
	}
	s.held[user]++
	s.total++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.held[user]--; s.held[user] == 0 {
			delete(s.held, user)
		}
	})
}
