package current

import (
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
	Total int  // of all that match, whatever the page
	More  bool // there are further ones after the last
	Seq   uint64
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

// Present calls fn, with the view at rest at seq, with copies of users, those
// unknown left out; where users is nil, of everybody who is not offline. fn must
// be quick.
func (v *View) Present(users []string, fn func(present []events.User, seq uint64)) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var present []events.User
	if users == nil {
		for _, u := range v.fold.Users { // who is not offline is in memory
			if u.Status() != events.StatusOffline {
				present = append(present, u.Clone())
			}
		}
	}
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

// List returns the users that match q. Online, away and busy ones are all in
// memory; offline ones are merged from memory and file.
func (v *View) List(q Query) (Page, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	page := Page{Seq: v.fold.Seq, Total: v.counts[q.Status]}
	if q.Status == "" {
		page.Total = v.users()
	}
	next := v.memory(q)
	var err error
	if q.Status == "" || q.Status == events.StatusOffline {
		err = v.merge(q, next, &page)
	} else {
		for id, ok := next(); ok && !page.full(); id, ok = next() {
			page.add(q, v.fold.Users[id])
		}
	}
	return page, err
}

// add takes u, or notes that there is more than the page holds.
func (p *Page) add(q Query, u *events.User) {
	if len(p.Users) == q.Limit {
		p.More = true
		return
	}
	p.Users = append(p.Users, u.Clone())
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

// merge fills the page with those in memory and, between them, those who are
// only in the file.
func (v *View) merge(q Query, next func() (string, bool), page *Page) error {
	return v.store.DB.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(usersBucket).Cursor()
		key, data := c.Seek([]byte(q.After))
		if key != nil && q.After != "" && string(key) == q.After {
			key, data = c.Next()
		}
		id, ok := next()
		for (ok || key != nil) && !page.full() {
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
			}
			key, data = c.Next()
		}
		return nil
	})
}

func (v *View) onlyInFile(id string) bool {
	_, inMemory := v.fold.Users[id]
	return !inMemory && !v.isErased(id)
}
