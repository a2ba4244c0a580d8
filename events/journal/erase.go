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
// them by a salted hash only and makes every fold forget them at that place, and
// then purges their events before it from the archive. It returns that place and
// how many events have left. Entries of theirs in the hot stream leave with its
// trimming; folds that still meet them forget them again at the Erased event,
// and readers of the log leave them out.
//
// An error after the Erased event was stored leaves some of their events in the
// archive; erasing them again removes those.
func (j *Journal) Erase(ctx context.Context, user, actor string) (at events.Place, erased int, err error) {
	var salt [16]byte
	rand.Read(salt[:])
	e := events.Event{Type: events.Erased, Actor: actor, At: events.MillisOf(j.cfg.Now()), Salt: hex.EncodeToString(salt[:])}
	e.Hash = events.HashID(e.Salt, user)
	if at, err = j.Append(ctx, e, events.Key{}); err != nil {
		return at, 0, fmt.Errorf("erasing a user: %w", err)
	}
	// When the Erased event is in the archive everything before it is: the archiver
	// holds nothing of the user any more, and the events can be counted.
	own, err := j.awaitSubject(ctx, events.ErasedSubject(e.Hash))
	if err != nil {
		return at, 0, err
	}
	if erased, err = j.countArchived(ctx, user); err != nil {
		return at, 0, err
	}
	return at, erased, j.purgeArchived(ctx, user, own)
}

// purgeArchived removes user's events before the archive's own sequence before.
func (j *Journal) purgeArchived(ctx context.Context, user string, before uint64) error {
	if err := j.archive.Purge(ctx, jetstream.WithPurgeSubject(events.UserFilter(user)), jetstream.WithPurgeSequence(before)); err != nil {
		return fmt.Errorf("purging a user's events: %w", asOurs(err))
	}
	return nil
}

func (j *Journal) countArchived(ctx context.Context, user string) (n int, err error) {
	info, err := j.archive.Info(ctx, jetstream.WithSubjectFilter(events.UserFilter(user)))
	if err != nil {
		return 0, fmt.Errorf("counting a user's events: %w", asOurs(err))
	}
	for _, of := range info.State.Subjects {
		n += int(of)
	}
	return n, nil
}

// Forget removes what the archive has of a user up to the place upTo: an event
// that only followed from others and was on its way when they were erased. What
// comes after it stays.
func (j *Journal) Forget(ctx context.Context, user string, upTo events.Place) error {
	if err := j.AwaitArchived(ctx, upTo.Seq); err != nil {
		return err
	}
	for next := uint64(1); ; {
		m, err := j.archive.GetMsg(ctx, next, jetstream.WithGetMsgSubject(events.UserFilter(user)))
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("looking for a user's events in the archive: %w", asOurs(err))
		}
		var origin Record
		if err == nil {
			if origin, err = originOf(m.Header); err != nil {
				return err
			}
			if !upTo.Before(origin.Place) {
				next = m.Sequence + 1
				continue
			}
		}
		if next == 1 {
			return nil // none must go
		}
		return j.purgeArchived(ctx, user, next)
	}
}

// AwaitArchived waits until everything up to the sequence upTo that belongs into
// the archive is there, for as long as an acknowledgement may take; then the
// error wraps ErrSlow.
func (j *Journal) AwaitArchived(ctx context.Context, upTo uint64) error {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.AckTimeout)
	defer cancel()
	return j.untilArchived(ctx, upTo)
}

// untilArchived is AwaitArchived until ctx ends, which is ErrSlow.
func (j *Journal) untilArchived(ctx context.Context, upTo uint64) error {
	checked := events.EndOf(j.archivedUpTo(ctx)) // nothing up to here is missing
	return j.untilArchive(ctx, func(ctx context.Context) (bool, error) {
		end, _, err := j.archiveEnd(ctx)
		if err != nil || end.Place.Seq > upTo || !checked.Before(events.EndOf(upTo)) {
			return err == nil, err
		}
		// Most of the log is heartbeats, which are not archived: it may be complete.
		first, _, err := j.Bounds(ctx)
		if err != nil {
			return false, err
		}
		checked = later(later(checked, end.Place), events.Place{Seq: first - 1})
		whole := true
		err = j.Read(ctx, Stretch{From: checked.Seq, To: upTo}, func(batch []Message) error {
			for i := range batch {
				if missing := firstArchivable(&batch[i], checked); missing {
					whole = false
					return errEnd
				}
				checked = events.EndOf(batch[i].Seq)
			}
			return nil
		})
		return whole, err
	})
}

// firstArchivable reports whether m has an entry after the place p that belongs
// into the archive. Of one with a key it cannot be told, so it counts as none.
func firstArchivable(m *Message, p events.Place) bool {
	var c events.Commit
	if c.Decode(m.Data) != nil {
		return p.Before(events.Place{Seq: m.Seq})
	}
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Plain() || !p.Before(events.Place{Seq: m.Seq, Nth: uint32(i)}) {
			continue
		}
		if ev, key, err := e.Event(); err != nil || ev.Type != events.Heartbeat && !key.Given() {
			return true
		}
	}
	return false
}

// awaitSubject waits until the archive has a message on subject, and returns the
// archive's own sequence of it.
func (j *Journal) awaitSubject(ctx context.Context, subject string) (own uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.AckTimeout)
	defer cancel()
	err = j.untilArchive(ctx, func(ctx context.Context) (bool, error) {
		m, err := j.archive.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, nil
		}
		if err == nil {
			own = m.Sequence
		}
		return err == nil, err
	})
	return own, err
}

// untilArchive asks the archive until there is a yes, or ctx ends.
func (j *Journal) untilArchive(ctx context.Context, ask func(context.Context) (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := ask(ctx)
		switch {
		case ctx.Err() != nil && !yes:
			return fmt.Errorf("%w: the archive is behind; try again", ErrSlow)
		case err != nil:
			return fmt.Errorf("waiting for the archive: %w", asOurs(err))
		case yes:
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
