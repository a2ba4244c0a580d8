package timeouts

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// witness writes down the beats that wait for it, in the order of their places
// in the log over all users, and stops at the first failure: whatever is lost
// at any moment, what has been written down has no hole.
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
	if len(refs) > 0 {
		c.log.Witnessed(refs[0].by.Seq - 1) // they are in order
	}
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

// writeDown appends refs, of which those that the log has had written down in
// the meantime are left out, while allowed says so. It returns how many are
// surely in the log now. What another consumer writes at the same time is there
// twice, and means nothing the second time.
func (c *Consumer) writeDown(ctx context.Context, refs []beatRef, allowed func() bool) (stored int, err error) {
	for part := range slices.Chunk(refs, window) {
		if !allowed() {
			break
		}
		var beats []beat
		c.fold.Locked(func(uint64, events.Clock, int64) { beats = copyBeats(part) })
		notes := c.notes(beats)
		n, err := c.log.AppendAll(ctx, notes)
		c.countNotes(notes[:n])
		if stored += n; err != nil {
			return stored, fmt.Errorf("writing down heartbeats: %w", err)
		}
	}
	return stored, nil
}

// notes makes events of beats. One that cannot be written is left out: it never
// will be.
func (c *Consumer) notes(beats []beat) []journal.Item {
	at := events.MillisOf(c.cfg.Now())
	items := make([]journal.Item, 0, len(beats))
	for i := range beats {
		b := &beats[i]
		item := journal.Item{Event: events.Event{Type: events.Online, User: b.user, Session: b.Session, At: at, Actor: b.Actor,
			Idle: b.Idle, Since: b.Since, By: b.By.Seq, ByNth: b.By.Nth, Voids: b.Voids.Seq, VoidsNth: b.Voids.Nth}}
		if err := item.Check(); err != nil {
			c.complain("writing down a heartbeat that cannot be written", err)
			continue
		}
		items = append(items, item)
	}
	return items
}

func (c *Consumer) countNotes(notes []journal.Item) {
	c.metrics.Witnesses.Add(float64(len(notes)))
	for i := range notes {
		if notes[i].Event.Voids != 0 {
			c.metrics.Void.Inc()
		}
	}
}
