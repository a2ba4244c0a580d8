package timeouts

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

func TestSilenceEndsASessionOnce(t *testing.T) {
	r := newRig(t)
	r.run(t)
	seq := r.beat(t, events.Beat{User: "alice", Session: "web"})
	r.settled(t)
	seen := r.fold.look("alice").Sessions[0].LastSeen

	r.pass(shortTimeout - time.Millisecond)
	r.consumer.turn()
	if r.consumer.deadlines.Decided() {
		t.Error("decided a millisecond early")
	}
	r.pass(30 * time.Millisecond)
	journaltest.Until(t, "alice to go offline", func() bool { u := r.fold.look("alice"); return !u.Live() })
	r.pass(shortTimeout)
	r.settled(t)

	same(t, "statuses", r.fold.statuses("alice"), events.StatusOnline, events.StatusOffline)
	got := all(t, r.log, events.Offline)
	if len(got) != 1 {
		t.Fatalf("%d offline events, want 1", len(got))
	}
	e := got[0]
	if e.Judged != seq || e.LastSeen != seen || e.Cause != events.CauseTimeout || e.Actor != events.ServiceActor || e.Session != "web" {
		t.Errorf("the offline event says %+v; want judged %d, last seen %v", e, seq, seen)
	}
	// The log has an event before its writer counts it.
	m := r.consumer.metrics
	counted(t, "timeouts", m.Fired.WithLabelValues("timeout"), 1)
	counted(t, "witnesses", m.Witnesses, 1)
}

// counted waits until c has reached want, and fails if it goes beyond it.
func counted(t *testing.T, what string, c prometheus.Collector, want float64) {
	t.Helper()
	journaltest.Until(t, what+" to be counted", func() bool { return testutil.ToFloat64(c) >= want })
	if n := testutil.ToFloat64(c); n != want {
		t.Errorf("counted %v %s, want %v", n, what, want)
	}
}

func TestAPageThatClosedIsOfflineSoon(t *testing.T) {
	r := newRig(t)
	r.run(t)
	r.beat(t, events.Beat{User: "alice"})
	r.beat(t, events.Beat{User: "alice", Leaving: true})
	r.settled(t)
	r.pass(1100 * time.Millisecond)
	journaltest.Until(t, "alice to go offline", func() bool { u := r.fold.look("alice"); return !u.Live() })
	if e := all(t, r.log, events.Offline)[0]; e.Cause != events.CauseLeft {
		t.Errorf("cause %q, want left", e.Cause)
	}
}

// A fold that stands still while the log goes on is what a process sees that
// was stopped and continued.
func TestNobodyIsJudgedByAnOldState(t *testing.T) {
	r := newRig(t)
	r.run(t)
	r.beat(t, events.Beat{User: "alice"})
	r.settled(t)

	release := r.fold.hold(t)
	newer := r.beat(t, events.Beat{User: "alice"})
	r.pass(shortTimeout + time.Second)
	journaltest.Until(t, "a pass that gives up", func() bool { return testutil.ToFloat64(r.consumer.metrics.Failed) > 0 })
	if got := all(t, r.log, events.Offline); len(got) != 0 {
		t.Fatalf("declared offline by an old state: %+v", got)
	}
	release()
	journaltest.Until(t, "the decision to be taken back", func() (done bool) {
		r.fold.Locked(func(uint64, events.Clock, int64) {
			s := r.fold.user("alice").Session(events.DefaultSession)
			done = s.Seq == newer && s.Alarm > 0 && !r.consumer.deadlines.Decided()
		})
		return done
	})
	if got := all(t, r.log, events.Offline); len(got) != 0 {
		t.Fatalf("declared offline although a newer beat lies in the log: %+v", got)
	}
	r.pass(shortTimeout + 30*time.Millisecond)
	journaltest.Until(t, "alice to go offline", func() bool { u := r.fold.look("alice"); return !u.Live() })
	if e := all(t, r.log, events.Offline)[0]; e.Judged != newer {
		t.Errorf("judged by %d, want %d", e.Judged, newer)
	}
}

