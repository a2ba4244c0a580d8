package history_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is a current view and the history that hangs on it.
type pair struct {
	*current.View
	h    *history.View
	stop func()
}

func start(t testing.TB, j *journal.Journal, dir string) *pair {
	t.Helper()
	v, err := current.Open(current.Config{Path: filepath.Join(dir, "current.db"), Checkpoint: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	h, err := history.Open(history.Config{Path: filepath.Join(dir, "history.db")})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Bind(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if err := h.Bind(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if h.Behind(v) {
		t.Fatal("the history is behind the current view")
	}
	h.Attach(v)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx, j) }()
	stopped := false
	p := &pair{View: v, h: h, stop: func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for _, err := range []error{<-done, h.Close(), v.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	}}
	t.Cleanup(p.stop)
	return p
}

func (p *pair) reach(t testing.TB, j *journal.Journal) {
	t.Helper()
	_, last, err := j.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := p.WaitFor(ctx, last); err != nil {
		t.Fatal(err)
	}
}

// past is a time long enough ago that events keep their own.
const past = events.Millis(1_600_000_000_000)

// deed is what the naive model knows of an event.
type deed struct {
	user string
	at   events.Millis
	on   bool
}

// random appends n logins and logouts of a few users at rising times.
func random(t testing.TB, j *journal.Journal, rng *rand.Rand, begin events.Millis, n int) []deed {
	t.Helper()
	var deeds []deed
	var receipts []*journal.Receipt
	at := begin
	for range n {
		at += events.Millis(rng.IntN(3000))
		d := deed{user: fmt.Sprintf("u%02d", rng.IntN(30)), at: at, on: rng.IntN(2) == 0}
		e := events.Event{Type: events.Logout, User: d.user, Session: "s", Actor: d.user, At: at}
		if d.on {
			e.Type = events.Login
		}
		r, err := j.Submit(e, events.Key{})
		if err != nil {
			t.Fatal(err)
		}
		deeds, receipts = append(deeds, d), append(receipts, r)
		if len(receipts) == 2000 { // the log's queue is bounded
			wait(t, receipts)
			receipts = receipts[:0]
		}
	}
	wait(t, receipts)
	return deeds
}

func wait(t testing.TB, receipts []*journal.Receipt) {
	t.Helper()
	for _, r := range receipts {
		if _, err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// onlineAt replays all deeds, and knows nothing of snapshots.
func onlineAt(deeds []deed, t events.Millis) []string {
	on := map[string]bool{}
	for _, d := range deeds {
		if d.at <= t {
			on[d.user] = d.on
		}
	}
	var ids []string
	for id, is := range on {
		if is {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestWhoWasOnlineAtAnyMoment(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	p := start(t, j, t.TempDir())
	rng := rand.New(rand.NewPCG(1, 1))
	deeds := random(t, j, rng, past, 20_000) // enough for a few snapshots
	p.reach(t, j)
	end := deeds[len(deeds)-1].at
	for i := range 300 {
		at := past + events.Millis(rng.Int64N(int64(end-past)+2000)) - 1000
		if i%3 == 0 {
			at = deeds[rng.IntN(len(deeds))].at
		}
		m, err := p.h.Everybody(history.MomentQuery{At: at, Status: events.StatusOnline, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range m.Users {
			if !i.Covers(at) || i.Status != events.StatusOnline {
				t.Errorf("at %v: %+v", at, i)
			}
			got = append(got, i.User)
		}
		if diff := cmp.Diff(onlineAt(deeds, at), got); diff != "" {
			t.Fatalf("at %v (-model +history):\n%s", at, diff)
		}
	}
}

func TestConcurrencyIsTheCountAtEachStepAndThePeakInside(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	p := start(t, j, t.TempDir())
	deeds := random(t, j, rand.New(rand.NewPCG(2, 2)), past, 6000)
	p.reach(t, j)
	from, to, step := past+500_000, past+2_000_000, events.Millis(60_000)
	got, complete, err := p.h.Concurrency(from, to, time.Minute)
	if err != nil || !complete {
		t.Fatal(complete, err)
	}
	var want []history.Point
	for at := from; at < to; at += step {
		pt := history.Point{At: at, Online: len(onlineAt(deeds, at))}
		pt.Peak = pt.Online
		for _, d := range deeds {
			if d.at > at && d.at < min(at+step, to) {
				pt.Peak = max(pt.Peak, len(onlineAt(deeds, d.at)))
			}
		}
		want = append(want, pt)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIntervalsAreThoseOfTheDeeds(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	p := start(t, j, t.TempDir())
	deeds := random(t, j, rand.New(rand.NewPCG(3, 3)), past, 4000)
	p.reach(t, j)
	const user = "u07"
	var want []history.Interval
	var total int64
	on := false
	for _, d := range deeds {
		if d.user != user || d.on == on {
			continue
		}
		on = d.on
		if len(want) > 0 {
			last := &want[len(want)-1]
			last.To = d.at
			if last.Status == events.StatusOnline {
				total += int64(last.To - last.From)
			}
		}
		i := history.Interval{User: user, Status: events.StatusOffline, Observed: events.StatusOffline, From: d.at, Cause: events.CauseLogout, Actor: user}
		if on {
			i.Status, i.Observed, i.Cause = events.StatusOnline, events.StatusOnline, events.CauseLogin
		}
		want = append(want, i)
	}
	var got []history.Interval
	q := history.Query{User: user, To: deeds[len(deeds)-1].at + 1, Limit: 10}
	for {
		a, err := p.h.Intervals(q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a.Intervals...)
		if !a.More {
			if !on && a.Online != total {
				t.Errorf("online for %d ms, want %d", a.Online, total)
			}
			break
		}
		q.After = got[len(got)-1].Position()
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(history.Interval{}), cmpopts.IgnoreFields(history.Interval{}, "Seq", "LastSeen")); diff != "" {
		t.Error(diff)
	}
}

func TestARestartedHistoryGoesOnWhereItWas(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(4, 4))
	at := past
	for range 5 {
		p := start(t, j, dir)
		deeds := random(t, j, rng, at, 500)
		at = deeds[len(deeds)-1].at
		p.reach(t, j)
		p.stop()
	}
	p, fresh := start(t, j, dir), start(t, j, t.TempDir())
	p.reach(t, j)
	fresh.reach(t, j)
	_, a, err := p.h.Digest()
	if err != nil {
		t.Fatal(err)
	}
	_, b, err := fresh.h.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Errorf("restarted five times %s, at once %s", a, b)
	}
}

func TestWhatIsTooOldIsForgottenAndSaidSo(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	p := start(t, j, t.TempDir())
	deeds := random(t, j, rand.New(rand.NewPCG(5, 5)), past, 10_000)
	p.reach(t, j)
	end := deeds[len(deeds)-1].at
	cut := past + (end-past)/2
	if err := p.h.Prune(cut.Time()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at       events.Millis
		complete bool
	}{{cut - 1, false}, {cut, true}, {end, true}} {
		m, err := p.h.Everybody(history.MomentQuery{At: c.at, Status: events.StatusOnline, Limit: 100})
		if err != nil {
			t.Fatalf("at %v: %v", c.at, err)
		}
		if m.Complete != c.complete {
			t.Errorf("at %v: complete is %v", c.at, m.Complete)
		}
		if c.complete && len(m.Users) != len(onlineAt(deeds, c.at)) {
			t.Errorf("at %v: %d users, want %d", c.at, len(m.Users), len(onlineAt(deeds, c.at)))
		}
	}
}

func TestAChangeThatComesLateSpoilsNoSnapshot(t *testing.T) {
	h, err := history.Open(history.Config{Path: filepath.Join(t.TempDir(), "history.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	// Every tenth change is of a time before those that came first.
	rng := rand.New(rand.NewPCG(9, 9))
	var deeds []deed
	on := map[string]events.Shown{}
	for i := range 20_000 {
		at := past + events.Millis(i*1000)
		user := fmt.Sprintf("u%03d", i%100)
		if i%10 == 0 {
			at -= events.Millis(rng.IntN(5_000_000))
			user = fmt.Sprintf("late%05d", i)
		}
		c := events.Change{User: user, From: on[user], Observed: events.StatusOnline}
		c.To = events.Shown{Status: events.StatusOnline, Since: max(at, on[user].Since), Seq: uint64(i + 1)}
		if on[user].Status == events.StatusOnline {
			c.To.Status = events.StatusOffline
		}
		on[user] = c.To
		deeds = append(deeds, deed{user, c.To.Since, c.To.Status == events.StatusOnline})
		h.Put([]current.Happening{{Change: c}}, uint64(i+1))
	}
	for range 200 {
		at := past + events.Millis(rng.IntN(20_000_000))
		m, err := h.Everybody(history.MomentQuery{At: at, Status: events.StatusOnline, Limit: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range m.Users {
			got = append(got, i.User)
		}
		if diff := cmp.Diff(onlineAt(deeds, at), got); diff != "" {
			t.Fatalf("at %v (-model +history):\n%s", at, diff)
		}
	}
}

// TestTheHistoryIsWrittenOnlyAfterTheLog: until Durable says that the log is on
// disk nothing is written, and nothing forgotten either.
func TestTheHistoryIsWrittenOnlyAfterTheLog(t *testing.T) {
	lost := errors.New("the disk is gone")
	fails := true
	h, err := history.Open(history.Config{Path: filepath.Join(t.TempDir(), "history.db"), Durable: func() error {
		if fails {
			return lost
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.Put([]current.Happening{{Change: events.Change{User: "ann",
		To: events.Shown{Status: events.StatusOnline, Since: 1, Cause: events.CauseLogin, Actor: "ann", Seq: 5}}}}, 7)
	if err := h.Flush(); !errors.Is(err, lost) {
		t.Errorf("written: %v", err)
	}
	fails = false
	answer, err := h.Intervals(history.Query{User: "ann", To: 10, Limit: 10})
	if err != nil || len(answer.Intervals) != 1 || answer.Intervals[0].Seq != 5 {
		t.Errorf("%+v, %v", answer, err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// TestIntervalsOfOneMillisecondAreAllThere: one follows the other faster than
// the clock, and a stretch that is asked for may begin just there.
func TestIntervalsOfOneMillisecondAreAllThere(t *testing.T) {
	h, err := history.Open(history.Config{Path: filepath.Join(t.TempDir(), "history.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	var put []current.Happening
	for seq := uint64(1); seq <= 20; seq++ {
		at := events.Millis(100)
		switch seq {
		case 1:
			at = 50
		case 20:
			at = 200
		}
		c := events.Change{User: "ann", To: events.Shown{Status: events.StatusOnline, Since: at, Cause: events.CauseLogin, Seq: seq}}
		if seq%2 == 0 {
			c.To.Status, c.To.Cause = events.StatusOffline, events.CauseLogout
		}
		put = append(put, current.Happening{Change: c})
	}
	h.Put(put, 20)
	for _, tt := range []struct {
		from, to    events.Millis
		first, last uint64
	}{{0, 0, 1, 20}, {50, 0, 1, 20}, {51, 0, 1, 20}, {99, 101, 1, 19}, {100, 101, 2, 19}, {101, 0, 19, 20}, {200, 0, 20, 20}, {201, 0, 20, 20}} {
		for _, limit := range []int{1, 3, 100} {
			q := history.Query{User: "ann", From: tt.from, To: tt.to, Limit: limit}
			var got, want []uint64
			for more := true; more; {
				a, err := h.Intervals(q)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range a.Intervals {
					got = append(got, i.Seq)
				}
				if more = a.More; more {
					// As the CSV goes on: from where the last page ended.
					last := a.Intervals[len(a.Intervals)-1]
					q.After, q.From = last.Position(), max(q.From, last.From)
				}
			}
			for seq := tt.first; seq <= tt.last; seq++ {
				want = append(want, seq)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("[%d, %d) by %d: %s", tt.from, tt.to, limit, diff)
			}
		}
	}
}

// TestSinceTellsOfWantedUsersOnly, and what others did costs no room in its answer.
func TestSinceTellsOfWantedUsersOnly(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	p := start(t, j, t.TempDir())
	for i := range 30 {
		user := []string{"alice", "bob", "carol"}[i%3]
		typ := []events.Type{events.Login, events.Logout}[i/3%2]
		if _, err := j.Append(t.Context(), events.Event{Type: typ, User: user, Session: "s", Actor: user, At: events.MillisOf(time.Now())}, events.Key{}); err != nil {
			t.Fatal(err)
		}
	}
	p.reach(t, j)
	for wanted, want := range map[string]int{"bob": 10, "": 30} {
		began, complete, err := p.h.Since(0, 0, func(user string) bool { return wanted == "" || user == wanted })
		if err != nil || !complete || len(began) != want {
			t.Errorf("%q: %d intervals, complete %t, %v", wanted, len(began), complete, err)
		}
		for _, i := range began {
			if wanted != "" && i.User != wanted {
				t.Errorf("%s is among %s's", i.User, wanted)
			}
		}
	}
}
