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

	// Where the keys of the time before have been trimmed the archive tells what
	// counts: what is in known, of what is not after upTo.
	known map[events.Place]struct{} // nil: the keys are there
	upTo  events.Place
}

// knowArchived reads what the archive has of the two minutes from first on, where
// the hot stream begins.
func (u *unfolding) knowArchived(ctx context.Context, j *Journal, first uint64) error {
	m, err := j.Message(ctx, first)
	if err != nil {
		return nil //nolint:nilerr // it has been trimmed meanwhile: so little matters only if a key repeats just there
	}
	u.known = map[events.Place]struct{}{}
	u.upTo = events.EndOf(j.archivedUpTo(ctx))
	from, err := j.seekArchive(ctx, events.Place{Seq: first}, 0)
	if err != nil {
		return err
	}
	var clock events.Clock
	clock.Advance(m.Time)
	return j.scanArchive(ctx, from, nil, func(batch []Record) error {
		for i := range batch {
			// This clock, which only some of the commits drive, may be behind: then more is
			// read than is needed.
			if clock.Advance(batch[i].Time); clock.Covered >= int64(lead) {
				u.upTo = earlier(u.upTo, batch[i].Place)
				return errEnd
			}
			u.known[batch[i].Place] = struct{}{}
		}
		return nil
	})
}

// void reports whether the entry at m with a key that nothing before it, as far
// as was read, has claimed is a repeat all the same.
func (u *unfolding) void(ev *events.Event, m events.Moment) bool {
	if u.known == nil || m.Covered >= int64(lead) || ev.Type == events.Heartbeat || u.upTo.Before(m.Place()) {
		return false
	}
	_, counts := u.known[m.Place()]
	return !counts
}

// unfold returns an unfolding for r that knows who has been erased.
func (r *auditing) unfold(ctx context.Context) (*unfolding, error) {
	u := &unfolding{q: &r.q, repeats: newRepeats(), gone: map[string]events.Place{}}
	from, err := r.j.seekArchive(ctx, r.next, 0)
	if err != nil {
		return nil, err
	}
	err = r.j.scanArchive(ctx, from, []string{events.TypeFilter(events.Erased)}, func(batch []Record) error {
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
		if _, void := u.keys.Judge(key, at); void || u.void(&ev, at) {
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
