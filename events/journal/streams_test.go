package journal_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

func TestALogThatAViewHasSeenIsNotMadeAnew(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	if _, err := journal.Open(t.Context(), nc, journal.Config{Seen: true}); !isErr(err, journal.ErrMissing) {
		t.Fatalf("got %v", err)
	}
}

// TestALogThatCannotBeWorkedWithIsNotTouched: another's stream, one from which
// the broker takes by age, one that drops its oldest when it is full.
func TestALogThatCannotBeWorkedWithIsNotTouched(t *testing.T) {
	ours := []string{events.LogSubject}
	for name, cfg := range map[string]jetstream.StreamConfig{
		"of others":     {Subjects: []string{"x"}, Discard: jetstream.DiscardNew},
		"in memory":     {Subjects: ours, Discard: jetstream.DiscardNew, Storage: jetstream.MemoryStorage},
		"by age":        {Subjects: ours, Discard: jetstream.DiscardNew, MaxAge: time.Hour},
		"drops the old": {Subjects: ours, Discard: jetstream.DiscardOld},
		"a work queue":  {Subjects: ours, Discard: jetstream.DiscardNew, Retention: jetstream.WorkQueuePolicy},
	} {
		t.Run(name, func(t *testing.T) {
			nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
			cfg.Name = events.StreamHot
			made, err := streams(t, nc).CreateStream(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := journal.Open(t.Context(), nc, journal.Config{Own: true}); !isErr(err, journal.ErrMismatch) {
				t.Fatalf("got %v", err)
			}
			after := stream(t, nc, events.StreamHot).CachedInfo()
			if was := made.CachedInfo(); after.Config.MaxAge != was.Config.MaxAge || after.Config.Discard != was.Config.Discard || !after.Created.Equal(was.Created) {
				t.Errorf("it was %+v, and is %+v", was.Config, after.Config)
			}
		})
	}
}

// TestALogOfTheFormBeforeIsRefused says what it is, and what to do.
func TestALogOfTheFormBeforeIsRefused(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	if _, err := streams(t, nc).CreateStream(t.Context(), jetstream.StreamConfig{Name: events.StreamHot, AllowAtomicPublish: true, MaxAge: 6 * time.Hour,
		Subjects: []string{"presence.user.>", "presence.heartbeats", "presence.alive"}}); err != nil {
		t.Fatal(err)
	}
	_, err := journal.Open(t.Context(), nc, journal.Config{})
	if !isErr(err, journal.ErrMismatch) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{events.StreamHot, "form of the log", "one message an event", "empty data directory", "import"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestTheHotStreamKeepsOneSubjectAndNoAge(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	journaltest.On(t, nc, journal.Config{})
	info := stream(t, nc, events.StreamHot).CachedInfo().Config
	if len(info.Subjects) != 1 || info.Subjects[0] != events.LogSubject || info.MaxAge != 0 || info.Discard != jetstream.DiscardNew || !info.DenyDelete {
		t.Errorf("%+v", info)
	}
	if archive := stream(t, nc, events.StreamArchive).CachedInfo().Config; archive.MaxAge != 8760*time.Hour || !archive.DenyDelete {
		t.Errorf("%+v", archive)
	}
}

// TestTheArchivesRetentionFollowsWhereTheBrokerIsOurs, and is left as it is
// elsewhere.
func TestTheArchivesRetentionFollowsWhereTheBrokerIsOurs(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	for _, test := range []struct {
		own        bool
		asked, got time.Duration
	}{{true, 0, 8760 * time.Hour}, {false, 24 * time.Hour, 8760 * time.Hour}, {true, 24 * time.Hour, 24 * time.Hour}} {
		if _, err := journal.Open(t.Context(), nc, journal.Config{Own: test.own, AuditRetention: test.asked}); err != nil {
			t.Fatal(err)
		}
		if got := stream(t, nc, events.StreamArchive).CachedInfo().Config.MaxAge; got != test.got {
			t.Errorf("own %v, asked for %v: %v", test.own, test.asked, got)
		}
	}
}

func TestAForgottenLeaseIsMadeAnew(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{Quiet: true})
	seq, err := j.Beat(t.Context(), beat("alice"))
	if err != nil {
		t.Fatal(err)
	}
	js := streams(t, nc)
	for range 2 { // the second time it is there
		if last, err := j.Mend(t.Context()); err != nil || last != seq {
			t.Fatalf("mended: %d, %v", last, err)
		}
		if _, err := js.Stream(t.Context(), events.StreamLease); err != nil {
			t.Fatal(err)
		}
		if err := js.DeleteStream(t.Context(), events.StreamLease); err != nil {
			t.Fatal(err)
		}
	}
	if err := js.DeleteStream(t.Context(), events.StreamHot); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Mend(t.Context()); err == nil {
		t.Error("a log that is gone was mended")
	}
}

// TestAnArchiveThatIsGoneIsFilledAgainOrMissed: while the log has all that was in
// it, it is made again; later that must be accepted.
func TestAnArchiveThatIsGoneIsFilledAgainOrMissed(t *testing.T) {
	x := newTrimmed(t, 20, true)
	x.run()
	x.copied(20 + tail)
	js, err := jetstream.New(x.nc)
	if err != nil {
		t.Fatal(err)
	}
	lose := func() {
		t.Helper()
		x.stop()
		if err := js.DeleteStream(t.Context(), events.StreamArchive); err != nil {
			t.Fatal(err)
		}
	}
	reopen := func(accept bool) (*journal.Journal, error) {
		return journal.Open(t.Context(), x.nc, journal.Config{Quiet: true, AcceptLoss: accept})
	}
	want := len(x.records(journal.AuditQuery{}))
	lose()
	again, err := reopen(false)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(archiveAll(t, again)); got != want {
		t.Errorf("%d records after it was filled again, want %d", got, want)
	}
	if err := stream(t, x.nc, events.StreamHot).Purge(t.Context(), jetstream.WithPurgeSequence(5)); err != nil {
		t.Fatal(err)
	}
	lose()
	if _, err := reopen(false); !errors.Is(err, journal.ErrMissing) || !strings.Contains(err.Error(), "--accept-loss") {
		t.Errorf("with a part of it trimmed: %v", err)
	}
	if _, err := reopen(true); err != nil {
		t.Errorf("where that is accepted: %v", err)
	}
}

// TestAnArchiveAheadOfTheLogIsRefused: a backup of the two in the wrong order.
func TestAnArchiveAheadOfTheLogIsRefused(t *testing.T) {
	x := newTrimmed(t, 20, true)
	x.run()
	x.copied(20 + tail)
	x.stop()
	js, err := jetstream.New(x.nc)
	if err != nil {
		t.Fatal(err)
	}
	hot := stream(t, x.nc, events.StreamHot).CachedInfo().Config
	if err := js.DeleteStream(t.Context(), events.StreamHot); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), hot); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(t.Context(), x.nc, journal.Config{Quiet: true}); !errors.Is(err, journal.ErrAhead) {
		t.Errorf("got %v", err)
	}
}

// archiveAll archives what j has and returns it.
func archiveAll(t *testing.T, j *journal.Journal) (all []journal.Record) {
	t.Helper()
	a, err := j.Archiver(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, last, err := j.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	journaltest.Until(t, "the archive", func() bool { return a.Copied() >= last })
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := j.Archive(t.Context(), journal.Excerpt{}, func(batch []journal.Record) error {
		all = append(all, batch...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
