package timeouts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/rollcall-dev/rollcall/events"
)

const (
	// maxPlain is up to how many messages go one by one: a message costs one
	// fsync under sync always, a batch about four.
	maxPlain = 4
	// ackTime is how long an acknowledgement may take.
	ackTime = 5 * time.Second
	// codeBatchDuplicate is the server's answer to a batch that holds a key
	// which it knows.
	codeBatchDuplicate = 10201
)

// witness writes down the beats that wait for it, in the order of their places
// in the log over all users, and stops at the first failure: whatever is lost
// at any moment, what has been written down has no hole. That is why this does
// not go through the journal's queue, whose publishes succeed or fail each by
// itself.
func (c *Consumer) witness(ctx context.Context) (more bool, err error) {
	c.witnessing.Lock()
	defer c.witnessing.Unlock()
	if !c.Held() {
		c.unwritten()
		pause(ctx)
		return false, nil
	}
	if err := c.catchUp(ctx); err != nil {
		return false, err
	}
	refs := c.unwritten()
	stored, err := c.writeDown(ctx, refs, c.Held)
	if err == nil && stored == 0 && len(refs) > 0 {
		pause(ctx) // others do the same, or it cannot be written
	}
	return false, err
}

// unwritten returns the beats that wait, in order, as of one sequence.
func (c *Consumer) unwritten() (refs []beatRef) {
	var users []*events.User
	var upTo uint64
	c.fold.Locked(func(seq uint64, _ events.Clock, _ int64) {
		users, upTo = c.deadlines.beats.takeUsers(), seq
	})
	for len(users) > 0 {
		n := min(len(users), maxLooks)
		c.fold.Locked(func(uint64, events.Clock, int64) {
			refs = c.deadlines.beats.relist(users[:n], upTo, refs)
		})
		users = users[n:]
	}
	inOrder(refs)
	return refs
}

// writeDown appends refs, of which those that another consumer wrote down in
// the meantime are left out, while allowed says so. It returns how many were
// new.
func (c *Consumer) writeDown(ctx context.Context, refs []beatRef, allowed func() bool) (stored int, err error) {
	for part := range slices.Chunk(refs, window) {
		if !allowed() {
			break
		}
		var beats []beat
		c.fold.Locked(func(uint64, events.Clock, int64) { beats = copyBeats(part) })
		fresh, err := c.appendInOrder(ctx, c.notes(beats))
		if stored += fresh; err != nil {
			return stored, fmt.Errorf("writing down heartbeats: %w", err)
		}
	}
	return stored, nil
}

// note is an online event, encoded.
type note struct {
	subject, key string
	data         []byte
	voids        bool
}

// notes encodes beats. One that cannot be written is left out: it never will be.
func (c *Consumer) notes(beats []beat) []note {
	at := events.MillisOf(c.cfg.Now())
	notes := make([]note, 0, len(beats))
	for i := range beats {
		n, err := noteOf(&beats[i], at)
		if err != nil {
			c.complain("writing down a heartbeat that cannot be written", err)
			continue
		}
		notes = append(notes, n)
	}
	return notes
}

func noteOf(b *beat, at events.Millis) (note, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return note{}, fmt.Errorf("making an event id: %w", err)
	}
	e := events.Event{ID: id.String(), Type: events.Online, V: events.Version, User: b.user, Session: b.Session, At: at,
		Actor: b.Actor, Idle: b.Idle, Since: b.Since, By: b.By, Nth: b.Nth, Voids: b.Voids}
	if err := e.Validate(); err != nil {
		return note{}, err
	}
	data, err := events.Encode(&e)
	return note{subject: events.SubjectOf(&e), data: data, voids: b.Voids != 0,
		key: key("on", b.user, b.Session, b.By, uint64(b.Nth), b.Voids).ID}, err
}

// msg makes a message: a new one for each attempt, because publishing a batch
// leaves its marks in the headers.
func (n *note) msg() *nats.Msg {
	m := nats.NewMsg(n.subject)
	m.Data = n.data
	m.Header.Set(jetstream.MsgIDHeader, n.key)
	return m
}

// appendInOrder appends all of notes, or some from the front and an error, and
// returns how many were new.
func (c *Consumer) appendInOrder(ctx context.Context, notes []note) (stored int, err error) {
	if len(notes) > maxPlain {
		err := c.appendAtomic(ctx, notes)
		if err == nil {
			c.countNotes(notes)
			return len(notes), nil
		}
		var refused *jetstream.APIError
		if !errors.As(err, &refused) || refused.ErrorCode != codeBatchDuplicate {
			return 0, err
		}
		// One known key refuses the batch. One by one each gets its own answer.
	}
	for i := range notes {
		fresh, err := c.appendOne(ctx, notes[i].msg())
		if err != nil {
			return stored, err
		}
		if fresh {
			stored++
			c.countNotes(notes[i : i+1])
		}
	}
	return stored, nil
}

func (c *Consumer) appendAtomic(ctx context.Context, notes []note) error {
	msgs := make([]*nats.Msg, len(notes))
	for i := range notes {
		msgs[i] = notes[i].msg()
	}
	ctx, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	_, err := jetstreamext.PublishMsgBatch(ctx, c.log.JetStream(), msgs, jetstreamext.BatchFlowControl{})
	return err
}

func (c *Consumer) appendOne(ctx context.Context, m *nats.Msg) (fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	ack, err := c.log.JetStream().PublishMsg(ctx, m)
	if err != nil {
		return false, err
	}
	return !ack.Duplicate, nil
}

func (c *Consumer) countNotes(notes []note) {
	for i := range notes {
		c.metrics.Witnesses.Inc()
		if notes[i].voids {
			c.metrics.Void.Inc()
		}
	}
}
