//go:build torture

package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/history"
)

// wanderer reads the live stream at one node after the other, and keeps what it
// saw: user → status and sequence of each change.
type wanderer struct {
	t    *testing.T
	mu   sync.Mutex // guards seen and gone
	seen map[string][]string
	gone int // changes to offline
}

// wander reads until ctx ends. It moves on after some messages, or when nothing
// has come for a while.
func (w *wanderer) wander(ctx context.Context, nodes []*node) {
	tok := token(w.t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	last := ""
	for i := 0; ctx.Err() == nil; i++ {
		one, cancel := context.WithTimeout(ctx, time.Second)
		messages, err := nodes[i%len(nodes)].listen(one, tok, last, "")
		if err != nil { // the node is behind where the reader was
			<-time.After(100 * time.Millisecond)
		}
		for n := 0; err == nil && n < 500; n++ {
			m, more := <-messages
			if !more {
				break
			}
			if m.event == "reset" || m.event == "snapshot" && last != "" {
				w.t.Errorf("a %s after %s", m.event, last)
			}
			if m.id != "" {
				last = m.id
			}
			if m.event == "status" {
				w.note(m.data)
			}
		}
		cancel()
		if err == nil {
			for range messages { //nolint:revive // what was on its way is lost with the connection
			}
		}
	}
}

func (w *wanderer) note(data string) {
	var c struct {
		User, Status string
		Seq          uint64
	}
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[c.User] = append(w.seen[c.User], fmt.Sprint(c.Status, " ", c.Seq))
	if c.Status == "offline" {
		w.gone++
	}
}

// compare holds what was seen against the history.
func (w *wanderer) compare(d *embedded.Deployment) error {
	for user, seen := range w.seen {
		a, err := d.History().Intervals(history.Query{User: user, Limit: 1000})
		if err != nil {
			return err
		}
		var want []string
		for _, i := range a.Intervals {
			want = append(want, fmt.Sprint(i.Status, " ", i.Seq))
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			w.t.Errorf("%s on the stream: %s", user, diff)
		}
	}
	return nil
}

// all makes each of the users beat, at once, until it is acknowledged.
func (c *crowd) all(users []string, service string) {
	var beats sync.WaitGroup
	for i, user := range users {
		beats.Go(func() {
			for try := i; ; try++ {
				seq, code := c.ask(c.urls[try%len(c.urls)]+"/v1/events", "POST", service, "", `{"type":"heartbeat","user":"`+user+`"}`, nil)
				if seq != 0 {
					c.acknowledged(user, seq)
					return
				}
				if !c.pause(code) {
					return
				}
			}
		})
	}
	beats.Wait()
}

// TestTortureQuorum takes two of three servers away for longer than the timeout,
// while users beat and somebody reads the live stream. Some users do not try
// before half their time has passed since the recovery.
func TestTortureQuorum(t *testing.T) {
	const timeout, outage = 12 * time.Second, 20 * time.Second
	c := startCluster(t)
	nodes, dirs := c.nodes(3, timeout)
	reading, stop := context.WithCancel(t.Context())
	w := &wanderer{t: t, seen: map[string][]string{}}
	var reader sync.WaitGroup
	reader.Go(func() { w.wander(reading, nodes) })
	t.Cleanup(func() { stop(); reader.Wait() })
	who := gather(t, nodes)
	who.through(20 * time.Second)
	service := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	var late []string
	for i := range 20 {
		late = append(late, fmt.Sprintf("late-%02d", i))
	}
	who.staying = append(who.staying, late...)
	who.all(late, service)
	for _, name := range []string{"nats-1", "nats-2"} {
		c.kill(name)
	}
	timer := time.NewTimer(outage)
	<-timer.C
	for _, name := range []string{"nats-1", "nats-2"} {
		c.start(name)
	}
	before := who.answers.Load()
	within(t, time.Minute, "the first acknowledgement", func() bool { return who.answers.Load() > before })
	timer.Reset(timeout / 2)
	<-timer.C
	who.all(late, service)
	who.through(time.Minute)
	var stats struct{ Users, Online int }
	who.leave()
	within(t, time.Minute, "everybody to go offline, and the reader to see it", func() bool {
		nodes[0].call(service, "GET", "/v1/stats", "", &stats)
		w.mu.Lock()
		defer w.mu.Unlock()
		return stats.Online == 0 && w.gone >= stats.Users
	})
	stop()
	reader.Wait()
	if len(w.seen) != stats.Users {
		t.Errorf("%d users were seen on the stream, of %d", len(w.seen), stats.Users)
	}
	for _, n := range nodes {
		n.stop()
	}
	c.whole(events.StreamHot)
	c.agree(dirs, func(ctx context.Context, d *embedded.Deployment) error {
		if err := who.check(ctx, d); err != nil {
			return err
		}
		return w.compare(d)
	})
}
