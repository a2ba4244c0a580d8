package journal

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// AuditQuery asks for a part of the log in its one order, as far back as the
// archive goes. The zero value asks for every event there is but heartbeats.
type AuditQuery struct {
	After      events.Place  // only what comes after this place
	To         uint64        // the last sequence wanted; 0: the log's end as it is now
	Since      events.Millis // begin where the log was about then, early rather than late; 0: at the beginning
	User       string        // only events about this user; "": of all
	Types      []events.Type // only events of these; none: of all but heartbeats
	Heartbeats bool          // heartbeats too, while the hot stream has them
	Follow     bool          // go on with what comes, until ctx ends; To must be 0
}

// wants reports whether q asks for an event of this type.
func (q *AuditQuery) wants(t events.Type) bool {
	if t == events.Heartbeat {
		return q.Heartbeats
	}
	return len(q.Types) == 0 || slices.Contains(q.Types, t)
}

// filters returns the subjects of the archive that q comes to; none: everything.
func (q *AuditQuery) filters() (filters []string) {
	for _, t := range q.Types {
		switch {
		case t == events.Heartbeat:
		case q.User != "":
			filters = append(filters, events.Subject(q.User, t))
		default:
			filters = append(filters, events.TypeFilter(t))
		}
	}
	if len(q.Types) == 0 && q.User != "" {
		return []string{events.UserFilter(q.User)}
	}
	return filters
}

const (
	// stepped is how far a broker's clock may have been set back or forth while
	// Since is still found.
	stepped = events.Millis(time.Hour / time.Millisecond)
	// archivePatience is how long a reading waits for the archiver, which is
	// hardly ever behind, rather than read the hot stream's end itself.
	archivePatience = 2 * time.Second
)

// Audit calls fn with the records that q asks for, in order: out of the archive
// as far as that goes, and out of the hot stream from there. A repeat under a
// known key is no event. Heartbeats come out of the hot stream, those of erased
// users left out. What is archived or trimmed meanwhile does no harm. It returns
// when fn has had the last one, or with fn's error, as it is; with Follow it
// returns nil when ctx ends. fn may keep nothing of the slice.
func (j *Journal) Audit(ctx context.Context, q AuditQuery, fn func([]Record) error) error {
	q.Heartbeats = q.Heartbeats || slices.Contains(q.Types, events.Heartbeat)
	r := &auditing{j: j, q: q, next: q.After.Next(), fn: fn}
	err := r.toEnd(ctx)
	if err == nil && q.Follow {
		err = r.hot(ctx, 0)
	}
	if q.Follow && ctx.Err() != nil {
		return nil //nolint:nilerr // a follower is told to stop by ctx
	}
	return err
}

// auditing is a reading under way.
type auditing struct {
	j    *Journal
	q    AuditQuery
	next events.Place // the first place that fn has not been told
	fn   func([]Record) error
}

// toEnd reads to the end that the log has when it begins, or to q.To.
func (r *auditing) toEnd(ctx context.Context) error {
	first, last, err := r.j.Bounds(ctx)
	if err != nil {
		return err
	}
	end := r.q.To
	if end == 0 || end > last {
		end = last
	}
	stop := events.EndOf(end)
	if r.q.Heartbeats {
		// From where the heartbeats begin the hot stream has everything.
		if stop.Compare(events.Place{Seq: first}) >= 0 {
			stop = events.EndOf(first - 1)
		}
	} else if err := r.awaitArchive(ctx, end); err != nil {
		return err
	}
	archived, err := r.archive(ctx, stop)
	if err != nil {
		return err
	}
	r.next = later(r.next, earlier(archived, stop).Next())
	if events.EndOf(end).Before(r.next) {
		return nil
	}
	return r.hot(ctx, end)
}

// awaitArchive waits a little until the archiver has got as far as end.
func (r *auditing) awaitArchive(ctx context.Context, end uint64) error {
	ctx, cancel := context.WithTimeout(ctx, archivePatience)
	defer cancel()
	err := r.j.untilArchived(ctx, end)
	if errors.Is(err, ErrSlow) {
		return nil // then the hot stream is read
	}
	return err
}

// archive reads the archive from r.next up to the place stop, and returns the
// place up to which the archive was complete when it began.
func (r *auditing) archive(ctx context.Context, stop events.Place) (events.Place, error) {
	copied := events.EndOf(r.j.archivedUpTo(ctx))
	end, _, err := r.j.archiveEnd(ctx)
	if err != nil {
		return end.Place, err
	}
	copied = later(copied, end.Place)
	filters := r.q.filters()
	if len(r.q.Types) > 0 && len(filters) == 0 || stop.Before(r.next) {
		return copied, nil // it was asked for heartbeats alone
	}
	last := earlier(stop, end.Place)
	if last.Before(r.next) {
		return copied, nil
	}
	from, err := r.j.seekArchive(ctx, r.next, r.q.Since-stepped)
	if err != nil {
		return copied, err
	}
	err = r.j.scanArchive(ctx, from, filters, func(batch []Record) error {
		n := slices.IndexFunc(batch, func(m Record) bool { return last.Before(m.Place) })
		if n < 0 {
			return r.tell(batch)
		}
		if err := r.tell(batch[:n]); err != nil {
			return err
		}
		return errEnd
	})
	return copied, err
}

// hot reads the hot stream from r.next to the sequence to, or, where that is 0,
// for as long as ctx lasts.
func (r *auditing) hot(ctx context.Context, to uint64) error {
	u, err := r.unfold(ctx)
	if err != nil {
		return err
	}
	from := r.next.Seq
	if r.q.Since > stepped {
		at, err := r.j.seekHot(ctx, r.q.Since-stepped)
		if err != nil {
			return err
		}
		from = max(from, at)
	}
	// The keys of the time before tell which entries are void.
	first, _, err := r.j.Bounds(ctx)
	if err != nil {
		return err
	}
	from = max(from, first)
	begin := from
	if m, err := r.j.Message(ctx, from); err == nil {
		if begin, err = r.j.keysLead(ctx, first, &m); err != nil {
			return err
		}
	}
	if begin == first && first > 1 {
		if err := u.knowArchived(ctx, r.j, first); err != nil {
			return err
		}
	}
	r.next = later(r.next, events.Place{Seq: from})
	take := func(batch []Message) error {
		for i := range batch {
			u.message(&batch[i])
		}
		return r.tell(u.take())
	}
	if to == 0 {
		return r.j.consume(ctx, begin, take)
	}
	return r.j.Read(ctx, Stretch{From: begin, To: to}, take)
}

// tell hands on what has not been told yet.
func (r *auditing) tell(batch []Record) error {
	for len(batch) > 0 && batch[0].Place.Before(r.next) {
		batch = batch[1:]
	}
	if len(batch) == 0 {
		return nil
	}
	r.next = batch[len(batch)-1].Place.Next()
	return r.fn(batch)
}

func later(a, b events.Place) events.Place {
	if a.Before(b) {
		return b
	}
	return a
}

func earlier(a, b events.Place) events.Place {
	if b.Before(a) {
		return b
	}
	return a
}
