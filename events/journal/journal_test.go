package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func login(user string) events.Event {
	return events.Event{Type: events.Login, User: user, Session: "s", Actor: user, At: 1_700_000_000_000}
}

func beat(user string) events.Beat {
	return events.Beat{User: user, Session: "s", Actor: user, At: 1_700_000_000_000}
}

// all returns what stands in the log, marks left out.
func all(t *testing.T, j *journal.Journal, s journal.Stretch) []journal.Message {
	t.Helper()
	var got []journal.Message
	if err := j.Read(t.Context(), s, func(batch []journal.Message) error {
		for _, m := range batch {
			if m.Subject != events.AliveSubject {
				got = append(got, m)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func end(t *testing.T, j *journal.Journal) uint64 {
	t.Helper()
	_, last, err := j.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func TestEveryCallerGetsHisOwnPlaceInTheLog(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	const callers, each = 64, 20
	var (
		mu   sync.Mutex
		seqs = map[string]uint64{} // id → acknowledged sequence
		wg   sync.WaitGroup
	)
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				user := fmt.Sprintf("u%d-%d", c, i)
				var seq uint64
				var err error
				if i%2 == 0 {
					var ack journal.Ack
					ack, err = j.Append(t.Context(), login(user), journal.Key{})
					seq = ack.Seq
				} else {
					seq, err = j.Beat(t.Context(), beat(user))
				}
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				seqs[user] = seq
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	found := map[string]uint64{}
	var b events.Batch
	for _, m := range all(t, j, journal.Stretch{To: end(t, j)}) {
		if m.Subject != events.HeartbeatSubject {
			e, err := events.Decode(m.Data)
			if err != nil {
				t.Fatal(err)
			}
			found[e.User] = m.Seq
			continue
		}
		if err := b.Decode(m.Data); err != nil {
			t.Fatal(err)
		}
		for i := range b.Beats {
			found[string(b.Beats[i].User)] = m.Seq
		}
	}
	if diff := cmp.Diff(seqs, found); diff != "" {
		t.Errorf("acknowledged (-) and logged (+) differ:\n%s", diff)
	}
}

func TestAUsersEventsKeepTheirOrder(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	var want []string
	var receipts []*journal.Receipt
	for i := range 3000 {
		e := login("alice")
		switch i % 3 {
		case 1:
			e.Type = events.Heartbeat
		case 2:
			e.Type = events.Logout
		}
		e.At += events.Millis(i)
		want = append(want, fmt.Sprintf("%s %d", e.Type, e.At))
		r, err := j.Submit(e, journal.Key{})
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	var last uint64
	for i, r := range receipts {
		ack, err := r.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if ack.Seq < last || ack.Seq == last && i%3 != 1 {
			t.Fatalf("event %d stands at %d, the one before it at %d", i, ack.Seq, last)
		}
		last = ack.Seq
	}
	var got []string
	var b events.Batch
	for _, m := range all(t, j, journal.Stretch{To: end(t, j)}) {
		if m.Subject == events.HeartbeatSubject {
			if err := b.Decode(m.Data); err != nil {
				t.Fatal(err)
			}
			for i := range b.Beats {
				got = append(got, fmt.Sprintf("%s %d", events.Heartbeat, b.Beats[i].At))
			}
			continue
		}
		e, err := events.Decode(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %d", e.Type, e.At))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestARepeatUnderTheSameKeyAddsNothing(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	key := journal.Key{ID: "k1", Digest: "d1"}
	first, err := j.Append(t.Context(), login("alice"), key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := j.Append(t.Context(), login("alice"), key)
	if err != nil {
		t.Fatal(err)
	}
	if again.Seq != first.Seq || !again.Duplicate {
		t.Errorf("repeat: %+v, first: %+v", again, first)
	}
	if _, err := j.Append(t.Context(), login("alice"), journal.Key{ID: "k1", Digest: "d2"}); !isErr(err, journal.ErrConflict) {
		t.Errorf("another request under the same key: %v", err)
	}
	hb := login("alice")
	hb.Type = events.Heartbeat
	one, err := j.Append(t.Context(), hb, journal.Key{ID: "k2"})
	if err != nil {
		t.Fatal(err)
	}
	two, err := j.Append(t.Context(), hb, journal.Key{ID: "k2"})
	if err != nil || two.Seq != one.Seq {
		t.Errorf("repeated heartbeat: %+v %v, first %+v", two, err, one)
	}
	if n := len(all(t, j, journal.Stretch{To: end(t, j)})); n != 2 {
		t.Errorf("%d messages in the log, want 2", n)
	}
}

func TestAKnownKeyInABatchLeavesTheOthersAlone(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	first, err := j.Append(t.Context(), login("u5"), journal.Key{ID: "key-5"})
	if err != nil {
		t.Fatal(err)
	}
	var receipts []*journal.Receipt
	for i := range 50 {
		r, err := j.Submit(login(fmt.Sprintf("u%d", i)), journal.Key{ID: fmt.Sprintf("key-%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	for i, r := range receipts {
		ack, err := r.Wait(t.Context())
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if dup := i == 5; ack.Duplicate != dup || dup && ack.Seq != first.Seq {
			t.Errorf("%d: %+v", i, ack)
		}
	}
	if n := len(all(t, j, journal.Stretch{To: end(t, j)})); n != 50 {
		t.Errorf("%d messages in the log, want 50", n)
	}
}

// TestOnlyWhatIsOnDiskIsCopied: a copy that outlives its original in a power cut
// would tell of what never happened.
func TestOnlyWhatIsOnDiskIsCopied(t *testing.T) {
	lost := errors.New("the disk is gone")
	asked, fails := 0, true
	j := journaltest.Open(t, journal.Config{Durable: func() error {
		if asked++; fails {
			return lost
		}
		return nil
	}})
	if _, err := j.Append(t.Context(), login("ann"), journal.Key{}); err != nil {
		t.Fatal(err)
	}
	if err := j.Archiver().Run(t.Context()); !errors.Is(err, lost) || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	to := end(t, j)
	if n := len(all(t, j, journal.Stretch{Audit: true, To: to})); n != 0 {
		t.Errorf("%d events were copied", n)
	}
	fails = false
	journaltest.Run(t, "archiver", j.Archiver().Run)
	journaltest.Until(t, "the copy", func() bool { return len(all(t, j, journal.Stretch{Audit: true, To: to})) == 1 })
}

func TestAuditIsACopyWithItsOrigin(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	a := j.Archiver()
	journaltest.Run(t, "archiver", a.Run)
	// A second archiver does no harm; it may give up when the first is faster.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = j.Archiver().Run(ctx)
		}
	}()
	for i := range 300 {
		user := fmt.Sprintf("user %d", i)
		if _, err := j.Append(t.Context(), login(user), journal.Key{}); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Beat(t.Context(), beat(user)); err != nil {
			t.Fatal(err)
		}
	}
	to := end(t, j)
	journaltest.Until(t, "the copy", func() bool {
		n := 0
		for range all(t, j, journal.Stretch{Audit: true, To: to}) {
			n++
		}
		return n >= 300
	})
	cancel()
	<-done
	var want []journal.Message
	for _, m := range all(t, j, journal.Stretch{To: to}) {
		if m.Subject != events.HeartbeatSubject {
			want = append(want, m)
		}
	}
	got := all(t, j, journal.Stretch{Audit: true, To: to})
	for i := range got {
		got[i].Behind = 0
	}
	for i := range want {
		want[i].Behind = 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-) and audit (+) differ:\n%s", diff)
	}
}

func TestALogThatAViewHasSeenIsNotMadeAnew(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	if _, err := journal.Open(t.Context(), nc, journal.Config{Seen: true}); !isErr(err, journal.ErrMissing) {
		t.Fatalf("got %v", err)
	}
}

func TestAStreamOfOthersIsNotTouched(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: events.StreamHot, Subjects: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(t.Context(), nc, journal.Config{}); !isErr(err, journal.ErrMismatch) {
		t.Fatalf("got %v", err)
	}
}

func TestAFullLogSaysSo(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{})
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), events.StreamHot)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.Discard, cfg.MaxMsgs = jetstream.DiscardNew, int64(s.CachedInfo().State.Msgs)+5
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err = j.Beat(t.Context(), beat("alice")); err != nil {
			break
		}
	}
	if !isErr(err, journal.ErrFull) {
		t.Fatalf("got %v", err)
	}
	if !isErr(j.Trouble(), journal.ErrFull) {
		t.Errorf("trouble is %v", j.Trouble())
	}
	cfg.MaxMsgs = -1
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Beat(t.Context(), beat("alice")); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := j.Trouble(); err != nil {
		t.Errorf("trouble with room again: %v", err)
	}
}

func TestALostLogIsUnavailable(t *testing.T) {
	s := journaltest.Server(t, t.TempDir())
	j := journaltest.On(t, journaltest.Connect(t, s), journal.Config{})
	if _, err := j.Beat(t.Context(), beat("alice")); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	s.WaitForShutdown()
	_, err := j.Beat(t.Context(), beat("alice"))
	if !isErr(err, journal.ErrUnavailable) && !isErr(err, journal.ErrSlow) {
		t.Fatalf("got %v", err)
	}
}

func TestMoreThanTheQueueHoldsIsShed(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j, err := journal.Open(t.Context(), nc, journal.Config{QueueLimit: 10}) // nobody commits
	if err != nil {
		t.Fatal(err)
	}
	hb := login("alice")
	hb.Type = events.Heartbeat
	for range 10 {
		if _, err := j.Submit(hb, journal.Key{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Submit(hb, journal.Key{}); !isErr(err, journal.ErrOverloaded) {
		t.Fatalf("got %v", err)
	}
}

func TestHostileIDsStayInTheirSubject(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	users := []string{"*", ">", "a.b", "../x", "$JS.API.STREAM.DELETE.PRESENCE", " ", "ü😀"}
	for _, u := range users {
		if _, err := j.Append(t.Context(), login(u), journal.Key{}); err != nil {
			t.Fatalf("%q: %v", u, err)
		}
	}
	for _, u := range users {
		got := all(t, j, journal.Stretch{To: end(t, j), Subjects: []string{events.UserFilter(u)}})
		if len(got) != 1 {
			t.Fatalf("%q addresses %d messages", u, len(got))
		}
		if user, typ, err := events.ParseSubject(got[0].Subject); err != nil || user != u || typ != events.Login {
			t.Errorf("%q: parsed %q %q %v", u, user, typ, err)
		}
	}
}

func TestFollowGoesOnOverALostConnection(t *testing.T) {
	s := journaltest.Server(t, t.TempDir())
	nc := journaltest.Connect(t, s)
	j := journaltest.On(t, nc, journal.Config{})
	seen := make(chan uint64, 1000)
	journaltest.Run(t, "follow", func(ctx context.Context) error {
		return j.Follow(ctx, 1, func(batch []journal.Message) error {
			for _, m := range batch {
				seen <- m.Seq
			}
			return nil
		})
	})
	wait := func(seq uint64) {
		for got := range seen {
			if got == seq {
				return
			}
		}
	}
	seq, err := j.Beat(t.Context(), beat("alice"))
	if err != nil {
		t.Fatal(err)
	}
	wait(seq)
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	journaltest.Until(t, "the connection", func() bool { return nc.Status() == nats.CONNECTED })
	journaltest.Until(t, "an acknowledgement", func() bool {
		seq, err = j.Beat(t.Context(), beat("alice"))
		return err == nil
	})
	wait(seq)
}
