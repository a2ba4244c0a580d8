package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Stretch is a part of the hot stream to read.
type Stretch struct {
	From uint64 // first sequence wanted; 0: the beginning
	To   uint64 // last sequence wanted
}

// errEnd ends a read from within.
var errEnd = errors.New("end of the stretch")

// Read calls fn with the commits of s in order and returns when it has given
// the last one. What has been trimmed at the front is left out; see Bounds. fn
// may keep nothing of the slice.
func (j *Journal) Read(ctx context.Context, s Stretch, fn func([]Message) error) error {
	first, last, err := j.Bounds(ctx)
	if err != nil {
		return err
	}
	end := min(s.To, last)
	if end < max(s.From, first) {
		return nil
	}
	err = j.consume(ctx, s.From, func(batch []Message) error { return give(batch, end, fn) })
	switch {
	case errors.Is(err, errEnd):
		return nil
	case err == nil:
		return ctx.Err()
	}
	return err
}

// give hands on what of batch stands up to end, and returns errEnd there.
func give(batch []Message, end uint64, fn func([]Message) error) error {
	n := 0
	for n < len(batch) && batch[n].Seq <= end {
		n++
	}
	if n > 0 {
		if err := fn(batch[:n]); err != nil {
			return err
		}
	}
	if n < len(batch) || batch[n-1].Seq == end {
		return errEnd
	}
	return nil
}

// Lost returns the moment before which events may have left the archive by their
// age, or 0 if none can have.
func (j *Journal) Lost(ctx context.Context) (events.Millis, error) {
	info, err := j.archive.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking for the archive's age: %w", asOurs(err))
	}
	if info.Created.Sub(j.created) > time.Minute {
		// It was made anew: it knows what it was filled with.
		if first, _, err := j.Bounds(ctx); err != nil || first == 1 {
			return 0, err
		}
		m, err := j.archive.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return events.MillisOf(j.cfg.Now()), nil
		}
		if err != nil {
			return 0, fmt.Errorf("asking for the archive's beginning: %w", asOurs(err))
		}
		r, err := originOf(m.Header)
		return r.Time, err
	}
	begin := j.cfg.Now().Add(-info.Config.MaxAge)
	if info.Config.MaxAge == 0 || info.Created.After(begin) {
		return 0, nil
	}
	return events.MillisOf(begin), nil
}

// Message returns the commit at seq of the hot stream, or ErrGone.
func (j *Journal) Message(ctx context.Context, seq uint64) (Message, error) {
	m, err := j.hot.GetMsg(ctx, max(seq, 1))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Message{}, fmt.Errorf("%w: %d", ErrGone, seq)
	}
	if err != nil {
		return Message{}, fmt.Errorf("reading message %d: %w", seq, asOurs(err))
	}
	return Message{Seq: m.Sequence, Time: events.MillisOf(m.Time), Data: m.Data}, nil
}

// LastErasure is the sequence of the last Erased event in the archive, 0 where
// there is none.
func (j *Journal) LastErasure(ctx context.Context) (uint64, error) {
	m, err := j.archive.GetLastMsgForSubject(ctx, events.TypeFilter(events.Erased))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("looking for the last erasure: %w", asOurs(err))
	}
	r, err := originOf(m.Header)
	return r.Place.Seq, err
}

// Fingerprint identifies the content of a commit. A view keeps that of its
// checkpoint, to tell a log that goes on from one whose sequences were given
// out again.
func (m Message) Fingerprint() string {
	h := sha256.New()
	h.Write([]byte(strconv.FormatInt(int64(m.Time), 10)))
	h.Write([]byte{0})
	h.Write(m.Data)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// seekHot returns the first sequence of the hot stream whose commit is not older
// than t, or the one after its last.
func (j *Journal) seekHot(ctx context.Context, t events.Millis) (uint64, error) {
	return j.seek(ctx, j.hot, func(m *jetstream.RawStreamMsg) (bool, error) { return events.MillisOf(m.Time) >= t, nil })
}

// seekArchive returns the archive's own sequence of the first record that comes
// at or after p and whose commit is not older than t, or the one after its last.
func (j *Journal) seekArchive(ctx context.Context, p events.Place, t events.Millis) (uint64, error) {
	return j.seek(ctx, j.archive, func(m *jetstream.RawStreamMsg) (bool, error) {
		r, err := originOf(m.Header)
		return !r.Place.Before(p) && r.Time >= t, err
	})
}

// seek returns s's own sequence of the first message for which reached is true,
// or the one after its last. reached must stay true once it is.
func (j *Journal) seek(ctx context.Context, s jetstream.Stream, reached func(*jetstream.RawStreamMsg) (bool, error)) (uint64, error) {
	info, err := s.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("looking for a place in the log: %w", asOurs(err))
	}
	low, high := max(info.State.FirstSeq, 1), info.State.LastSeq+1
	for low < high {
		middle := low + (high-low)/2
		// The first message there or after: purging leaves gaps.
		m, err := s.GetMsg(ctx, middle, jetstream.WithGetMsgSubject(">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			high = middle
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("looking for a place in the log: %w", asOurs(err))
		}
		yes, err := reached(m)
		if err != nil {
			return 0, err
		}
		if yes {
			high = middle
		} else {
			low = m.Sequence + 1
		}
	}
	return low, nil
}
