package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/rollcall-dev/rollcall/events"
)

// Archiver copies the JSON events of the hot stream into the audit stream, each
// with the sequence and time that it had there. It resumes exactly behind the
// last one that arrived, and any number of archivers do no harm: each batch is
// accepted only if the audit stream still ends where its writer believes.
//
// It stands in for JetStream's own Sources, which fsync every copied message:
// see docs/decisions.
type Archiver struct {
	j      *Journal
	copied atomic.Uint64 // the last hot sequence that is known to be in the copy, or not to belong there
}

// Archiver returns an archiver of j. It starts nothing; see Run.
func (j *Journal) Archiver() *Archiver { return &Archiver{j: j} }

// Copied is the hot sequence up to which the audit copy is complete, as far as
// this archiver knows; 0 before it has looked.
func (a *Archiver) Copied() uint64 { return a.copied.Load() }

// errFaster ends a pass: another archiver has written to the audit.
var errFaster = errors.New("another archiver was faster")

// standBy is how long an archiver leaves the field to a faster one before it
// looks whether that still works.
const standBy = time.Second

// copyPause is how long the archiver waits after it has copied something, so that
// what comes meanwhile goes in one batch: to the server an atomic batch costs a
// millisecond and more, however small it is, and nobody waits for the copy but
// an erasure.
const copyPause = 100 * time.Millisecond

// Run copies until ctx ends, and then returns nil. It returns an error, to be
// run again, when the log fails.
func (a *Archiver) Run(ctx context.Context) error {
	for {
		err := a.pass(ctx)
		if !errors.Is(err, errFaster) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(standBy):
		}
	}
}

// pass copies from where the audit ends.
func (a *Archiver) pass(ctx context.Context) error {
	origin, tail, err := a.j.copied(ctx)
	if err != nil {
		return err
	}
	first, _, err := a.j.Bounds(ctx)
	if err != nil {
		return err
	}
	if first > origin+1 && origin > 0 {
		a.j.log.Warn("the hot stream was trimmed before it was copied; what it lost is not in the audit",
			"copied", origin, "first", first)
	}
	return a.j.Follow(ctx, max(origin+1, first), func(batch []Message) error {
		end, err := a.copy(ctx, batch, tail)
		if err != nil {
			return err
		}
		a.copied.Store(batch[len(batch)-1].Seq)
		if end > tail && len(batch) < followBatch {
			select {
			case <-ctx.Done():
			case <-time.After(copyPause):
			}
		}
		tail = end
		return nil
	})
}

// copied returns the hot sequence of the last message in the audit stream, and
// the audit stream's own last sequence.
func (j *Journal) copied(ctx context.Context) (origin, tail uint64, err error) {
	info, err := j.audit.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("looking for the end of the audit: %w", asOurs(err))
	}
	last, err := j.audit.GetLastMsgForSubject(ctx, ">")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, info.State.LastSeq, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("looking for the end of the audit: %w", asOurs(err))
	}
	var m Message
	if err := m.originate(last.Header); err != nil {
		return 0, 0, err
	}
	return m.Seq, info.State.LastSeq, nil
}

// copy appends what belongs into the audit and returns the audit stream's last
// sequence after it.
func (a *Archiver) copy(ctx context.Context, batch []Message, tail uint64) (uint64, error) {
	msgs := make([]*nats.Msg, 0, len(batch))
	for i := range batch {
		if batch[i].Subject == events.HeartbeatSubject || batch[i].Subject == events.AliveSubject {
			continue
		}
		m := nats.NewMsg(events.ArchiveSubject(batch[i].Subject))
		m.Data = batch[i].Data
		m.Header.Set(events.OriginSeqHeader, strconv.FormatUint(batch[i].Seq, 10))
		m.Header.Set(events.OriginTimeHeader, strconv.FormatInt(int64(batch[i].Time), 10))
		msgs = append(msgs, m)
	}
	if len(msgs) == 0 {
		return tail, nil
	}
	if a.j.cfg.Durable != nil {
		// Else the copy could survive a power cut that the original does not.
		if err := a.j.cfg.Durable(); err != nil {
			return tail, fmt.Errorf("putting the log on disk before it is copied: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.j.cfg.AckTimeout)
	defer cancel()
	if len(msgs) == 1 {
		ack, err := a.j.js.PublishMsg(ctx, msgs[0], jetstream.WithExpectLastSequence(tail))
		if err != nil {
			return tail, copyError(err)
		}
		return ack.Sequence, nil
	}
	msgs[0].Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(tail, 10))
	ack, err := jetstreamext.PublishMsgBatch(ctx, a.j.js, msgs, jetstreamext.BatchFlowControl{})
	if err != nil {
		return tail, copyError(err)
	}
	return ack.Sequence, nil
}

func copyError(err error) error {
	if code := apiCode(err); code == codeWrongLastSequence || code == codeWrongLastConstant {
		return errFaster
	}
	return fmt.Errorf("copying to the audit: %w", asOurs(err))
}
