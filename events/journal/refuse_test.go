package journal_test

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

func TestARefusalStoresNothingUntilItIsTakenBack(t *testing.T) {
	metrics := journal.NewMetrics()
	j := journaltest.Open(t, journal.Config{Metrics: metrics, Quiet: true})
	seq, err := j.Beat(t.Context(), beat("alice"))
	if err != nil {
		t.Fatal(err)
	}
	j.Refuse(journal.ErrFull)
	if _, err := j.Beat(t.Context(), beat("alice")); !isErr(err, journal.ErrFull) {
		t.Errorf("a beat: %v", err)
	}
	if _, err := j.Append(t.Context(), events.Event{Type: events.Login, User: "alice", At: 1}, noKey); !isErr(err, journal.ErrFull) {
		t.Errorf("a login: %v", err)
	}
	if n := testutil.ToFloat64(metrics.Events.WithLabelValues("login", "full")); n != 1 {
		t.Errorf("%v logins were counted as refused", n)
	}
	if _, last, err := j.Bounds(t.Context()); err != nil || last != seq {
		t.Errorf("the log ends at %d (%v), before the refusal at %d", last, err, seq)
	}
	j.Refuse(nil)
	if next, err := j.Beat(t.Context(), beat("alice")); err != nil || next != seq+1 {
		t.Errorf("after the refusal: %d, %v", next, err)
	}
}

func TestWhoWaitsIsRefusedToo(t *testing.T) {
	j, err := journal.Open(t.Context(), journaltest.Connect(t, journaltest.Server(t, t.TempDir())), journal.Config{Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := j.Submit(events.Event{Type: events.Login, User: "alice", At: 1}, noKey) // Run does not yet
	if err != nil {
		t.Fatal(err)
	}
	j.Refuse(journal.ErrFull)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Wait(t.Context()); !isErr(err, journal.ErrFull) {
		t.Errorf("got %v", err)
	}
}
