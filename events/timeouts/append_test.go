package timeouts

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// room makes the log take n more messages and then be full; negative: no bound.
func (r *rig) room(t testing.TB, n int64) {
	t.Helper()
	js, err := jetstream.New(r.nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), events.StreamHot)
	if err != nil {
		t.Fatal(err)
	}
	info := s.CachedInfo()
	info.Config.MaxMsgs = -1
	if n >= 0 {
		info.Config.MaxMsgs = int64(info.State.Msgs) + n
	}
	if _, err := js.UpdateStream(t.Context(), info.Config); err != nil {
		t.Fatal(err)
	}
}

// crowded is a rig on whose log n users are, in commits of some forty entries.
func crowded(t testing.TB, n int) *rig {
	r := newRigOn(t, journal.Config{MaxCommit: 4096})
	appendBeats(t, r.log, n)
	if err := r.consumer.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// due lets the timeout pass and returns the ends that c would write.
func (r *rig) due(t testing.TB, c *Consumer) []ending {
	t.Helper()
	if err := c.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.turn()
	endings, more := c.take(false)
	if more {
		t.Fatal("more is due than goes into one window")
	}
	return endings
}

// TestTwoConsumersThatWriteTheSameEndsMakeOneChangeEach: they judge by the same
// state, and neither sees what the other one writes.
func TestTwoConsumersThatWriteTheSameEndsMakeOneChangeEach(t *testing.T) {
	const users = 500
	r := crowded(t, users)
	other := newFold(t, r.log, r.Mono)
	second := New(Config{Log: r.log, Fold: other, Unleased: true, Now: r.Now, Mono: r.Mono, Limits: r.consumer.cfg.Limits})
	if err := second.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.pass(shortTimeout + 30*time.Millisecond)
	one, two := r.due(t, r.consumer), r.due(t, second)
	if len(one) != users || len(two) != users {
		t.Fatalf("%d and %d are due, want %d", len(one), len(two), users)
	}
	done := make(chan error, 2)
	go func() { _, err := r.consumer.append(t.Context(), one); done <- err }()
	go func() { _, err := second.append(t.Context(), two); done <- err }()
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n := len(all(t, r.log, events.Offline)); n != 2*users {
		t.Fatalf("%d ends in the log, want each of %d twice", n, users)
	}
	for _, f := range []*fold{r.fold, other} {
		toEnd(t, r.log, f)
		for i := range users {
			same(t, name(i), f.statuses(name(i)), events.StatusOnline, events.StatusOffline)
		}
		if live, _ := f.count(); live != 0 {
			t.Errorf("%d are live", live)
		}
	}
}

// TestEndsThatFailedInTheMiddleAreTriedAgain: the log is full after some of
// them, and has room again later.
func TestEndsThatFailedInTheMiddleAreTriedAgain(t *testing.T) {
	const users = 500
	r := crowded(t, users)
	if _, err := r.consumer.Emit(t.Context()); err != nil { // the witnesses
		t.Fatal(err)
	}
	r.settled(t)
	r.pass(shortTimeout + 30*time.Millisecond)
	endings := r.due(t, r.consumer)
	if len(endings) != users {
		t.Fatalf("%d are due, want %d", len(endings), users)
	}
	r.room(t, 3)
	stored, err := r.consumer.append(t.Context(), endings)
	if !errors.Is(err, journal.ErrFull) || stored == 0 || stored == users {
		t.Fatalf("stored %d, %v; want some, and that the log is full", stored, err)
	}
	got := all(t, r.log, events.Offline)
	if len(got) != stored {
		t.Fatalf("%d ends in the log, %d are said to be", len(got), stored)
	}
	for i := range got {
		if got[i].User != endings[i].event.User {
			t.Fatalf("end %d is %s's, want %s's", i, got[i].User, endings[i].event.User)
		}
	}
	counted(t, "timeouts", r.consumer.metrics.Fired.WithLabelValues("timeout"), float64(stored))

	r.room(t, -1)
	toEnd(t, r.log, r.fold)
	// Each is found again a second later, and the log has gone on until then.
	r.pass(shortTimeout + 2*time.Second)
	r.fold.Locked(func(uint64, events.Clock, int64) {
		r.fold.clock.Covered += (shortTimeout + 2*time.Second).Milliseconds()
	})
	r.run(t)
	journaltest.Until(t, "all to be offline", func() bool { live, _ := r.fold.count(); return live == 0 })
	toEnd(t, r.log, r.fold)
	for i := range users {
		same(t, name(i), r.fold.statuses(name(i)), events.StatusOnline, events.StatusOffline)
	}
	counted(t, "timeouts", r.consumer.metrics.Fired.WithLabelValues("timeout"), users)
}

// TestWitnessesHaveNoHole: whatever goes wrong, those in the log are of the first
// beats, and the rest follow in order.
func TestWitnessesHaveNoHole(t *testing.T) {
	const users = 500
	r := crowded(t, users)
	refs := r.consumer.unwritten()
	if len(refs) != users {
		t.Fatalf("%d beats wait, want %d", len(refs), users)
	}
	if !slices.IsSortedFunc(refs, func(a, b beatRef) int { return a.by.Compare(b.by) }) {
		t.Fatal("they are out of order")
	}
	stored := 0
	for room := range int64(3) {
		r.room(t, room)
		n, err := r.consumer.writeDown(t.Context(), refs[stored:], r.consumer.Held)
		if !errors.Is(err, journal.ErrFull) || (n == 0) != (room == 0) {
			t.Fatalf("room for %d commits: stored %d, %v", room, n, err)
		}
		stored += n
		online := all(t, r.log, events.Online)
		if len(online) != stored {
			t.Fatalf("%d witnesses in the log, %d are said to be", len(online), stored)
		}
		for i := range online {
			if online[i].ByPlace() != refs[i].by {
				t.Fatalf("witness %d is of %s, want of %s", i, online[i].ByPlace(), refs[i].by)
			}
		}
	}
	r.room(t, -1)
	if _, err := r.consumer.witness(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.settled(t)
	online := all(t, r.log, events.Online)
	if len(online) != users {
		t.Fatalf("%d witnesses, want %d", len(online), users)
	}
	if !slices.IsSortedFunc(online, func(a, b events.Event) int { return a.ByPlace().Compare(b.ByPlace()) }) {
		t.Error("they are out of order")
	}
}

// horizon is where a new reader may begin, once everything is archived and the
// log has said what is witnessed.
func (r *rig) horizon(t testing.TB, a *journal.Archiver) uint64 {
	t.Helper()
	r.pass(events.AlivePeriod) // a commit says it again
	last := r.beat(t, events.Beat{User: "mark", Session: "refresh"})
	r.add(t, events.Event{Type: events.Login, User: "mark", Session: "other"})
	end := r.add(t, events.Event{Type: events.Login, User: "mark", Session: "other"})
	journaltest.Until(t, "the archive to be complete", func() bool { return a.Copied() >= end })
	h, err := r.log.Horizon(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if h.Seq > end || last > end {
		t.Fatalf("it lies at %d, after the log's end %d", h.Seq, end)
	}
	return h.Seq
}

// TestABeatThatIsNotWitnessedHoldsTheHorizonBack: a reader that begins after it
// would never hear of it.
func TestABeatThatIsNotWitnessedHoldsTheHorizonBack(t *testing.T) {
	r := newRigOn(t, journal.Config{Lookback: time.Nanosecond})
	a, err := r.log.Archiver(nil)
	if err != nil {
		t.Fatal(err)
	}
	journaltest.Run(t, "the archiver", a.Run)
	r.beat(t, events.Beat{User: "mark", Session: "refresh"})
	if got := r.horizon(t, a); got != 1 {
		t.Errorf("nobody has said that anything is witnessed, and the horizon is at %d", got)
	}
	witnessed := func() {
		t.Helper()
		if err := r.consumer.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.consumer.witness(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.settled(t)
		r.consumer.unwritten() // looks through the list
		r.consumer.turn()
	}
	witnessed()
	free := r.horizon(t, a)
	if free <= 1 {
		t.Fatalf("everything is witnessed, and the horizon is at %d", free)
	}

	// One that comes now is folded, and not yet written down.
	waits := r.beat(t, events.Beat{User: "late"})
	if err := r.consumer.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.consumer.turn() // must not say that it is
	if got := r.horizon(t, a); got > waits {
		t.Errorf("the horizon is at %d, after the beat at %d that nothing tells of", got, waits)
	}
	// Its witness fails, and what was before it is known.
	r.room(t, 0)
	if _, err := r.consumer.witness(t.Context()); !errors.Is(err, journal.ErrFull) {
		t.Fatalf("wrote into a full log: %v", err)
	}
	r.room(t, -1)
	if got := r.horizon(t, a); got > waits {
		t.Errorf("its witness has failed, and the horizon is at %d, after the beat at %d", got, waits)
	}
	witnessed()
	if got := r.horizon(t, a); got <= waits {
		t.Errorf("it is written down, and the horizon is still at %d; the beat is at %d", got, waits)
	}
}

// TestABeatAndAnEndInOneCommit: the order of entries decides, as that of commits
// does.
func TestABeatAndAnEndInOneCommit(t *testing.T) {
	for _, beatFirst := range []bool{true, false} {
		t.Run(map[bool]string{true: "the beat first", false: "the end first"}[beatFirst], func(t *testing.T) {
			r := newRig(t)
			first := r.beat(t, events.Beat{User: "alice", Session: "web"})
			if _, err := r.consumer.Emit(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.settled(t)
			at := events.MillisOf(r.Now())
			beat := journal.Item{Event: events.Beat{User: "alice", Session: "web", At: at}.Event()}
			end := journal.Item{Event: events.Event{Type: events.Offline, User: "alice", Session: "web", At: at, Actor: events.ServiceActor,
				Cause: events.CauseTimeout, LastSeen: at, Judged: first}}
			items := []journal.Item{end, beat}
			if beatFirst {
				items = []journal.Item{beat, end}
			}
			receipt, err := r.log.SubmitAll(items)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := receipt.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if receipt.Place(0).Seq != receipt.Place(1).Seq {
				t.Fatal("they are in two commits")
			}
			if _, err := r.consumer.Emit(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.settled(t)
			online := all(t, r.log, events.Online)
			if len(online) != 2 {
				t.Fatalf("%d beats are written down, want 2", len(online))
			}
			by, voids := online[1].ByPlace(), online[1].VoidsPlace()
			if beatFirst {
				same(t, "statuses", r.fold.statuses("alice"), events.StatusOnline)
				if by != receipt.Place(0) || voids != receipt.Place(1) {
					t.Errorf("by %s, voids %s; want %s and %s", by, voids, receipt.Place(0), receipt.Place(1))
				}
				return
			}
			same(t, "statuses", r.fold.statuses("alice"), events.StatusOnline, events.StatusOffline, events.StatusOnline)
			if by != receipt.Place(1) || voids != (events.Place{}) {
				t.Errorf("by %s, voids %s; want %s and none", by, voids, receipt.Place(1))
			}
		})
	}
}

// TestAnEndJudgedByAnEntryOfItsOwnCommit: of several signs of life in one commit
// the end is held against the one it names.
func TestAnEndJudgedByAnEntryOfItsOwnCommit(t *testing.T) {
	for nth, want := range [][]events.Status{
		{events.StatusOnline}, // the second beat came after the one that was judged
		{events.StatusOnline, events.StatusOffline},
	} {
		r := newRig(t)
		at := events.MillisOf(r.Now())
		b := events.Beat{User: "alice", Session: "web", At: at}
		receipt, err := r.log.SubmitBeats([]events.Beat{b, b})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		judged := receipt.Place(nth)
		r.add(t, events.Event{Type: events.Offline, User: "alice", Session: "web", Cause: events.CauseTimeout, LastSeen: at,
			Judged: judged.Seq, JudgedNth: judged.Nth})
		toEnd(t, r.log, r.fold)
		same(t, "judged by "+judged.String(), r.fold.statuses("alice"), want...)
	}
}
