package timeouts

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

func TestAStandbyGoesOnWhereTheHolderDied(t *testing.T) {
	s := journaltest.Server(t, t.TempDir())
	limits := events.Limits{Timeout: 500 * time.Millisecond}
	node := func() (*nats.Conn, *fold, *Consumer) {
		nc := journaltest.Connect(t, s)
		log := journaltest.On(t, nc, journal.Config{})
		f := newFold(t, log, events.Mono)
		c := New(Config{Log: log, Fold: f, Limits: limits})
		journaltest.Run(t, "a consumer", c.Run)
		return nc, f, c
	}
	beat := func(c *Consumer, user string) {
		if _, err := c.log.Beat(t.Context(), events.Beat{User: user, At: events.MillisOf(time.Now())}); err != nil {
			t.Fatal(err)
		}
	}
	dying, followed, first := node()
	beat(first, "bob")
	toEnd(t, first.log, followed)
	journaltest.Until(t, "the first to hold the lease", first.Held)
	_, f, second := node()
	dying.Close()
	beat(second, "alice")
	toEnd(t, second.log, f)
	journaltest.Until(t, "both to be offline and written down", func() bool {
		live, pending := f.count()
		return live == 0 && pending == 0
	})
	same(t, "alice's statuses", f.statuses("alice"), events.StatusOnline, events.StatusOffline)
	if n := len(all(t, second.log, events.Offline)); n != 2 {
		t.Errorf("%d offline events, want bob's and alice's", n)
	}
	if n := testutil.ToFloat64(second.metrics.LeaseHeld); n != 1 {
		t.Errorf("the gauge shows %v, want 1", n)
	}
}

// node is a process of its own, as far as the log and the timeouts are
// concerned.
type node struct {
	conn *nats.Conn
	log  *journal.Journal
	fold *fold
}

// serve starts a node with the name, which writes marks as long as it is
// connected.
func serve(t *testing.T, conn *nats.Conn, name string, timeout time.Duration) *node {
	n := &node{conn: conn, log: journaltest.On(t, conn, journal.Config{Node: name})}
	n.fold = newFold(t, n.log, events.Mono)
	c := New(Config{Log: n.log, Fold: n.fold, Limits: events.Limits{Timeout: timeout}})
	journaltest.Run(t, "the consumer of "+name, c.Run)
	return n
}

func (n *node) beat(t *testing.T, user string) {
	t.Helper()
	if _, err := n.log.Beat(t.Context(), events.Beat{User: user, At: events.MillisOf(time.Now())}); err != nil {
		t.Fatal(err)
	}
}

// What a node would have heard while it was cut off from the log is nobody's
// silence, and neither is what it could not say before it came back.
func TestUsersOfAMissingNodeAreWaitedFor(t *testing.T) {
	t.Parallel()
	const timeout = events.NodeMissing + time.Second
	s := journaltest.Server(t, t.TempDir())
	first := serve(t, journaltest.Connect(t, s), "first", timeout)
	second := serve(t, journaltest.Connect(t, s), "second", timeout)
	first.beat(t, "alice")
	second.beat(t, "bob")
	first.conn.Close() // what it hears now, nobody learns

	journaltest.Until(t, "bob to be offline, whose node hears him not", func() bool { u := second.fold.look("bob"); return !u.Live() && u.ID != "" })
	if u := second.fold.look("alice"); !u.Live() {
		t.Error("alice is offline, though nobody could hear her")
	}

	back := serve(t, journaltest.Connect(t, s), "first", timeout)
	back.beat(t, "carol")
	toEnd(t, back.log, second.fold)
	if u := second.fold.look("alice"); !u.Live() {
		t.Error("alice is offline the moment her node is back")
	}
	journaltest.Until(t, "alice to be offline, whose node is back", func() bool { u := second.fold.look("alice"); return !u.Live() })
}
