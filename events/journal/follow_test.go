package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// TestAFollowerWhoHearsNothingAnyMoreBeginsAgain pauses its consumer, which goes
// on as if the log were silent: so it looks when the client library has not
// noticed that the consumer died with its server.
func TestAFollowerWhoHearsNothingAnyMoreBeginsAgain(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{})
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan uint64, 100)
	journaltest.Run(t, "the follower", func(ctx context.Context) error {
		return j.Follow(ctx, 1, func(batch []journal.Message) error {
			for i := range batch {
				arrived <- batch[i].Seq
			}
			return nil
		})
	})
	var want, got []uint64
	add := func() {
		t.Helper()
		seq, err := j.Beat(t.Context(), beat(fmt.Sprintf("user-%d", len(want))))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, seq)
		for deadline := time.After(20 * time.Second); !slices.Contains(got, seq); {
			select {
			case s := <-arrived:
				got = append(got, s)
			case <-deadline:
				t.Fatalf("%d never arrived", seq)
			}
		}
	}
	add()
	s, err := js.Stream(t.Context(), events.StreamHot)
	if err != nil {
		t.Fatal(err)
	}
	names := s.ConsumerNames(t.Context())
	for name := range names.Name() {
		if _, err := s.PauseConsumer(t.Context(), name, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := names.Err(); err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
		t.Fatal(err)
	}
	add()
	add()
	for i := range got { // marks too: all that the log holds, once
		if got[i] != uint64(i)+1 {
			t.Fatalf("what arrived: %v", got)
		}
	}
}
