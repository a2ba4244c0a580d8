package current

import (
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections"
)

// Query asks for a page of users, in the order of their ids.
type Query struct {
	Status events.Status // empty: all
	After  string        // the last id of the page before; empty: from the start
	Limit  int
}

// Page is the answer to a Query.
type Page struct {
	Users []events.User
	Total int    // of all that match, whatever the page
	More  bool   // there may be further ones after Last
	Last  string // the id up to which the page goes: that of its last user, or a later one
	Seq   uint64 // each user is as they were there, or later
}

// Stats are the view's counts, kept up as it folds.
type Stats struct {
	Users, Online, Away, Busy, Offline int
	Sessions                           int
	Seq                                uint64
	Lag                                time.Duration // how old the last message is while more are waiting, or none has come for long, else 0
	Undecodable                        uint64        // events that could not be read, so far
}

// silence is for how long no message comes while the log can be read: the nodes
// write a mark into a quiet one.
const silence = events.MaxGap

// User returns a copy of what is known of id, and false where the log has never
// named him.
func (v *View) User(id string) (events.User, bool, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	u, err := v.find(id)
	if err != nil || u == nil {
		return events.User{ID: id}, false, err
	}
	return u.Clone(), true, nil
}

// Users returns copies in the order asked, all as of one sequence. One whom the
// log has never named is not Known.
func (v *View) Users(ids []string) ([]events.User, error) {
	users := make([]events.User, len(ids))
	v.mu.RLock()
	defer v.mu.RUnlock()
	for i, id := range ids {
		u, err := v.find(id)
		if err != nil {
			return nil, err
		}
		if u == nil {
			users[i].ID = id
			continue
		}
		users[i] = u.Clone()
	}
	return users, nil
}

// Begins reports whether a sign of life of this session would begin it, and how
// many live ones the user has.
func (v *View) Begins(user, session string) (begins bool, live int) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	u := v.fold.Users[user] // whoever has one is in memory
	if u == nil {
		return true, 0
	}
	return u.Session(session) == nil, len(u.Sessions)
}

