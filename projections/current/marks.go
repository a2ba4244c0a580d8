package current

import "github.com/rollcall-dev/rollcall/events"

// marks knows who has changed since the last checkpoint began. It is guarded by
// the view's lock.
//
// User.Mark is 0 or 1 for a user who has not changed since they were written
// down, else twice the generation in which they were marked, plus one where more
// has changed than their sessions' activity. A checkpoint begins the next
// generation: a user who still has the mark of the one before is still to be
// written down as they are, and is when they change again or the checkpoint comes
// to them.
//
// Now and then a checkpoint writes the activity of all, also of those who have
// not changed. Which of 0 and 1 says that it has come to a user, turns each time.
type marks struct {
	gen     uint32         // from 1
	come    uint32         // 0 or 1: the mark of those to whom a rewriting has come
	dirty   []*events.User // something has changed
	fresh   []*events.User // only activity has
	under   *writing       // the checkpoint under way, nil: none
	written int            // bytes of activity in the file
	rewrite bool           // write the activity of all again at the next checkpoint
}

// writing is what a checkpoint writes.
type writing struct {
	rewriting bool // the activity of all is written
	records   []record
	activity  activityWriter
}

// touch is called before u changes.
func (m *marks) touch(u *events.User) {
	if u.Mark == m.gen*2+1 {
		return
	}
	m.collect(u)
	u.Mark = m.gen*2 + 1
	m.dirty = append(m.dirty, u)
}

// refresh is called before nothing but the activity of u's sessions changes. It
// is on the path of every heartbeat.
func (m *marks) refresh(u *events.User) {
	if u.Mark>>1 == m.gen {
		return
	}
	m.collect(u)
	u.Mark = m.gen * 2
	m.fresh = append(m.fresh, u)
}

// collect writes u into the checkpoint under way, if they are still to be.
func (m *marks) collect(u *events.User) {
	w := m.under
	switch {
	case w == nil:
		return
	case u.Mark <= 1:
		if !w.rewriting || u.Mark == m.come {
			return
		}
		w.activity.add(u)
	case u.Mark>>1 != m.gen-1:
		return
	case u.Mark&1 == 0:
		w.activity.add(u)
	case u.Known():
		w.records = append(w.records, record{id: u.ID, data: appendRecord(nil, u)})
	}
	u.Mark = m.come
}

// begin draws the line: what is marked now belongs to the checkpoint that begins.
func (m *marks) begin(base events.Clock, rewriting bool) (dirty, fresh []*events.User) {
	dirty, fresh = m.dirty, m.fresh
	m.dirty, m.fresh = nil, nil
	m.gen++
	m.under = &writing{rewriting: rewriting, activity: activityWriter{base: base}}
	if rewriting {
		m.rewrite = false
		m.come ^= 1
	}
	return dirty, fresh
}

// back puts those on the lists again whom a checkpoint failed to write.
func (m *marks) back(dirty, fresh []*events.User) {
	m.under = nil
	for _, u := range dirty {
		u.Mark = 0
		m.touch(u)
	}
	for _, u := range fresh {
		if u.Mark>>1 != m.gen {
			u.Mark = 0
			m.refresh(u)
		}
	}
}