func TestNobodyIsJudgedWhileTheFoldIsBehind(t *testing.T) {
	r := newRig(t)
	r.beat(t, events.Beat{User: "alice"})
	if err := r.consumer.attach(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard := func(mono int64) { r.fold.Locked(func(uint64, events.Clock, int64) { r.fold.heard = mono }) }
	heard(0)
	r.pass(time.Hour)
	r.fold.Locked(func(uint64, events.Clock, int64) { r.fold.clock.Covered += time.Hour.Milliseconds() })
	r.consumer.turn()
	if r.consumer.deadlines.Decided() {
		t.Error("decided while catching up")
	}
	heard(r.Mono())
	r.consumer.turn()
	if !r.consumer.deadlines.Decided() {
		t.Error("not decided at the live end")
	}
	heard(0)
	if endings, _ := r.consumer.take(false); len(endings) > 0 {
		t.Errorf("ended while catching up: %+v", endings)
	}
}

func TestABeatThatOvertakesAnOfflineVoidsIt(t *testing.T) {
	r := newRig(t)
	first := r.beat(t, events.Beat{User: "alice"})
	if _, err := r.consumer.Emit(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.settled(t)

	// The consumer's own steps, with a beat between the judgement and the append.
	r.pass(shortTimeout + 30*time.Millisecond)
	r.consumer.turn()
	if err := r.consumer.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	endings, _ := r.consumer.take(false)
	if len(endings) != 1 || endings[0].event.Judged != first {
		t.Fatalf("judged %+v, want alice by %d", endings, first)
	}
	second := r.beat(t, events.Beat{User: "alice"})
	if _, err := r.consumer.append(t.Context(), endings); err != nil {
		t.Fatal(err)
	}
	if _, err := r.consumer.Emit(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.settled(t)

	same(t, "statuses", r.fold.statuses("alice"), events.StatusOnline)
	online := all(t, r.log, events.Online)
	if len(online) != 2 {
		t.Fatalf("%d online events, want that of the first beat and one that voids", len(online))
	}
	if e := online[1]; e.By != second || e.Voids != second+1 {
		t.Errorf("written down: %+v; want by %d, voids %d", e, second, second+1)
	}
	counted(t, "beats that an offline came too late for", r.consumer.metrics.Void, 1)
}

func TestTwoConsumersMakeOneChange(t *testing.T) {
	const users = 2500
	log := journaltest.Open(t, journal.Config{})
	var folds []*fold
	for range 2 {
		f := newFold(t, log, events.Mono)
		folds = append(folds, f)
		c := New(Config{Log: log, Fold: f, Unleased: true, Limits: events.Limits{Timeout: 500 * time.Millisecond}})
		journaltest.Run(t, "a consumer", c.Run)
	}
	appendBeats(t, log, users)
	for _, f := range folds {
		toEnd(t, log, f)
		journaltest.Until(t, "all to be offline and written down", func() bool {
			live, pending := f.count()
			return live == 0 && pending == 0
		})
		toEnd(t, log, f)
		for i := range users {
			same(t, "statuses", f.statuses(name(i)), events.StatusOnline, events.StatusOffline)
		}
	}
}

func toEnd(t testing.TB, log *journal.Journal, f *fold) {
	t.Helper()
	_, last, err := log.Bounds(t.Context())
	if err == nil {
		err = f.WaitFor(t.Context(), last)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func name(i int) string { return fmt.Sprintf("user-%06d", i) }

// appendBeats brings n users online.
func appendBeats(t testing.TB, log *journal.Journal, n int) {
	t.Helper()
	at := events.MillisOf(time.Now())
	for from := 0; from < n; from += 10_000 {
		var receipts []*journal.Receipt
		for i := from; i < min(from+10_000, n); i++ {
			r, err := log.SubmitBeats([]events.Beat{{User: name(i), Session: "web", At: at}})
			if err != nil {
				t.Fatal(err)
			}
			receipts = append(receipts, r)
		}
		for _, r := range receipts {
			if _, err := r.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAnOverrideExpiresOnceAndANewerOneStays(t *testing.T) {
	r := newRig(t)
	r.run(t)
	start := events.MillisOf(r.Now())
	set := func(status events.Status, until events.Millis) uint64 {
		return r.add(t, events.Event{Type: events.Override, User: "alice", Change: events.OverrideSet, Status: status, Until: until})
	}
	set(events.StatusBusy, start+10_000)
	second := set(events.StatusAway, start+20_000)
	r.settled(t)

	r.pass(15 * time.Second)
	r.consumer.turn()
	if endings, _ := r.consumer.take(false); len(endings) != 0 {
		t.Fatalf("a replaced override has expired: %+v", endings)
	}
	r.pass(5*time.Second - time.Millisecond)
	if endings, _ := r.consumer.take(false); len(endings) != 0 {
		t.Fatalf("expired early: %+v", endings)
	}
	r.pass(time.Millisecond)
	journaltest.Until(t, "the override to expire", func() bool { return r.fold.look("alice").Override == nil })
	r.pass(5 * time.Second)
	r.settled(t)

	same(t, "statuses", r.fold.statuses("alice"), events.StatusBusy, events.StatusAway, events.StatusOffline)
	got := all(t, r.log, events.Override)
	if len(got) != 3 || got[2].Judged != second || got[2].At != start+20_000 || got[2].Change != events.OverrideExpired {
		t.Errorf("override events %+v; want two set and one expired, judged %d", got, second)
	}
}

func TestBeatsAreWrittenDownInOrder(t *testing.T) {
	r := newRig(t)
	const users = 40
	for round := range 3 { // come online, turn idle, turn active
		for i := range users {
			r.beat(t, events.Beat{User: name(i), Idle: round == 1})
		}
	}
	r.run(t)
	r.settled(t)
	online := all(t, r.log, events.Online)
	if len(online) != 3*users {
		t.Fatalf("%d online events, want %d", len(online), 3*users)
	}
	for i := 1; i < len(online); i++ {
		if online[i].By < online[i-1].By {
			t.Fatalf("the beat at %d is written down behind that at %d", online[i].By, online[i-1].By)
		}
	}
}

func TestBeatsOfOneMessageAreWrittenDownEachByItself(t *testing.T) {
	r := newRig(t)
	at := events.MillisOf(r.Now())
	var batch []events.Beat
	for i := range 9 { // turns idle and active, all in one message
		batch = append(batch, events.Beat{User: "alice", Session: "web", At: at, Idle: i%2 == 1})
	}
	receipt, err := r.log.SubmitBeats(batch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.run(t)
	r.settled(t)
	online := all(t, r.log, events.Online)
	if len(online) != len(batch) {
		t.Fatalf("%d online events, want %d", len(online), len(batch))
	}
	for i, e := range online {
		if e.ByPlace() != (events.Place{Seq: receipt.Place(0).Seq, Nth: uint32(i)}) || e.Idle != (i%2 == 1) {
			t.Errorf("online event %d: %+v", i, e)
		}
	}
}

func TestBeatsThatSomebodyElseWroteDownAreNoTrouble(t *testing.T) {
	r := newRig(t)
	for i := range 20 {
		r.beat(t, events.Beat{User: name(i)})
	}
	other := New(Config{Log: r.log, Fold: newFold(t, r.log, r.Mono), Unleased: true, Now: r.Now, Mono: r.Mono})
	tell := func(c *Consumer, n int) int {
		stored, err := c.writeDown(t.Context(), c.unwritten()[:n], c.Held)
		if err != nil {
			t.Fatal(err)
		}
		return stored
	}
	for _, c := range []*Consumer{r.consumer, other} {
		if err := c.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	release := r.fold.hold(t) // it does not see what the other one writes
	if n := tell(other, 7); n != 7 {
		t.Errorf("the other wrote down %d, want 7", n)
	}
	if n := tell(r.consumer, 20); n != 20 {
		t.Errorf("wrote down %d of twenty", n)
	}
	release()
	r.settled(t)
	// The log has seven of them twice; the archive none.
	if n := len(all(t, r.log, events.Online)); n != 27 {
		t.Errorf("%d online events in the log, want 27", n)
	}
	a, err := r.log.Archiver(nil)
	if err != nil {
		t.Fatal(err)
	}
	journaltest.Run(t, "the archiver", a.Run)
	_, last, err := r.log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	journaltest.Until(t, "the archive to be complete", func() bool { return a.Copied() == last })
	archived := map[events.Place]int{}
	if err := r.log.Audit(t.Context(), journal.AuditQuery{Types: []events.Type{events.Online}}, func(batch []journal.Record) error {
		for i := range batch {
			archived[batch[i].Event.ByPlace()]++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(archived) != 20 {
		t.Errorf("%d beats are written down in the archive, want 20", len(archived))
	}
	for p, n := range archived {
		if n != 1 {
			t.Errorf("the beat at %s is written down %d times in the archive", p, n)
		}
	}
}

func TestOverdueListsAndEmitEnds(t *testing.T) {
	r := newRig(t)
	r.beat(t, events.Beat{User: "alice", Session: "web"})
	r.beat(t, events.Beat{User: "alice", Session: "app", Every: 60})
	seq := r.beat(t, events.Beat{User: "bob"})
	if err := r.fold.WaitFor(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	leased := New(Config{Log: r.log, Fold: r.fold, Now: r.Now, Mono: r.Mono, Limits: r.consumer.cfg.Limits})
	if got, err := leased.Overdue(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("overdue before the time: %v, error %v", got, err)
	}
	r.pass(shortTimeout + 30*time.Millisecond)
	got, err := leased.Overdue(t.Context())
	if err != nil || len(got) != 2 || got[0].User != "alice" || got[0].Session != "web" || got[1].User != "bob" {
		t.Fatalf("overdue: %+v, error %v; want alice's web and bob", got, err)
	}
	if n, err := leased.Emit(t.Context()); err != nil || n != 2 {
		t.Fatalf("ended %d, error %v; want 2", n, err)
	}
	r.settled(t)
	if got, err := leased.Overdue(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("overdue afterwards: %v, error %v", got, err)
	}
	same(t, "bob's statuses", r.fold.statuses("bob"), events.StatusOnline, events.StatusOffline)
}
