package presence

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

const (
	// parts is among how many locks the users are spread, so that requests on many cores do not meet.
	parts = 32
	// batch is how many heartbeats are sent at once.
	batch = 1000
)

// seeing is what came of a sign of life.
type seeing int

const (
	known     seeing = iota // the user has been seen within every already, or has signed out
	fresh                   // it is to be sent
	batchFull               // so it is, and there is enough to send
	noRoom
	noUser // no id of a user
)

// recent knows who has been seen within the last while, and whose heartbeats are to be sent.
type recent struct {
	every time.Duration
	most  int // users in one generation of a part
	seed  maphash.Seed
	parts [parts]part
}

// part holds two generations of users: a user seen within every is in one of them. The older one is let go as a whole,
// which costs nothing, where looking for what is too old would hold up requests.
type part struct {
	mu           sync.Mutex           // guards what follows; held for a few look-ups at most
	young, older map[string]time.Time // user → when the beat was counted that was sent, or will be
	born         time.Time            // when young was begun
	out          map[string]time.Time // user → when they signed out; held no longer than every
	queue        []string             // users whose beat is to be sent: those of young, at most
	_            [32]byte             // keeps neighbours off the same cache line
}

func newRecent(every time.Duration, users int) *recent {
	return &recent{every: every, most: max(1, users/parts), seed: maphash.MakeSeed()}
}

// see takes a sign of life of user at now.
func (r *recent) see(user string, now time.Time) seeing {
	p := &r.parts[maphash.String(r.seed, user)%parts]
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.isOut(p, user, now) {
		return known
	}
	at, ok := p.young[user]
	if !ok {
		at, ok = p.older[user]
	}
	if ok && now.Sub(at) < r.every {
		return known
	}
	return r.add(p, user, now)
}

// add queues a beat of a user who has not been seen within every.
func (r *recent) add(p *part, user string, now time.Time) seeing {
	if events.ValidID(user) != nil {
		return noUser
	}
	if p.young == nil || now.Sub(p.born) >= r.every {
		p.older, p.young, p.born = p.young, make(map[string]time.Time), now
	}
	if len(p.young) >= r.most || len(p.queue) >= r.most {
		return noRoom
	}
	user = strings.Clone(user) // it may be a piece of a whole request
	p.young[user] = now
	p.queue = append(p.queue, user)
	if len(p.queue) >= batch/parts {
		return batchFull
	}
	return fresh
}

// take returns all users whose beats are to be sent, who then wait no more.
func (r *recent) take() (list []string) {
	for i := range r.parts {
		p := &r.parts[i]
		p.mu.Lock()
		queue := p.queue
		p.queue = make([]string, 0, min(cap(queue), batch))
		p.mu.Unlock()
		list = append(list, queue...)
	}
	return list
}

// isOut reports whether user signed out within every, and lets go of those who did
// longer ago. The lock is held.
func (r *recent) isOut(p *part, user string, now time.Time) bool {
	at, ok := p.out[user]
	if ok && now.Sub(at) >= r.every {
		delete(p.out, user)
		return false
	}
	return ok
}

// signOut drops the beat of user that waits, and lets no other come within every.
func (r *recent) signOut(user string, now time.Time) {
	p := &r.parts[maphash.String(r.seed, user)%parts]
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.young, user)
	delete(p.older, user)
	p.queue = slices.DeleteFunc(p.queue, func(waiting string) bool { return waiting == user })
	if len(p.out) >= r.most { // there is room, but for whoever is still out
		maps.DeleteFunc(p.out, func(_ string, at time.Time) bool { return now.Sub(at) >= r.every })
	}
	if p.out == nil {
		p.out = map[string]time.Time{}
	}
	p.out[strings.Clone(user)] = now
}

// signIn lets beats of user count again.
func (r *recent) signIn(user string) {
	p := &r.parts[maphash.String(r.seed, user)%parts]
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.out, user)
}

// present returns those of users who have not signed out.
func (r *recent) present(users []string, now time.Time) []string {
	return slices.DeleteFunc(slices.Clone(users), func(user string) bool {
		p := &r.parts[maphash.String(r.seed, user)%parts]
		p.mu.Lock()
		defer p.mu.Unlock()
		return r.isOut(p, user, now)
	})
}

// forget makes the next sign of life of users count again.
func (r *recent) forget(users []string) {
	for _, user := range users {
		p := &r.parts[maphash.String(r.seed, user)%parts]
		p.mu.Lock()
		delete(p.young, user)
		delete(p.older, user)
		p.mu.Unlock()
	}
}

func (r *recent) waiting() (n int) {
	for i := range r.parts {
		p := &r.parts[i]
		p.mu.Lock()
		n += len(p.queue)
		p.mu.Unlock()
	}
	return n
}
