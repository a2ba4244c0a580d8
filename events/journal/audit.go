package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// AuditQuery asks for a part of the log in its one order, from the audit copy
// as far back as that goes. The zero value asks for every JSON event there is.
type AuditQuery struct {
	After      uint64        // only what stands behind this sequence
	To         uint64        // the last sequence wanted; 0: the log's end as it is now
	Since      events.Millis // begin where the log was about then, early rather than late; 0: at the beginning
	User       string        // only events on this user's subjects; "": of all
	Types      []events.Type // only events of these; none: of all
	Heartbeats bool          // the batches of heartbeats too, whoever is in them, while the hot stream has them
	Follow     bool          // go on with what comes, until ctx ends; To must be 0
}

// stepped is how far a broker's clock may have been set back or forth while
// Since is still found.
const stepped = events.Millis(time.Hour / time.Millisecond)

// subjects returns the filters that q comes to; none: everything.
func (q AuditQuery) subjects(audit bool) (filters []string) {
	for _, t := range q.Types {
		switch {
		case t == events.Heartbeat:
		case q.User != "":
			filters = append(filters, events.Subject(q.User, t))
		default:
			filters = append(filters, events.TypeFilter(t))
		}
	}
	if len(q.Types) == 0 {
		filters = []string{events.UserSubjects}
		if q.User != "" {
			filters[0] = events.UserFilter(q.User)
		} else if audit {
			return nil // there is nothing else there
		}
	}
	if q.Heartbeats && !audit {
		filters = append(filters, events.HeartbeatSubject)
	}
	return filters
}

// Audit calls fn with the messages that q asks for: those of the audit copy up
// to where the hot stream begins, and the hot stream from there. A hot stream
// that is trimmed meanwhile does no harm. It returns when fn has had the last
// one, or with fn's error, as it is; with Follow it returns nil when ctx ends.
// fn may keep nothing of the slice.
func (j *Journal) Audit(ctx context.Context, q AuditQuery, fn func([]Message) error) error {
	q.Heartbeats = q.Heartbeats || slices.Contains(q.Types, events.Heartbeat)
	r := &auditing{j: j, q: q, next: q.After + 1, fn: fn}
	for {
		end, err := r.toEnd(ctx)
		if err != nil {
			return followed(ctx, q, err)
		}
		if !q.Follow {
			return nil
		}
		r.next = max(r.next, end+1)
		if err := r.live(ctx); !errors.Is(err, ErrGone) {
			return followed(ctx, q, err)
		}
	}
}

// followed is err, but the end of ctx is no failure of a read that has no other.
func followed(ctx context.Context, q AuditQuery, err error) error {
	if q.Follow && ctx.Err() != nil {
		return nil //nolint:nilerr // whoever follows is told to stop by ctx
	}
	return err
}

// auditing is a reading under way.
type auditing struct {
	j    *Journal
	q    AuditQuery
	next uint64 // the first sequence that fn has not been told
	fn   func([]Message) error
}

// errTrimmed: the hot stream now begins behind what was to be read next.
var errTrimmed = errors.New("the hot stream was trimmed")

// toEnd reads to the end that the log has when it begins, or to q.To, and
// returns it.
func (r *auditing) toEnd(ctx context.Context) (end uint64, err error) {
	end = r.q.To
	for {
		first, last, err := r.j.Bounds(ctx)
		if err != nil {
			return 0, err
		}
		if end == 0 || end > last {
			end = last
		}
		if r.next < first {
			if err := r.old(ctx, min(first-1, end)); err != nil {
				return 0, err
			}
			r.next = max(r.next, min(first, end+1))
		}
		if r.next > end {
			return end, nil
		}
		if err := r.hot(ctx, end); !errors.Is(err, errTrimmed) {
			return end, err
		}
	}
}

// old reads the audit copy from r.next to the sequence to.
func (r *auditing) old(ctx context.Context, to uint64) error {
	filters := r.q.subjects(true)
	if len(r.q.Types) > 0 && len(filters) == 0 {
		return nil // it was asked for heartbeats alone
	}
	from, err := r.j.seek(ctx, r.j.audit, func(m *Message) bool { return m.Seq >= r.next && m.Time >= r.q.Since-stepped })
	if err != nil {
		return err
	}
	return r.j.scan(ctx, r.j.audit, from, filters, maxScan, func(batch []Message) error {
		n := sort.Search(len(batch), func(i int) bool { return batch[i].Seq > to })
		if err := r.tell(batch[:n]); err != nil {
			return err
		}
		if n < len(batch) {
			return errEnd
		}
		return nil
	})
}

// hot reads the hot stream from r.next to the sequence to.
func (r *auditing) hot(ctx context.Context, to uint64) error {
	if r.q.Since > stepped {
		at, err := r.j.seek(ctx, r.j.hot, func(m *Message) bool { return m.Time >= r.q.Since-stepped })
		if err != nil {
			return err
		}
		r.next = max(r.next, at)
	}
	size := maxScan
	if r.q.Heartbeats {
		size = maxScan / 16 // a batch of heartbeats may be as large as thousands of events
	}
	err := r.j.scan(ctx, r.j.hot, r.next, r.q.subjects(false), size, func(batch []Message) error {
		// What was there from r.next on after the batch was taken, was there before.
		first, _, err := r.j.Bounds(ctx)
		if err != nil {
			return err
		}
		if first > r.next {
			return errTrimmed
		}
		n := sort.Search(len(batch), func(i int) bool { return batch[i].Seq > to })
		if err := r.tell(batch[:n]); err != nil {
			return err
		}
		if n < len(batch) {
			return errEnd
		}
		return nil
	})
	if err == nil {
		r.next = max(r.next, to+1)
	}
	return err
}

// live follows the hot stream. It returns ErrGone if that begins behind r.next.
func (r *auditing) live(ctx context.Context) error {
	first, _, err := r.j.Bounds(ctx)
	if err != nil {
		return err
	}
	if first > r.next {
		return ErrGone
	}
	return r.j.consume(ctx, r.next, r.q.subjects(false), r.tell)
}

// tell hands on what has not been told yet.
func (r *auditing) tell(batch []Message) error {
	for len(batch) > 0 && batch[0].Seq < r.next {
		batch = batch[1:]
	}
	if len(batch) == 0 {
		return nil
	}
	r.next = batch[len(batch)-1].Seq + 1
	return r.fn(batch)
}

// seek returns s's own sequence of the first message for which reached is true,
// or the one behind its last. reached must stay true once it is.
func (j *Journal) seek(ctx context.Context, s jetstream.Stream, reached func(*Message) bool) (uint64, error) {
	info, err := s.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("looking for a place in the log: %w", asOurs(err))
	}
	low, high := max(info.State.FirstSeq, 1), info.State.LastSeq+1
	for low < high {
		middle := low + (high-low)/2
		// The first message there or behind: purging leaves gaps.
		raw, err := s.GetMsg(ctx, middle, jetstream.WithGetMsgSubject(">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			high = middle
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("looking for a place in the log: %w", asOurs(err))
		}
		m := Message{Seq: raw.Sequence, Time: events.MillisOf(raw.Time)}
		if info.Config.Name == events.StreamAudit {
			if err := m.originate(raw.Header); err != nil {
				return 0, err
			}
		}
		if reached(&m) {
			high = middle
		} else {
			low = raw.Sequence + 1
		}
	}
	return low, nil
}
