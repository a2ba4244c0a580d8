package api

import (
	"hash/maphash"
	"math"
	"strconv"
	"sync"
	"time"
)

// limiter gives every user so many writes a second, and as many at once. Its memory is bounded by how many users write
// within two spans of a bucket's refill: a bucket that nobody has touched for one is full again, and forgotten.
type limiter struct {
	rate  float64 // tokens a second
	burst float64 // tokens that a bucket holds
	now   func() time.Time
	seed  maphash.Seed
	parts [32]limiterPart
}

type limiterPart struct {
	mu      sync.Mutex // guards the rest
	buckets fading[bucket]
	_       [64]byte // keeps two cores on two parts off one cache line
}

type bucket struct {
	tokens float64
	at     time.Time // when it held them
}

// newLimiter returns nil, which limits nothing, for a rate of 0.
func newLimiter(rate float64, now func() time.Time) *limiter { return newBurstLimiter(rate, 1, now) }

// newBurstLimiter is newLimiter with as many at once as come back in so many seconds.
func newBurstLimiter(rate, seconds float64, now func() time.Time) *limiter {
	if rate <= 0 {
		return nil
	}
	l := &limiter{rate: rate, burst: max(1, math.Ceil(rate*seconds)), now: now, seed: maphash.MakeSeed()}
	refill := time.Duration(2 * l.burst / rate * float64(time.Second)) // from the deepest debt
	for i := range l.parts {
		l.parts[i].buckets = newFading[bucket](refill)
	}
	return l
}

// take takes a token from user's bucket and returns 0, or the seconds, rounded up, after which there is one again.
func (l *limiter) take(user string) (wait int) { return l.spend(user, 1) }

// owe takes more tokens from user's bucket than there may be, for what it turned out to cost: what is missing, at most as
// much as a bucket holds, has to come back before the next one.
func (l *limiter) owe(user string, cost float64) { l.draw(user, cost, true) }

// spend is take for what costs more than one: whoever has one may do it, and owes the rest.
func (l *limiter) spend(user string, cost float64) (wait int) { return l.draw(user, cost, false) }

func (l *limiter) draw(user string, cost float64, owe bool) (wait int) {
	now := l.now()
	p := &l.parts[maphash.String(l.seed, user)%uint64(len(l.parts))]
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.buckets.get(user, now)
	if !ok {
		b = bucket{tokens: l.burst, at: now}
	}
	if passed := now.Sub(b.at); passed > 0 { // a clock that was set back refills nothing
		b.tokens = min(l.burst, b.tokens+passed.Seconds()*l.rate)
	}
	b.at = now
	if b.tokens < 1 && !owe {
		p.buckets.put(user, b, now)
		return int(math.Ceil((1 - b.tokens) / l.rate))
	}
	b.tokens = max(b.tokens-cost, -l.burst)
	p.buckets.put(user, b, now)
	return 0
}

func (l *limiter) String() string {
	return strconv.FormatFloat(l.rate, 'f', -1, 64) + " times a second"
}
