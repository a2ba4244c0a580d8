package journal_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// audited is a log with an archiver.
type audited struct {
	*journal.Journal
	t    testing.TB
	nc   *nats.Conn
	arch *journal.Archiver
	open atomic.Bool // the archiver's gate
	stop func()
}

// openAudited returns one whose archiver is at work.
func openAudited(t testing.TB) *audited {
	a := auditedOn(t, journaltest.Connect(t, journaltest.Server(t, t.TempDir())), journal.Config{Quiet: true})
	a.run()
	return a
}

func auditedOn(t testing.TB, nc *nats.Conn, cfg journal.Config) *audited {
	a := &audited{Journal: journaltest.On(t, nc, cfg), t: t, nc: nc, stop: func() {}}
	a.open.Store(true)
	a.arch = archiver(t, a.Journal, a.open.Load)
	t.Cleanup(func() { a.stop() })
	return a
}

// run lets the archiver run until stop.
func (a *audited) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.arch.Run(ctx) }()
	a.stop = func() {
		cancel()
		if err := <-done; err != nil {
			a.t.Errorf("the archiver: %v", err)
		}
		a.stop = func() {}
	}
}

// copied waits until everything up to seq that belongs there is in the archive.
func (a *audited) copied(seq uint64) {
	a.t.Helper()
	journaltest.Until(a.t, fmt.Sprintf("the archive to have everything up to %d", seq), func() bool { return a.arch.Copied() >= seq })
}

// cut makes the hot stream begin at seq, once everything before is archived.
func (a *audited) cut(seq uint64) {
	a.t.Helper()
	a.copied(seq - 1)
	if err := stream(a.t, a.nc, events.StreamHot).Purge(a.t.Context(), jetstream.WithPurgeSequence(seq)); err != nil {
		a.t.Fatal(err)
	}
}

// write appends n logins of ten users, each followed by a heartbeat, and
// returns the logins' places.
func (a *audited) write(n int) (logins []events.Place) {
	a.t.Helper()
	var receipts []*journal.Receipt
	for i := range n {
		for _, typ := range []events.Type{events.Login, events.Heartbeat} {
			e := login(fmt.Sprintf("user-%d", i%10))
			e.Type = typ
			r, err := a.Submit(e, noKey)
			if err != nil {
				a.t.Fatal(err)
			}
			receipts = append(receipts, r)
		}
	}
	for i, r := range receipts {
		if _, err := r.Wait(a.t.Context()); err != nil {
			a.t.Fatal(err)
		}
		if i%2 == 0 {
			logins = append(logins, r.Place(0))
		}
	}
	return logins
}

// records returns what q asks for.
func (a *audited) records(q journal.AuditQuery) (got []journal.Record) {
	a.t.Helper()
	if err := a.Audit(a.t.Context(), q, func(batch []journal.Record) error {
		got = append(got, batch...)
		return nil
	}); err != nil {
		a.t.Fatal(err)
	}
	return got
}

func (a *audited) read(q journal.AuditQuery) (places []events.Place) {
	a.t.Helper()
	for _, r := range a.records(q) {
		places = append(places, r.Place)
	}
	return places
}
