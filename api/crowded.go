package api

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// rooms keep a user's live sessions to a number. What begins one more than that is preceded, in the log, by a logout of
// the session that has been idle for longest, else of the one that has been silent for longest; the audit names
// events.ServiceActor as who did it. The fold knows nothing of the number: it may differ between nodes, and change.
type rooms struct {
	most  int
	now   func() time.Time
	seed  maphash.Seed
	parts [32]roomsPart
}

type roomsPart struct {
	mu    sync.Mutex // guards the rest
	users fading[*room]
	_     [64]byte // keeps two cores on two parts off one cache line
}

// room is what the view does not show yet of one user.
type room struct {
	begun []string // sessions on their way into the log, in order
	ended []string // those that gave way
}

// roomSpan is how long what is on its way is remembered at least: the view is not further behind than that.
const roomSpan = 10 * time.Second

// newRooms returns nil, which limits nothing, for 0.
func newRooms(most int, now func() time.Time) *rooms {
	if most <= 0 {
		return nil
	}
	r := &rooms{most: most, now: now, seed: maphash.MakeSeed()}
	for i := range r.parts {
		r.parts[i].users = newFading[*room](roomSpan)
	}
	return r
}

// room makes room for a session that a login or a beat is about to begin, if it must; flush, which may be nil, is called
// before it writes. For a session that the view shows it costs one look.
func (a *API) room(ctx context.Context, user, session string, flush func()) error {
	if a.rooms == nil {
		return nil
	}
	begins, live := a.cfg.View.Begins(user, session)
	if !begins {
		return nil
	}
	victims, err := a.rooms.begin(a.cfg.View, user, session, live)
	if len(victims) > 0 && flush != nil {
		flush()
	}
	for _, victim := range victims {
		e := events.Event{Type: events.Logout, User: user, Session: victim, Actor: events.ServiceActor, At: a.endOf(user, events.MillisOf(a.cfg.Now()))}
		if _, err := a.cfg.Log.Append(ctx, e, events.Key{}); err != nil {
			return fmt.Errorf("ending a session of too many: %w", err)
		}
	}
	return err
}

// begin notes that a session begins of a user of whom the view shows so many, and returns those that must end first.
func (r *rooms) begin(view View, user, session string, live int) (victims []string, err error) {
	now := r.now()
	p := &r.parts[maphash.String(r.seed, user)%uint64(len(r.parts))]
	p.mu.Lock()
	defer p.mu.Unlock()
	own, ok := p.users.get(user, now)
	if !ok {
		own = new(room)
	}
	p.users.put(user, own, now)
	if slices.Contains(own.begun, session) {
		return nil, nil
	}
	if live+len(own.begun) >= r.most {
		u, _, err := view.User(user)
		if err != nil {
			return nil, fmt.Errorf("reading a user: %w", err)
		}
		victims = own.giveWay(&u, r.most)
	}
	own.ended = slices.DeleteFunc(own.ended, func(id string) bool { return id == session })
	own.begun = append(own.begun, session)
	return victims, nil
}

// giveWay returns which sessions of u must end before another one begins. One that gave way before the view had shown it
// may do so twice, which changes nothing.
func (r *room) giveWay(u *events.User, most int) (victims []string) {
	r.begun = slices.DeleteFunc(r.begun, func(id string) bool { return u.Session(id) != nil })
	r.ended = slices.DeleteFunc(r.ended, func(id string) bool { return u.Session(id) == nil })
	for len(u.Sessions)-len(r.ended)+len(r.begun) >= most {
		victims = append(victims, r.next(u))
	}
	return victims
}

// next returns the session of u that gives way first; there must be one.
func (r *room) next(u *events.User) string {
	var victim *events.Session
	for i := range u.Sessions {
		if s := &u.Sessions[i]; !slices.Contains(r.ended, s.ID) && (victim == nil || sooner(s, victim)) {
			victim = s
		}
	}
	if victim != nil {
		r.ended = append(r.ended, victim.ID)
		return victim.ID
	}
	// All that the view shows have given way already.
	oldest := r.begun[0]
	r.begun = r.begun[1:]
	return oldest
}

// sooner reports whether s gives way sooner than o.
func sooner(s, o *events.Session) bool {
	if s.Idle != o.Idle {
		return s.Idle
	}
	return cmp.Or(cmp.Compare(s.LastSeen, o.LastSeen), cmp.Compare(s.Since, o.Since)) < 0
}
