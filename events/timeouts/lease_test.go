package timeouts

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// candidate is a lease with a connection of its own, running until stopped.
type candidate struct {
	*Lease
	nc   *nats.Conn
	held prometheus.Gauge
	stop func()
}

// candidates returns n of them on one server.
func candidates(t *testing.T, n int) []*candidate {
	s := journaltest.Server(t, t.TempDir())
	j := journaltest.On(t, journaltest.Connect(t, s), journal.Config{Quiet: true}) // makes the streams
	var out []*candidate
	for range n {
		c := &candidate{nc: journaltest.Connect(t, s), held: prometheus.NewGauge(prometheus.GaugeOpts{})}
		js, err := jetstream.New(c.nc)
		if err != nil {
			t.Fatal(err)
		}
		c.Lease = NewLease(LeaseConfig{JetStream: js, Node: "test", Held: c.held, Restore: func(ctx context.Context) error {
			_, err := j.Mend(ctx)
			return err
		}})
		out = append(out, c)
	}
	return out
}

func (c *candidate) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stopped := false
	c.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-done; err != nil {
				t.Errorf("the lease: %v", err)
			}
		}
	}
	t.Cleanup(c.stop)
}

// holder waits until one of cs holds the lease.
func holder(t *testing.T, cs ...*candidate) (held *candidate) {
	t.Helper()
	journaltest.Until(t, "somebody to hold the lease", func() bool {
		for _, c := range cs {
			if c.Held() {
				held = c
				return true
			}
		}
		return false
	})
	return held
}

func TestTheLeaseIsTakenOverWhenItsHolderDies(t *testing.T) {
	cs := candidates(t, 2)
	cs[0].run(t)
	holder(t, cs[0])
	cs[1].run(t)
	began := time.Now()
	cs[0].nc.Close() // without a word, as after a kill
	for !cs[1].Held() {
		if cs[0].Held() && cs[1].Held() {
			t.Fatal("held twice")
		}
		holder(t, cs...)
	}
	t.Logf("taken over %v after the holder died", time.Since(began).Round(10*time.Millisecond))
	if cs[0].Held() {
		t.Error("the dead holder still believes in its lease")
	}
}

func TestTheLeaseIsTakenOverAtOnceWhenItIsGivenBack(t *testing.T) {
	cs := candidates(t, 2)
	cs[0].run(t)
	holder(t, cs[0])
	journaltest.Until(t, "the gauge to rise", func() bool { return testutil.ToFloat64(cs[0].held) == 1 })
	cs[1].run(t)
	began := time.Now()
	cs[0].stop()
	holder(t, cs[1])
	t.Logf("taken over %v after it was given back", time.Since(began).Round(10*time.Millisecond))
	if cs[0].Held() || testutil.ToFloat64(cs[0].held) != 0 {
		t.Error("held although it was given back")
	}
}

func TestTheLeaseIsLostWhenItCannotBeRenewed(t *testing.T) {
	c := candidates(t, 1)[0]
	w := newWatch()
	c.cfg.Mono = w.Mono
	c.step(t.Context())
	if !c.Held() {
		t.Fatal("not held although nobody else is there")
	}
	c.nc.Close()
	w.pass(leaseTrust)
	c.step(t.Context())
	if !c.Held() {
		t.Error("given up before its time")
	}
	w.pass(time.Millisecond)
	if c.Held() {
		t.Error("held although it could not be renewed")
	}
}

// TestTheLeaseOutlivesItsStream: a server of its own forgets what it has in
// memory when it is restarted, and nobody else would make it anew.
func TestTheLeaseOutlivesItsStream(t *testing.T) {
	cs := candidates(t, 2)
	cs[0].run(t)
	holder(t, cs[0])
	cs[1].run(t)
	js, err := jetstream.New(cs[0].nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), events.StreamLease); err != nil {
		t.Fatal(err)
	}
	journaltest.Until(t, "a lease in a new stream", func() bool {
		s, err := js.Stream(t.Context(), events.StreamLease)
		return err == nil && s.CachedInfo().State.Msgs == 1
	})
	holder(t, cs...)
}

func TestOnlyTheHolderRenews(t *testing.T) {
	cs := candidates(t, 2)
	for range 3 {
		cs[0].step(t.Context())
		cs[1].step(t.Context())
	}
	if !cs[0].Held() || cs[1].Held() {
		t.Fatalf("held: %v and %v, want the first only", cs[0].Held(), cs[1].Held())
	}
	// A holder whose message has gone, as after a pause, begins anew.
	cs[0].release(t.Context())
	cs[1].step(t.Context())
	cs[0].seq = 1
	cs[0].step(t.Context())
	if cs[0].Held() || !cs[1].Held() {
		t.Errorf("held: %v and %v, want the second only", cs[0].Held(), cs[1].Held())
	}
}

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
