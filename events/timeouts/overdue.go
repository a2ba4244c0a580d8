package timeouts

import (
	"cmp"
	"context"
	"slices"

	"github.com/rollcall-dev/rollcall/events"
)

// Overdue is a session past its deadline that the log has not ended yet.
type Overdue struct {
	User     string        `json:"user"`
	Session  string        `json:"session"`
	LastSeen events.Millis `json:"last_seen"`
	Since    events.Millis `json:"since"` // when its deadline passed, by this node's clock and in covered time
}

// Overdue lists who is past his deadline now, whether this consumer holds the
// lease or not, and appends nothing. It needs no Run. The fold is waited for;
// an error says that it, or the log, could not be reached.
func (c *Consumer) Overdue(ctx context.Context) ([]Overdue, error) {
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	var found []Overdue
	c.fold.Locked(func(_ uint64, clock events.Clock, mono int64) {
		now := c.instant(clock, mono)
		c.deadlines.each(func(u *events.User) {
			for i := range u.Sessions {
				s := &u.Sessions[i]
				if left := c.deadlines.left(s, now); left <= 0 {
					found = append(found, Overdue{User: u.ID, Session: s.ID, LastSeen: s.LastSeen, Since: now.Wall + events.Millis(left)})
				}
			}
		})
	})
	slices.SortFunc(found, func(a, b Overdue) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.User, b.User), cmp.Compare(a.Session, b.Session))
	})
	return slices.Compact(found), nil
}

// Emit appends what is due now, and the beats that wait to be written down,
// whether this consumer holds the lease or not, and returns how many sessions
// and overrides it ended. It needs no Run, but the journal's must run.
func (c *Consumer) Emit(ctx context.Context) (ended int, err error) {
	if err := c.settle(ctx); err != nil {
		return 0, err
	}
	ended, err = c.emitDue(ctx)
	if err != nil {
		return ended, err
	}
	c.witnessing.Lock()
	defer c.witnessing.Unlock()
	_, err = c.writeDown(ctx, c.unwritten(), func() bool { return true })
	return ended, err
}

func (c *Consumer) emitDue(ctx context.Context) (ended int, err error) {
	c.expiring.Lock()
	defer c.expiring.Unlock()
	for {
		for more := true; more; {
			c.fold.Locked(func(_ uint64, clock events.Clock, mono int64) {
				more = c.deadlines.Decide(c.instant(clock, mono), maxLooks)
			})
		}
		endings, more := c.take(true)
		stored, err := c.append(ctx, endings)
		if ended += stored; err != nil || len(endings) == 0 && !more {
			return ended, err
		}
		if err := c.reachEnd(ctx); err != nil {
			return ended, err
		}
	}
}

// settle attaches to the fold and waits until it has read the log to its end.
func (c *Consumer) settle(ctx context.Context) error {
	if err := c.attach(ctx); err != nil {
		return err
	}
	return c.reachEnd(ctx)
}
