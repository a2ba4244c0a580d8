// Package crowd plays users who come, go, idle and fall silent, so that a node that nobody uses yet has something to
// show.
//
//	names.go    who they are
//	session.go  what one device does next (pure)
//	crowd.go    Run: all of them, against a node
package crowd

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

// step is how long events are gathered before they are sent together.
const step = 500 * time.Millisecond

// overrideEvery is how long it takes on average until somebody is set busy.
const overrideEvery = 6 * time.Second

// Crowd is what is played.
type Crowd struct {
	Client *client.Client // with the token of an admin, or of a service that may not set overrides
	Users  int
	Seed   uint64           // the same seed plays the same users with the same moods
	Beat   time.Duration    // between two heartbeats of a session
	Failed func(err error)  // called when the node does not take something; nil: nobody is told
	random *rand.Rand       // of Run
	all    []*session       // of Run
	now    func() time.Time // of Run
}

// Run plays until ctx ends, which is no error. About six in ten users are there from the start, and a third has a phone
// besides.
func (c *Crowd) Run(ctx context.Context) error {
	if c.now == nil {
		c.now = time.Now
	}
	c.gather()
	tick := time.NewTicker(step)
	defer tick.Stop()
	for {
		if list := c.play(c.now()); len(list) > 0 {
			_, err := c.Client.Send(ctx, list)
			c.tell(ctx, err)
		}
		if c.random.Int64N(int64(overrideEvery)) < int64(step) {
			c.tell(ctx, c.override(ctx))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// gather makes the sessions: those who are there from the start come within the first two seconds.
func (c *Crowd) gather() {
	c.random = rand.New(rand.NewPCG(c.Seed, 1))
	c.all = nil
	now := c.now()
	for _, user := range Names(c.random, c.Users) {
		names := []string{"web"}
		if c.random.IntN(3) == 0 {
			names = append(names, "phone")
		}
		for _, name := range names {
			s := &session{user: user, name: name}
			if s.leave(c.random, now); c.random.IntN(10) < 6 {
				s.due = now.Add(time.Duration(c.random.Int64N(int64(2 * time.Second))))
			}
			c.all = append(c.all, s)
		}
	}
}

// play returns what happens up to now.
func (c *Crowd) play(now time.Time) (list []client.UserEvent) {
	for _, s := range c.all {
		if s.due.After(now) {
			continue
		}
		if e, ok := s.next(c.random, now, c.Beat); ok {
			list = append(list, e)
		}
	}
	return list
}

// override sets somebody who is there busy, for half a minute to two minutes.
func (c *Crowd) override(ctx context.Context) error {
	if len(c.all) == 0 {
		return nil
	}
	s := c.all[c.random.IntN(len(c.all))]
	o := client.SetOverride{
		Status: client.StatusBusy, Reason: reasons[c.random.IntN(len(reasons))],
		For: 30*time.Second + time.Duration(c.random.IntN(90))*time.Second,
	}
	if s.mood == gone {
		return nil
	}
	_, err := c.Client.SetOverride(ctx, s.user, o)
	return err
}

func (c *Crowd) tell(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && c.Failed != nil {
		c.Failed(err)
	}
}
