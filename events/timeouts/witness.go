package timeouts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/rollcall-dev/rollcall/events"
)

const (
	// maxBatch is how many messages the server takes as one atomic batch.
	maxBatch = 1000
	// maxPlain is up to how many go one by one: a message costs one fsync under
	// sync always, a batch about four.
	maxPlain = 4
	// ackTime is how long an acknowledgement may take.
	ackTime = 5 * time.Second
	// codeBatchDuplicate is the server's answer to a batch that holds a key
	// which it knows.
	codeBatchDuplicate = 10201
)

// witness writes down the beats that wait for it, in the order of their
// sequence over all users, and stops at the first failure. A reader of the
// audit copy, which has no heartbeats, puts them back in their places and reads
// ahead no farther than to the first one that belongs behind where it stands:
// so an earlier beat must never be written behind a later one. That is why this
// does not go through the journal's queue, whose publishes succeed or fail
// each by itself.
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
	refs, upTo := c.unwritten()
	stored, err := c.writeDown(ctx, refs, upTo)
	if err == nil && stored == 0 && len(refs) > 0 {
		pause(ctx) // others do the same, or it cannot be written
	}
	return false, err
}

// unwritten returns the beats that wait, in order, as of one sequence.
func (c *Consumer) unwritten() (refs []beatRef, upTo uint64) {
	var users []*events.User
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
	return refs, upTo
}

// writeDown appends refs, of which those that another consumer wrote down in
// the meantime are left out.
func (c *Consumer) writeDown(ctx context.Context, refs []beatRef, upTo uint64) (stored int, err error) {
	for len(refs) > 0 && c.Held() {
		var beats []beat
		c.fold.Locked(func(uint64, events.Clock, int64) { beats, refs = copyBeats(refs, upTo, window/2) })
		for len(beats) > 0 {
			n := min(len(beats), maxBatch)
			fresh, err := c.appendInOrder(ctx, beats[:n])
			if stored += fresh; err != nil {
				return stored, fmt.Errorf("writing down heartbeats: %w", err)
			}
			beats = beats[n:]
		}
	}
	return stored, nil
}

// appendInOrder appends all of beats, or some from the front and an error, and
// returns how many were new.
func (c *Consumer) appendInOrder(ctx context.Context, beats []beat) (stored int, err error) {
	msgs := c.messages(beats)
	if len(msgs) > maxPlain {
		err := c.appendAtomic(ctx, msgs)
		var refused *jetstream.APIError
		if !errors.As(err, &refused) || refused.ErrorCode != codeBatchDuplicate {
			if err == nil {
				c.countBeats(beats)
				return len(beats), nil
			}
			return 0, err
		}
		// One known key refuses the batch. One by one each gets its own answer.
		msgs = c.messages(beats)
	}
	for i, m := range msgs {
		fresh, err := c.appendOne(ctx, m)
		if err != nil {
			return stored, err
		}
		if fresh {
			stored++
			c.countBeats(beats[i : i+1])
		}
	}
	return stored, nil
}

func (c *Consumer) appendAtomic(ctx context.Context, msgs []*nats.Msg) error {
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
