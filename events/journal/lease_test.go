package journal_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// candidate is a lease with a connection of its own, running until stopped.
type candidate struct {
	*journal.Lease
	log  *journal.Journal
	nc   *nats.Conn
	held prometheus.Gauge
	stop func()
}

// candidates returns n of them for the lease on timeouts, on one server.
func candidates(t *testing.T, n int) []*candidate {
	s := journaltest.Server(t, t.TempDir())
	var out []*candidate
	for range n {
		out = append(out, newCandidate(t, journaltest.Connect(t, s), events.LeaseTimeouts, nil))
	}
	return out
}

func newCandidate(t *testing.T, nc *nats.Conn, subject string, mono func() int64) *candidate {
	c := &candidate{nc: nc, held: prometheus.NewGauge(prometheus.GaugeOpts{})}
	c.log = journaltest.On(t, nc, journal.Config{Quiet: true, Node: "test"})
	c.Lease = c.log.Lease(subject, mono, c.held)
	return c
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
	var now atomic.Int64
	now.Store(1)
	c := newCandidate(t, journaltest.Connect(t, journaltest.Server(t, t.TempDir())), events.LeaseTimeouts, now.Load)
	c.Step(t.Context())
	if !c.Held() {
		t.Fatal("not held although nobody else is there")
	}
	c.nc.Close()
	now.Add(int64(journal.LeaseTrust))
	c.Step(t.Context())
	if !c.Held() {
		t.Error("given up before its time")
	}
	now.Add(int64(time.Millisecond))
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
	js := streams(t, cs[0].nc)
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
		cs[0].Step(t.Context())
		cs[1].Step(t.Context())
	}
	if !cs[0].Held() || cs[1].Held() {
		t.Fatalf("held: %v and %v, want the first only", cs[0].Held(), cs[1].Held())
	}
	// A holder whose message has gone, as after a pause, begins anew.
	cs[0].Release(t.Context())
	cs[1].Step(t.Context())
	cs[0].SetSeq(1)
	cs[0].Step(t.Context())
	if cs[0].Held() || !cs[1].Held() {
		t.Errorf("held: %v and %v, want the second only", cs[0].Held(), cs[1].Held())
	}
}

// TestTwoLeasesOfOneStreamHaveTheirOwnHolders: who writes timeouts need not be who
// archives, and giving one back leaves the other.
func TestTwoLeasesOfOneStreamHaveTheirOwnHolders(t *testing.T) {
	s := journaltest.Server(t, t.TempDir())
	timeouts := newCandidate(t, journaltest.Connect(t, s), events.LeaseTimeouts, nil)
	archive := newCandidate(t, journaltest.Connect(t, s), events.LeaseArchive, nil)
	both := timeouts.log.Lease(events.LeaseArchive, nil, nil)
	for range 2 {
		timeouts.Step(t.Context())
		archive.Step(t.Context())
		both.Step(t.Context())
	}
	if !timeouts.Held() || !archive.Held() || both.Held() {
		t.Fatalf("held: timeouts %v, archive %v, the archive's second %v", timeouts.Held(), archive.Held(), both.Held())
	}
	timeouts.Release(t.Context())
	archive.Step(t.Context())
	if timeouts.Held() || !archive.Held() {
		t.Errorf("after one was given back: timeouts %v, archive %v", timeouts.Held(), archive.Held())
	}
	archive.Release(t.Context())
	if both.Step(t.Context()); !both.Held() {
		t.Error("the archive's was given back and is not to be had")
	}
}

// TestALeaseNotesItsHolder: its node, and up to where the archive is complete on
// the lease of that, which other nodes believe.
func TestALeaseNotesItsHolder(t *testing.T) {
	s := journaltest.Server(t, t.TempDir())
	nc := journaltest.Connect(t, s)
	j := journaltest.On(t, nc, journal.Config{Quiet: true, Node: "node-7"})
	other := journaltest.On(t, journaltest.Connect(t, s), journal.Config{Quiet: true})
	if got := other.ArchivedUpTo(t.Context()); got != 0 {
		t.Errorf("archived up to %d before anybody has said so", got)
	}
	a := archiver(t, j, nil)
	journaltest.Run(t, "archiver", a.Run)
	seq := put(t, j, login("alice"))
	journaltest.Until(t, "the archiver", func() bool { return a.Copied() == seq.Seq })
	j.Lease(events.LeaseTimeouts, nil, nil).Step(t.Context())
	j.Lease(events.LeaseArchive, nil, nil).Step(t.Context())
	lease := stream(t, nc, events.StreamLease)
	for subject, archived := range map[string]uint64{events.LeaseTimeouts: 0, events.LeaseArchive: seq.Seq} {
		m, err := lease.GetLastMsgForSubject(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		var note struct {
			Node     string
			Archived uint64
		}
		if err := json.Unmarshal(m.Data, &note); err != nil || note.Node != "node-7" || note.Archived != archived {
			t.Errorf("%s says %s, %v", subject, m.Data, err)
		}
		if archived == 0 && strings.Contains(string(m.Data), "archived") {
			t.Errorf("%s says %s", subject, m.Data)
		}
	}
	if got := other.ArchivedUpTo(t.Context()); got != seq.Seq {
		t.Errorf("another node believes that the archive goes up to %d, not %d", got, seq.Seq)
	}
}
