package journal

import (
	"context"
	"fmt"

	"github.com/rollcall-dev/rollcall/events"
)

// unfolding turns commits of the hot stream into the records that a reading of
// the log asks for.
type unfolding struct {
	q       *AuditQuery
	clock   events.Clock
	keys    events.Keys
	repeats repeats
	erased  []Record                // the erasures that the archive knew
	gone    map[string]events.Place // user → where they were erased last; the zero Place: not
	commit  events.Commit
	found   []Record
}

// unfold returns an unfolding for r that knows who has been erased.
func (r *auditing) unfold(ctx context.Context, end uint64) (*unfolding, error) {
	u := &unfolding{q: &r.q, repeats: newRepeats(), gone: map[string]events.Place{}}
	from, err := r.j.seekArchive(ctx, r.next, 0)
	if err != nil {
		return nil, err
	}
	err = r.j.scanArchive(ctx, from, []string{events.TypeFilter(events.Erased)}, maxScan, func(batch []Record) error {
		u.erased = append(u.erased, batch...)
		return nil
	})
	return u, err
}

// message takes what m holds that is asked for.
func (u *unfolding) message(m *Message) {
	at := events.Moment{Seq: m.Seq, Time: m.Time, Covered: u.clock.Advance(m.Time)}
	if err := u.commit.Decode(m.Data); err != nil {
		if u.q.User == "" && len(u.q.Types) == 0 {
			u.found = append(u.found, Record{Place: at.Place(), Time: m.Time, Err: err, Data: m.Data, Whole: true})
		}
		return
	}
	for i := range u.commit.Entries {
		e := &u.commit.Entries[i]
		if plain := e.Plain(); plain && (!u.q.Heartbeats || u.q.User != "" && !e.Names(u.q.User)) {
			continue
		}
		at.Nth = uint32(i)
		u.entry(e, at)
	}
}

func (u *unfolding) entry(e *events.Entry, at events.Moment) {
	ev, key, err := e.Event()
	if key.Given() {
		if _, void := u.keys.Judge(key, at); void {
			return
		}
	}
	if u.repeats.known(&ev, at.Covered) || u.q.User != "" && ev.User != u.q.User || u.hidden(ev.User, at.Place()) {
		return
	}
	rec := Record{Place: at.Place(), Time: at.Time, Event: ev, Err: err}
	switch {
	case err != nil && len(u.q.Types) > 0:
		return // it is of no type that can be asked for, as in the archive
	case err != nil:
		rec.Data = e.Raw()
	case !u.q.wants(ev.Type):
		return
	case ev.Type != events.Heartbeat:
		rec.Event.ID = events.IDAt(at)
		if rec.Data, rec.Err = events.Encode(&rec.Event); rec.Err != nil {
			rec.Err = fmt.Errorf("%w: %w", events.ErrMalformed, rec.Err)
		}
	}
	u.found = append(u.found, rec)
}

// hidden reports whether the user was erased after p.
func (u *unfolding) hidden(user string, p events.Place) bool {
	if len(u.erased) == 0 || user == "" {
		return false
	}
	at, known := u.gone[user]
	if !known {
		for i := range u.erased {
			if r := &u.erased[i]; r.Err == nil && events.Erases(&r.Event, user) {
				at = r.Place
			}
		}
		u.gone[user] = at
	}
	return p.Before(at)
}

// take returns what was found, which is good until the next message.
func (u *unfolding) take() []Record {
	found := u.found
	u.found = u.found[:0]
	return found
}
