package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

func archiver(t testing.TB, j *journal.Journal, gate func() bool) *journal.Archiver {
	t.Helper()
	a, err := j.Archiver(gate)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// archive returns what is in the archive.
func archive(t testing.TB, j *journal.Journal) (got []told) {
	t.Helper()
	if err := j.Archive(t.Context(), journal.Excerpt{}, func(batch []journal.Record) error {
		for i := range batch {
			got = append(got, tellRecord(&batch[i]))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// untilArchived runs archivers of j's log until the archive has the last record
// that is wanted.
func untilArchived(t testing.TB, j *journal.Journal, want []told, archivers ...*journal.Archiver) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, a := range archivers {
		wg.Go(func() {
			if err := a.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	journaltest.Until(t, "the archive", func() bool {
		got, err := j.ArchiveEnd(t.Context())
		return err != nil || !got.Before(want[len(want)-1].Place)
	})
	cancel()
	wg.Wait()
}

// TestOnlyWhatIsOnDiskIsArchived: a copy that outlives its original in a power cut
// would tell of what never happened.
func TestOnlyWhatIsOnDiskIsArchived(t *testing.T) {
	lost := errors.New("the disk is gone")
	asked, fails := 0, true
	j := journaltest.Open(t, journal.Config{Quiet: true, Durable: func() error {
		if asked++; fails {
			return lost
		}
		return nil
	}})
	put(t, j, login("ann"))
	if err := archiver(t, j, nil).Run(t.Context()); !errors.Is(err, lost) || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	if n := len(archive(t, j)); n != 0 {
		t.Errorf("%d events were archived", n)
	}
	fails = false
	journaltest.Run(t, "archiver", archiver(t, j, nil).Run)
	journaltest.Until(t, "the copy", func() bool { return len(archive(t, j)) == 1 })
}

// TestTheArchiveHasEveryEventWithItsOrigin: but heartbeats, void repeats and what
// the service has said twice.
func TestTheArchiveHasEveryEventWithItsOrigin(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{Quiet: true})
	w := newWritten(t, nc)
	k := func(n byte) events.Key { return events.Key{ID: [16]byte{n}, Request: [16]byte{n}} }
	end := func(actor string) events.Event {
		return events.Event{Type: events.Offline, User: "bob", Session: "s", Actor: actor, At: 1_700_000_000_000, Cause: events.CauseTimeout, Judged: 1, JudgedNth: 3}
	}
	online := events.Event{Type: events.Online, User: "bob", Session: "s", Actor: "bob", At: 1_700_000_000_000, Since: 1, By: 1, ByNth: 2}
	other := online
	other.ByNth = 3
	w.put(login("ann"), beat("bob"), beat("bob"), keyed{login("bob"), k(1)}, keyed{login("bob"), k(1)})
	w.put(keyed{login("eve"), k(1)}, keyed{login("eve"), k(2)}, end(events.ServiceActor), end(events.ServiceActor), online, online, other)
	w.put()
	w.put(end(events.ServiceActor), online, unreadable("zoë", 99), []byte{0x0a, 0x07}, login("ann"))
	w.garbage([]byte("no commit"))
	w.put(unreadable("a\n", 1), keyed{beat("kim").Event(), k(3)}, login("ann"), login("ann"))
	untilArchived(t, j, w.archived(), archiver(t, j, nil))
	if diff := cmp.Diff(w.archived(), archive(t, j)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// As any NATS tool sees it.
	var subjects []string
	for _, m := range rawArchive(t, nc) {
		subjects = append(subjects, m.Subject)
		seq, err := strconv.ParseUint(m.Header.Get(events.OriginSeqHeader), 10, 64)
		if err != nil || m.Header.Get(events.OriginTimeHeader) != fmt.Sprint(int64(w.times[seq])) {
			t.Errorf("%s says it is of %v", m.Subject, m.Header)
		}
	}
	want := []string{"presence.user.ann.login", "presence.user.bob.login", "presence.user.eve.login", "presence.user.bob.offline", "presence.user.bob.online",
		"presence.user.bob.online", "presence.user.zo%C3%AB.entry", "presence.user.~unreadable.entry", "presence.user.ann.login",
		"presence.user.~unreadable.entry", "presence.user.~unreadable.entry", "presence.user.ann.login", "presence.user.ann.login"}
	if diff := cmp.Diff(want, subjects); diff != "" {
		t.Errorf("subjects (-want +got):\n%s", diff)
	}
}

// rawArchive returns the archive's messages, with their origin only.
func rawArchive(t testing.TB, nc *nats.Conn) (got []*nats.Msg) {
	t.Helper()
	s := stream(t, nc, events.StreamArchive)
	for next := s.CachedInfo().State.FirstSeq; ; {
		m, err := s.GetMsg(t.Context(), next, jetstream.WithGetMsgSubject(">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		msg := nats.NewMsg(m.Subject)
		msg.Data = m.Data
		for _, h := range []string{events.OriginSeqHeader, events.OriginNthHeader, events.OriginTimeHeader, events.OriginAtHeader, events.OriginWholeHeader} {
			if v := m.Header.Get(h); v != "" {
				msg.Header[h] = []string{v}
			}
		}
		got = append(got, msg)
		next = m.Sequence + 1
	}
}

// TestArchivingGoesOnExactlyAfterTheLastRecord, wherever it was cut off: the
// archive is made to end at each of its records in turn.
func TestArchivingGoesOnExactlyAfterTheLastRecord(t *testing.T) {
	s := journaltest.Server(t, t.TempDir())
	nc := journaltest.Connect(t, s)
	j := journaltest.On(t, nc, journal.Config{Quiet: true})
	second := journaltest.On(t, journaltest.Connect(t, s), journal.Config{Quiet: true})
	w := newWritten(t, nc)
	rng := rand.New(rand.NewPCG(7, 7))
	for range 14 {
		w.random(rng)
	}
	w.put(login("last"), beat("alice"), login("last"))
	want := w.archived()
	untilArchived(t, j, want, archiver(t, j, nil))
	whole := rawArchive(t, nc)
	if len(whole) != len(want) {
		t.Fatalf("%d records, want %d", len(whole), len(want))
	}
	js, kept := streams(t, nc), stream(t, nc, events.StreamArchive)
	for cut := range len(whole) + 1 {
		if err := kept.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, m := range whole[:cut] {
			if _, err := js.PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		archivers := []*journal.Archiver{archiver(t, j, nil)}
		if cut%2 == 1 {
			archivers = append(archivers, archiver(t, second, nil))
		}
		untilArchived(t, j, want, archivers...)
		if diff := cmp.Diff(want, archive(t, j)); diff != "" {
			t.Fatalf("cut off after %d records (-want +got):\n%s", cut, diff)
		}
	}
}

// TestArchiversThatAreKilledLoseDoubleAndSwapNothing: two at once, whose
// connections are cut again and again while much is on its way.
func TestArchiversThatAreKilledLoseDoubleAndSwapNothing(t *testing.T) {
	s := journaltest.Server(t, t.TempDir())
	nc := journaltest.Connect(t, s)
	j := journaltest.On(t, nc, journal.Config{Quiet: true})
	w := newWritten(t, nc)
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range 12 {
		var entries []any
		for n := range 700 {
			if n%7 == 0 {
				entries = append(entries, beat("bob"))
				continue
			}
			entries = append(entries, keyed{login(fmt.Sprintf("user-%d", n)), events.Key{ID: [16]byte{1, byte(i), byte(n), byte(n >> 8)}}})
		}
		w.put(entries...)
		w.put(slices.Clone(entries[:50])...) // void
	}
	want := w.archived()
	kept := stream(t, nc, events.StreamArchive)
	count := func() int {
		info, err := kept.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return int(info.State.Msgs)
	}
	inside := 0
	for n := 0; n < len(want); {
		before := n
		next := min(n+1+rng.IntN(900), len(want))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var conns []*nats.Conn
		for range 2 {
			conn := journaltest.Connect(t, s)
			other, err := journal.Open(t.Context(), conn, journal.Config{Quiet: true, AckTimeout: 200 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			a := archiver(t, other, nil)
			conns = append(conns, conn)
			wg.Go(func() {
				for ctx.Err() == nil && !conn.IsClosed() {
					_ = a.Run(ctx) // it may have been cut off
				}
			})
		}
		journaltest.Until(t, "more to be archived", func() bool { return count() >= next })
		for _, conn := range conns {
			conn.Close()
		}
		cancel()
		wg.Wait()
		if n = count(); n > len(want) || n < before {
			t.Fatalf("%d records after %d, of %d", n, before, len(want))
		}
		if n < len(want) && want[n].Place.Seq == want[n-1].Place.Seq {
			inside++
		}
	}
	untilArchived(t, j, want, archiver(t, j, nil))
	if diff := cmp.Diff(want, archive(t, j)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	t.Logf("cut off inside a commit %d times", inside)
}

// TestAClosedGateStopsTheArchiver, and it goes on where it opens again.
func TestAClosedGateStopsTheArchiver(t *testing.T) {
	a := openAudited(t)
	first := put(t, a.Journal, login("alice"))
	a.copied(first.Seq)
	a.open.Store(false)
	put(t, a.Journal, login("bob")) // by this it notices
	third := put(t, a.Journal, login("carol"))
	if got, err := a.ArchiveEnd(t.Context()); err != nil || got != first {
		t.Errorf("the archive ends at %s, %v, want %s", got, err, first)
	}
	a.open.Store(true)
	a.copied(third.Seq)
	if got := archive(t, a.Journal); len(got) != 3 || got[1].User != "bob" {
		t.Errorf("archived %+v", got)
	}
}

// TestAnArchiveAheadOfItsLogIsSaid and nothing is written to it.
func TestAnArchiveAheadOfItsLogIsSaid(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{Quiet: true})
	seq := put(t, j, login("alice")).Seq
	m := nats.NewMsg("presence.user.bob.login")
	m.Header.Set(events.OriginSeqHeader, fmt.Sprint(seq+1))
	m.Header.Set(events.OriginTimeHeader, "1700000000000")
	if _, err := streams(t, nc).PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if err := archiver(t, j, nil).Run(t.Context()); !errors.Is(err, journal.ErrAhead) {
		t.Errorf("got %v", err)
	}
	if n := len(rawArchive(t, nc)); n != 1 {
		t.Errorf("%d records", n)
	}
}

// TestARepeatCountsAgainOnceItsKeyIsForgotten, which is a matter of covered time:
// an outage takes nothing of the two minutes. It goes on so for an archiver that
// begins in between.
func TestARepeatCountsAgainOnceItsKeyIsForgotten(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{Quiet: true})
	w := newWritten(t, nc)
	same := keyed{login("alice"), events.Key{ID: [16]byte{1}}}
	over := events.Event{Type: events.Offline, User: "bob", Session: "s", Actor: events.ServiceActor, At: 1, Cause: events.CauseTimeout, Judged: 1}
	at := map[uint64]events.Millis{}
	now := events.Millis(1_700_000_000_000)
	pass := func(d events.Millis, entries ...any) uint64 {
		now += d
		seq := w.put(entries...)
		at[seq] = now
		return seq
	}
	first := pass(0, same, over)
	for range 11 {
		pass(10_000)
	}
	pass(600_000, same, over)      // ten minutes in which nobody was heard: 110 s are covered
	pass(9_999, same)              // 119.999 s
	second := pass(1, same, over)  // 120 s
	pass(1, same)                  // void by the second
	last := pass(1, login("last")) // what the archive ends with
	j.SetClock(func(seq uint64) events.Millis { return at[seq] })
	want := []events.Place{{Seq: first}, {Seq: first, Nth: 1}, {Seq: second}, {Seq: last}}
	for cut := range 4 {
		kept := stream(t, nc, events.StreamArchive)
		whole := rawArchive(t, nc)
		if err := kept.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, m := range whole[:min(cut, len(whole))] {
			if _, err := streams(t, nc).PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		untilArchived(t, j, []told{{Place: events.Place{Seq: last}}}, archiver(t, j, nil))
		var got []events.Place
		for _, r := range archive(t, j) {
			if r.Place != (events.Place{Seq: second, Nth: 1}) { // what the service says twice may be there again after a while
				got = append(got, r.Place)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cut off after %d records (-want +got):\n%s", cut, diff)
		}
	}
}

// TestAnOutageMakesNoRepeatCount for an archiver, a view and a reader that begin
// after it: the two minutes for which a key is known are covered time, and before
// an outage there may be much of them left.
func TestAnOutageMakesNoRepeatCount(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{Quiet: true, Lookback: 5 * time.Second})
	w := newWritten(t, nc)
	same := keyed{login("alice"), events.Key{ID: [16]byte{1}}}
	clock := func(seq uint64) events.Millis {
		at := events.Millis(1_700_000_000_000 + seq*1000)
		if seq > 30 {
			at += 3_600_000
		}
		return at
	}
	for i := range 60 {
		switch i {
		case 10: // 39 s of covered time before the repeat
			w.put(same)
		case 50:
			w.put(same, login("bob"))
		default:
			w.put(login("carol"))
		}
	}
	w.publish(events.AppendCommit(nil, 1, "test", 60))
	j.SetClock(clock)
	untilArchived(t, j, w.archived(), archiver(t, j, nil))
	whole := rawArchive(t, nc)
	if err := stream(t, nc, events.StreamArchive).Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range whole[:45] {
		if _, err := streams(t, nc).PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	x := journal.Excerpt{From: events.Place{Seq: 46}, Unarchived: true}
	var read []told
	if err := j.Archive(t.Context(), x, func(batch []journal.Record) error {
		for i := range batch {
			read = append(read, tellRecord(&batch[i]))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(read, func(r told) bool { return r.Place == events.Place{Seq: 51} }) {
		t.Error("a reader of the hot stream is told of the repeat")
	}
	untilArchived(t, j, w.archived(), archiver(t, j, nil))
	if slices.ContainsFunc(archive(t, j), func(r told) bool { return r.Place == events.Place{Seq: 51} }) {
		t.Error("the repeat was archived")
	}
	if h, err := j.Horizon(t.Context(), 0); err != nil || h.Seq <= 51 || h.Lead > 11 {
		t.Errorf("a view begins at %+v, %v, and does not see the key's first", h, err)
	}
}
