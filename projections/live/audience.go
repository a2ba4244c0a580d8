package live

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// pingTicks is how many ticks lie between two words to a reader that the stream
	// is still there, whatever else he gets.
	pingTicks = 15
	// goneTicks is how often, in ticks, a reader is asked whether it has gone.
	goneTicks = 4
	// yieldEach is after how many readers others may use the processor: sending is
	// the last thing to be in a hurry.
	yieldEach = 4
	// stint is for how long a share sends before it rests.
	stint = time.Millisecond
	// restShare is how many times as long as it sent a share rests then: so sending
	// takes at most a quarter of a processor for each share, evenly over time, and the
	// more there is to do, the larger and the cheaper do the blocks become.
	restShare = 3
)

// Outlet is one reader's end of the stream. Its methods are not called at the
// same time, but for Close.
type Outlet interface {
	// Text is what of p goes to this reader; empty: nothing. It is not changed
	// before the next call.
	Text(p Piece) []byte
	// Ping says that the stream is still there.
	Ping() []byte
	// Offer sends as much of b as it can without waiting.
	Offer(b []byte) (n int, err error)
	// Send sends all of b. It waits, but not for ever.
	Send(b []byte) error
	// Gone reports whether the other side has ended the connection, so far as that
	// can be told without waiting.
	Gone() bool
	// Close ends the stream, once; whole says that it stands between two messages.
	Close(whole bool)
}

// audience is all readers that are served together. A goroutine for each would
// cost several times the memory, and waking them all at once would keep every
// heartbeat waiting behind them: here a share's goroutine goes from reader to
// reader, and one that cannot take at once what it is offered gets a goroutine
// of its own until it has caught up.
type audience struct {
	shares []*share
	turn   atomic.Uint64 // whose turn it is to get the next reader
	count  atomic.Int64
	ticks  int
}

// share is the part of the audience that one goroutine looks after.
type share struct {
	mu      sync.Mutex
	members []*member
	over    bool // nobody is taken any more
}

// member is one reader. The share's lock guards it.
type member struct {
	reader *Reader
	out    Outlet
	busy   bool // a goroutine of its own looks after reader and out
	gone   bool
	unsaid int         // ticks since it was told that the stream is still there
	end    *time.Timer // nil: it may stay
}

func newShares() []*share {
	shares := make([]*share, max(1, runtime.GOMAXPROCS(0)/2))
	for i := range shares {
		shares[i] = new(share)
	}
	return shares
}

// Serve gives r's changes to o until that fails, until comes or the hub ends,
// and then closes both. It returns when the reader has caught up for the first
// time, or has gone. Until zero: it may stay.
func (h *Hub) Serve(r *Reader, o Outlet, until time.Time) {
	a := &h.audience
	s := a.shares[a.turn.Add(1)%uint64(len(a.shares))]
	m := &member{reader: r, out: o, busy: true}
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		r.Close()
		o.Close(true)
		return
	}
	a.count.Add(1)
	if !until.IsZero() {
		m.end = time.AfterFunc(time.Until(until), func() { a.leave(s, m) })
	}
	s.members = append(s.members, m)
	s.mu.Unlock()
	a.catchUp(s, m, nil)
}

// Dismiss ends all that Serve was given, now and from now on.
func (h *Hub) Dismiss() {
	for _, s := range h.audience.shares {
		s.mu.Lock()
		s.over = true
		members := s.members
		s.members = nil
		s.mu.Unlock()
		for _, m := range members {
			h.audience.leave(s, m)
		}
	}
}

func (a *audience) size() int { return int(a.count.Load()) }

// send gives everybody what has come, and returns how long it should rest then.
func (a *audience) send() time.Duration { return a.each((*audience).offer) }

// look is for the time when nothing comes: it keeps connections open, and finds
// out whose have ended. So many ticks have passed since it was called last.
func (a *audience) look(ticks int) {
	before := a.ticks
	a.ticks += ticks
	gone := a.ticks/goneTicks != before/goneTicks
	a.each(func(a *audience, s *share, m *member) {
		if m.unsaid += ticks; gone && m.out.Gone() {
			a.drop(m)
		} else if m.unsaid >= pingTicks {
			m.unsaid = 0
			a.give(s, m, m.out.Ping())
		}
	})
}

// each calls fn for everybody who has no goroutine of his own, in all shares at
// once, forgets those who have gone, and returns how long it should rest then.
func (a *audience) each(fn func(*audience, *share, *member)) time.Duration {
	var (
		others sync.WaitGroup
		rest   atomic.Int64
	)
	for _, s := range a.shares[1:] {
		others.Go(func() { rest.Store(int64(a.eachOf(s, fn))) }) // any of them will do
	}
	own := a.eachOf(a.shares[0], fn)
	others.Wait()
	return max(own, time.Duration(rest.Load()))
}

func (a *audience) eachOf(s *share, fn func(*audience, *share, *member)) (rest time.Duration) {
	var worked time.Duration // since the last rest
	began := time.Now()
	for i, did := 0, 0; ; {
		s.mu.Lock()
		if i >= len(s.members) {
			s.mu.Unlock()
			return restShare * (worked + time.Since(began))
		}
		m := s.members[i]
		if !m.gone && !m.busy {
			fn(a, s, m)
			did++
		}
		if m.gone {
			n := len(s.members) - 1
			s.members[i], s.members[n] = s.members[n], nil
			s.members = s.members[:n]
		} else {
			i++
		}
		s.mu.Unlock()
		if did < yieldEach {
			continue
		}
		did = 0
		if worked += time.Since(began); worked < stint {
			runtime.Gosched()
		} else {
			time.Sleep(min(restShare*worked, restMost)) // it may be the machine that stood still
			worked = 0
		}
		began = time.Now() // what others take is not its work
	}
}

// offer sends m what it has not got. The share's lock is held.
func (a *audience) offer(s *share, m *member) {
	for !m.busy && !m.gone {
		p, _, err := m.reader.take()
		if err != nil {
			a.drop(m)
			return
		}
		if p.Block == nil {
			return
		}
		a.give(s, m, m.out.Text(p))
	}
}

// give sends text, and lets a goroutine see to what cannot be sent at once. The
// share's lock is held.
func (a *audience) give(s *share, m *member, text []byte) {
	if len(text) == 0 {
		return
	}
	n, err := m.out.Offer(text)
	if err != nil {
		a.drop(m)
		return
	}
	if n < len(text) {
		m.busy = true
		go a.catchUp(s, m, text[n:])
	}
}

// catchUp sends rest and then what m has not got until there is nothing more,
// and gives m back to its share.
func (a *audience) catchUp(s *share, m *member, rest []byte) {
	for len(rest) == 0 || m.out.Send(rest) == nil {
		s.mu.Lock()
		p, _, err := m.reader.take()
		if m.gone || err == nil && p.Block == nil {
			m.busy = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		if err != nil {
			break
		}
		rest = m.out.Text(p)
	}
	a.leave(s, m)
}

// leave ends m, from wherever.
func (a *audience) leave(s *share, m *member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.drop(m)
}

// drop ends m. The share's lock is held; the share forgets m when it comes by.
func (a *audience) drop(m *member) {
	if m.gone {
		return
	}
	m.gone = true
	if m.end != nil {
		m.end.Stop()
	}
	m.reader.Close()
	a.count.Add(-1)
	m.out.Close(!m.busy)
}
