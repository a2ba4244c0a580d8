package journal

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Erase makes the log forget a user. It appends an Erased event, which names
// him by a salted hash only and makes every fold forget him at that sequence,
// and then purges his own events before it from both streams. It returns that
// sequence and how many events are gone. Heartbeats of his that stand in
// batches leave with the hot stream's age; folds that still meet them forget
// him again at the Erased event.
//
// An error after the Erased event was stored leaves some of his events behind;
// erasing him again removes them.
func (j *Journal) Erase(ctx context.Context, user, actor string) (seq uint64, erased int, err error) {
	var salt [16]byte
	rand.Read(salt[:])
	e := events.Event{Type: events.Erased, Actor: actor, At: events.MillisOf(j.cfg.Now()), Salt: hex.EncodeToString(salt[:])}
	e.Hash = events.HashID(e.Salt, user)
	ack, err := j.Append(ctx, e, Key{})
	if err != nil {
		return 0, 0, fmt.Errorf("erasing a user: %w", err)
	}
	// When the Erased event is in the copy everything before it is: the archiver
	// holds nothing of him any more, and the copy can be counted.
	copied, err := j.awaitCopy(ctx, events.ErasedSubject(e.Hash))
	if err != nil {
		return ack.Seq, 0, err
	}
	if erased, err = count(ctx, j.audit, user); err != nil {
		return ack.Seq, 0, err
	}
	return ack.Seq, erased, errors.Join(purge(ctx, j.hot, user, ack.Seq), purge(ctx, j.audit, user, copied))
}

// purge removes user's events before the sequence before, of the stream's own.
func purge(ctx context.Context, s jetstream.Stream, user string, before uint64) error {
	if err := s.Purge(ctx, jetstream.WithPurgeSubject(events.UserFilter(user)), jetstream.WithPurgeSequence(before)); err != nil {
		return fmt.Errorf("purging a user's events: %w", asOurs(err))
	}
	return nil
}

func count(ctx context.Context, s jetstream.Stream, user string) (n int, err error) {
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(events.UserFilter(user)))
	if err != nil {
		return 0, fmt.Errorf("counting a user's events: %w", asOurs(err))
	}
	for _, of := range info.State.Subjects {
		n += int(of)
	}
	return n, nil
}

// Forget removes what stands of a user up to the sequence upTo, from both
// streams: an event that only followed from others and was on its way when he
// was erased. What comes after it stays.
func (j *Journal) Forget(ctx context.Context, user string, upTo uint64) error {
	// In this order, so that nothing is copied again.
	switch _, err := j.Message(ctx, upTo); {
	case errors.Is(err, ErrGone): // another node has done this
	case err != nil:
		return err
	default:
		if err := j.awaitCopied(ctx, upTo); err != nil {
			return err
		}
		if err := purge(ctx, j.hot, user, upTo+1); err != nil {
			return err
		}
	}
	return j.forgetCopies(ctx, user, upTo)
}

// forgetCopies removes user's events from the audit whose place in the log is
// upTo at most: they are his first ones there.
func (j *Journal) forgetCopies(ctx context.Context, user string, upTo uint64) error {
	for next := uint64(1); ; {
		m, err := j.audit.GetMsg(ctx, next, jetstream.WithGetMsgSubject(events.UserFilter(user)))
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("looking for a user's events in the audit: %w", asOurs(err))
		}
		var origin Message
		if err == nil {
			if err := origin.originate(m.Header); err != nil {
				return err
			}
		}
		if err == nil && origin.Seq <= upTo {
			next = m.Sequence + 1
			continue
		}
		if next == 1 {
			return nil // none must go
		}
		return purge(ctx, j.audit, user, next)
	}
}

// awaitCopied waits until the audit has got as far as the sequence upTo.
func (j *Journal) awaitCopied(ctx context.Context, upTo uint64) error {
	return j.untilAudit(ctx, func(ctx context.Context) (bool, error) {
		origin, _, err := j.copied(ctx)
		if err != nil || origin >= upTo {
			return err == nil, err
		}
		// Another node may have removed it from both meanwhile.
		if _, err = j.Message(ctx, upTo); errors.Is(err, ErrGone) {
			return true, nil
		}
		return false, err
	})
}

// awaitCopy waits until the audit holds a message on subject, and returns the
// audit's own sequence of it.
func (j *Journal) awaitCopy(ctx context.Context, subject string) (seq uint64, err error) {
	err = j.untilAudit(ctx, func(ctx context.Context) (bool, error) {
		m, err := j.audit.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, nil
		}
		if err == nil {
			seq = m.Sequence
		}
		return err == nil, err
	})
	return seq, err
}

// untilAudit asks the audit until there is a yes, for as long as an
// acknowledgement may take.
func (j *Journal) untilAudit(ctx context.Context, ask func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.AckTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := ask(ctx)
		if err != nil {
			return fmt.Errorf("waiting for the audit copy: %w", asOurs(err))
		}
		if yes {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: the audit copy is behind; erase the user again", ErrSlow)
		}
	}
}