// Present calls fn, with the view at rest at seq, with copies of users, those
// unknown left out; where users is nil, of everybody who is not offline: their
// sessions are then as they were at seq, or a little before. fn must be quick.
func (v *View) Present(users []string, fn func(present []events.User, seq uint64)) error {
	if users == nil {
		for !v.everybodyPresent(fn) { // the view was rebuilt meanwhile
		}
		return nil
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	var present []events.User
	for _, id := range users {
		u, err := v.find(id)
		if err != nil {
			return err
		}
		if u != nil {
			present = append(present, u.Clone())
		}
	}
	fn(present, v.fold.Seq)
	return nil
}

// everybodyPresent copies everybody in short stretches of the lock, and in the
// last one those again whose status has changed meanwhile. It reports whether it
// could: a view that took another's place does not tell what that changed.
func (v *View) everybodyPresent(fn func(present []events.User, seq uint64)) bool {
	changed := map[string]bool{} // guarded by the view's lock
	tap := &Tap{Flush: func(uint64) error { return nil }, Put: func(happened []Happening, _ uint64) {
		for i := range happened {
			changed[happened[i].User] = true
		}
	}}
	v.Tap(tap)
	defer v.Untap(tap)
	fold := v.folding()
	var present []events.User
	for _, s := range events.Statuses {
		if s == events.StatusOffline {
			continue
		}
		for last, more := "", true; more; {
			present, last, more = v.appendPresent(present, s, last)
		}
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.fold != fold {
		return false
	}
	if len(changed) > 0 {
		present = slices.DeleteFunc(present, func(u events.User) bool { return changed[u.ID] })
	}
	for id := range changed {
		if u := v.fold.Users[id]; u != nil && u.Status() != events.StatusOffline {
			present = append(present, u.Clone())
		}
	}
	fn(present, v.fold.Seq)
	return true
}

func (v *View) folding() *projections.Fold {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.fold
}

// appendPresent appends some of those who are s now, from the one after last on;
// more says that there may be further ones.
func (v *View) appendPresent(present []events.User, s events.Status, last string) (_ []events.User, _ string, more bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	n := 0
	v.index[s].Ascend(last, func(id string) bool {
		if id != last {
			present = append(present, v.fold.Users[id].Clone())
			last = id
			n++
		}
		return n < stretch
	})
	return present, last, n == stretch
}

// find returns the user in memory, or his copy in the file, or nil.
func (v *View) find(id string) (u *events.User, err error) {
	if u = v.fold.Users[id]; u != nil {
		return u, nil
	}
	if len(id) == 0 || v.isErased(id) {
		return nil, nil
	}
	err = v.store.DB.View(func(tx *bolt.Tx) error {
		if data := tx.Bucket(usersBucket).Get([]byte(id)); data != nil {
			u, err = decodeRecord(id, data)
		}
		return err
	})
	return u, err
}

// Stats returns the counts.
func (v *View) Stats() Stats {
	v.mu.RLock()
	defer v.mu.RUnlock()
	s := Stats{Users: v.users(), Online: v.counts[events.StatusOnline], Away: v.counts[events.StatusAway],
		Busy: v.counts[events.StatusBusy], Offline: v.counts[events.StatusOffline],
		Sessions: v.live, Seq: v.fold.Seq, Undecodable: v.meta.Undecodable}
	if v.behind > 0 || v.mono != 0 && events.Mono()-v.mono > silence.Nanoseconds() {
		s.Lag = max(0, time.Since(v.last.Time.Time()))
	}
	return s
}

// Latest is the latest sign of life of a live session, 0 where there is none. Of
// those that have ended, a change of status has told.
func (v *View) Latest() events.Millis {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var at events.Millis
	for _, u := range v.fold.Users {
		for i := range u.Sessions {
			at = max(at, u.Sessions[i].LastSeen)
		}
	}
	return at
}

// Undecodable returns the latest events that could not be read.
func (v *View) Undecodable() []projections.Undecodable {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return append([]projections.Undecodable(nil), v.undecodable...)
}

func (v *View) users() int {
	n := 0
	for _, c := range v.counts {
		n += c
	}
	return n
}

const (
	// stretch is how many users List looks at before others get the lock.
	stretch = 256
	// stretches is how many of them one call makes: a page may end there, with fewer
	// users than asked for.
	stretches = 400
)

// List returns the users that match q. Online, away and busy ones are all in
// memory; offline ones are merged from memory and file, where those who are not
// offline are passed over: so a page can take long, and holds the lock, and a
// transaction of the file, for short stretches only. A user whose status changes
// meanwhile is looked at once, before or after it.
func (v *View) List(q Query) (Page, error) {
	var page Page
	for n := 0; ; n++ {
		done, err := v.list(q, &page, n == 0)
		if err != nil || done {
			return page, err
		}
		if n == stretches {
			page.More = true
			return page, nil
		}
	}
}

// list goes on with the page for one stretch, and reports whether it is done.
func (v *View) list(q Query, page *Page, first bool) (done bool, err error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if first {
		page.Seq, page.Total, page.Last = v.fold.Seq, v.counts[q.Status], q.After
		if q.Status == "" {
			page.Total = v.users()
		}
	}
	q.After = page.Last
	next := v.memory(q)
	if q.Status == "" || q.Status == events.StatusOffline {
		return v.merge(q, next, page)
	}
	for n := 0; n < stretch && !page.full(); n++ {
		id, ok := next()
		if !ok {
			return true, nil
		}
		page.add(q, v.fold.Users[id])
	}
	return page.full(), nil
}

// add takes u, or notes that there is more than the page holds.
func (p *Page) add(q Query, u *events.User) {
	if len(p.Users) == q.Limit {
		p.More = true
		return
	}
	p.Users = append(p.Users, u.Clone())
	p.Last = u.ID
}

// full reports that one more than the page holds was found.
func (p *Page) full() bool { return p.More }

// memory returns an iterator over the ids in memory that match q, in order.
func (v *View) memory(q Query) func() (string, bool) {
	statuses := events.Statuses[:]
	if q.Status != "" {
		statuses = []events.Status{q.Status}
	}
	var heads []*btreeIter
	for _, s := range statuses {
		if it := after(v.index[s], q.After); it.ok {
			heads = append(heads, it)
		}
	}
	return func() (string, bool) {
		var least *btreeIter
		for _, h := range heads {
			if h.ok && (least == nil || h.id < least.id) {
				least = h
			}
		}
		if least == nil {
			return "", false
		}
		id := least.id
		least.next()
		return id, true
	}
}

// merge goes on with the page, with those in memory and, between them, those who
// are only in the file. It reports whether there is nothing more to look at, or no
// room.
func (v *View) merge(q Query, next func() (string, bool), page *Page) (done bool, err error) {
	err = v.store.DB.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(usersBucket).Cursor()
		key, data := c.Seek([]byte(q.After))
		if key != nil && q.After != "" && string(key) == q.After {
			key, data = c.Next()
		}
		id, ok := next()
		for n := 0; !page.full(); n++ {
			if done = !ok && key == nil; done || n == stretch {
				return nil
			}
			if ok && (key == nil || id <= string(key)) {
				page.add(q, v.fold.Users[id])
				if key != nil && id == string(key) {
					key, data = c.Next()
				}
				id, ok = next()
				continue
			}
			if v.onlyInFile(string(key)) && (q.Status == "" || statusOf[data[0]&flagStatus] == q.Status) {
				u, err := decodeRecord(string(key), data)
				if err != nil {
					return err
				}
				page.add(q, u)
			} else {
				page.Last = string(key) // it is passed over
			}
			key, data = c.Next()
		}
		return nil
	})
	return done || page.full(), err
}

func (v *View) onlyInFile(id string) bool {
	_, inMemory := v.fold.Users[id]
	return !inMemory && !v.isErased(id)
}
