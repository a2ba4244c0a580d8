package journal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Stretch is a part of the log to read.
type Stretch struct {
	Audit    bool     // read the audit copy instead of the hot stream
	From     uint64   // first sequence wanted, of the hot stream in either case; 0: the beginning
	To       uint64   // last sequence wanted
	Subjects []string // only messages on these; none: all
}

// errEnd ends a read from within.
var errEnd = errors.New("end of the stretch")

// Read calls fn with the messages of s in order and returns when it has given
// the last one. What is missing in between (purged, or trimmed at the front) is
// left out; see Bounds. fn may keep nothing of the slice.
func (j *Journal) Read(ctx context.Context, s Stretch, fn func([]Message) error) error {
	if !s.Audit && len(s.Subjects) == 0 {
		return j.readAll(ctx, s, fn)
	}
	stream, from := j.hot, s.From
	if s.Audit {
		stream, from = j.audit, 1 // its own sequences are others
	}
	return j.scan(ctx, stream, from, s.Subjects, maxScan, func(batch []Message) error {
		for len(batch) > 0 && batch[0].Seq < s.From {
			batch = batch[1:]
		}
		return s.give(batch, s.To, fn)
	})
}

// give hands on what of batch belongs to s, and returns errEnd behind the
// sequence end.
func (s Stretch) give(batch []Message, end uint64, fn func([]Message) error) error {
	over := false
	for i := range batch {
		if batch[i].Seq >= end {
			over = true
			batch = batch[:i+1]
			if batch[i].Seq > end {
				batch = batch[:i]
			}
			break
		}
	}
	if len(batch) > 0 {
		if err := fn(batch); err != nil {
			return err
		}
	}
	if over {
		return errEnd
	}
	return nil
}

// readAll is Read for the whole of a stretch of the hot stream, which is worth
// reading ahead.
func (j *Journal) readAll(ctx context.Context, s Stretch, fn func([]Message) error) error {
	last, err := j.hot.GetLastMsgForSubject(ctx, ">") // the stream's last sequence may have been purged
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking for a stretch of the log: %w", asOurs(err))
	}
	end := min(s.To, last.Sequence)
	if end < s.From {
		return nil
	}
	err = j.consume(ctx, s.From, nil, func(batch []Message) error { return s.give(batch, end, fn) })
	switch {
	case errors.Is(err, errEnd):
		return nil
	case err == nil:
		return ctx.Err()
	}
	return err
}

// Lost returns the moment before which events may have left the audit by their
// age, or 0 if none can have.
func (j *Journal) Lost(ctx context.Context) (events.Millis, error) {
	info, err := j.audit.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking for the audit's age: %w", asOurs(err))
	}
	begin := j.cfg.Now().Add(-info.Config.MaxAge)
	if info.Config.MaxAge == 0 || info.Created.After(begin) {
		return 0, nil
	}
	return events.MillisOf(begin), nil
}

// Message returns the message at seq of the hot stream, or ErrGone.
func (j *Journal) Message(ctx context.Context, seq uint64) (Message, error) {
	m, err := j.hot.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Message{}, fmt.Errorf("%w: %d", ErrGone, seq)
	}
	if err != nil {
		return Message{}, fmt.Errorf("reading message %d: %w", seq, asOurs(err))
	}
	return Message{Seq: m.Sequence, Time: events.MillisOf(m.Time), Subject: m.Subject, Data: m.Data}, nil
}

// LastErasure is the sequence of the last Erased event in the hot stream, 0 where
// there is none.
func (j *Journal) LastErasure(ctx context.Context) (uint64, error) {
	m, err := j.hot.GetLastMsgForSubject(ctx, events.TypeFilter(events.Erased))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("looking for the last erasure: %w", asOurs(err))
	}
	return m.Sequence, nil
}

// Fingerprint identifies the content of a message. A view keeps that of its
// checkpoint, to tell a log that goes on from one whose sequences were given
// out again.
func (m Message) Fingerprint() string {
	h := sha256.New()
	h.Write([]byte(m.Subject))
	h.Write([]byte(strconv.FormatInt(int64(m.Time), 10)))
	h.Write(m.Data)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// originate gives m the place in the hot stream that its headers name.
func (m *Message) originate(h nats.Header) error {
	seq, err := strconv.ParseUint(h.Get(events.OriginSeqHeader), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: an archived message without %s", events.ErrMalformed, events.OriginSeqHeader)
	}
	at, err := strconv.ParseInt(h.Get(events.OriginTimeHeader), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: an archived message without %s", events.ErrMalformed, events.OriginTimeHeader)
	}
	m.Seq, m.Time = seq, events.Millis(at)
	return nil
}
