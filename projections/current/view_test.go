package current_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/projections/current"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a view at work, which a test can stop and start again.
type running struct {
	*current.View
	t    testing.TB
	stop func()
}

func open(t testing.TB, path string) *current.View {
	t.Helper()
	v, err := current.Open(current.Config{Path: path, Checkpoint: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func start(t testing.TB, j *journal.Journal, path string) *running {
	t.Helper()
	v := open(t, path)
	if err := v.Bind(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx, j) }()
	r := &running{View: v, t: t}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.stop)
	return r
}

func (r *running) reach(j *journal.Journal) {
	r.t.Helper()
	_, last, err := j.Bounds(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.wait(last)
}

func (r *running) wait(seq uint64) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	if err := r.WaitFor(ctx, seq); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) digest() string {
	r.t.Helper()
	_, d, err := r.Digest(1)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// traffic appends n random events of a few users and waits for the last.
func traffic(t testing.TB, j *journal.Journal, rng *rand.Rand, n int) {
	t.Helper()
	var receipts []*journal.Receipt
	for range n {
		user := fmt.Sprintf("user-%03d", rng.IntN(200))
		e := events.Event{Type: events.Heartbeat, User: user, Session: fmt.Sprintf("s%d", rng.IntN(2)), Actor: user, At: events.MillisOf(time.Now())}
		switch rng.IntN(12) {
		case 0:
			e.Type, e.Device = events.Login, "Firefox"
		case 1:
			e.Type, e.All = events.Logout, rng.IntN(2) == 0
		case 2:
			e.Type, e.Change, e.Status, e.Actor = events.Override, events.OverrideSet, events.Statuses[rng.IntN(4)], "root"
			if rng.IntN(2) == 0 {
				e.Change, e.Status = events.OverrideCleared, ""
			}
			e.Session = ""
		case 3:
			e.Idle = true
		}
		r, err := j.Submit(e, events.Key{})
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

func TestARestartedViewGoesOnWhereItWas(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	path := filepath.Join(t.TempDir(), "current.db")
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		v := start(t, j, path)
		traffic(t, j, rng, 500)
		v.reach(j)
		v.stop()
	}
	v := start(t, j, path)
	v.reach(j)
	fresh := start(t, j, filepath.Join(t.TempDir(), "fresh.db"))
	fresh.wait(v.Seq())
	v.reach(j)
	fresh.reach(j)
	if a, b := v.digest(), fresh.digest(); a != b {
		t.Errorf("the view restarted five times and the one folded at once differ: %s %s", a, b)
	}
	if diff := cmp.Diff(dropLag(v.Stats()), dropLag(fresh.Stats())); diff != "" {
		t.Error(diff)
	}
}

func dropLag(s current.Stats) current.Stats {
	s.Lag, s.Seq = 0, 0
	return s
}

func TestCheckpointIsExactlyTheFoldAtItsSequence(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	path := filepath.Join(t.TempDir(), "current.db")
	v := start(t, j, path)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // checkpoints one after the other, while the fold goes on
		defer close(done)
		for ctx.Err() == nil {
			if err := v.Checkpoint(); err != nil {
				t.Error(err)
			}
		}
	}()
	traffic(t, j, rand.New(rand.NewPCG(3, 4)), 5000)
	cancel()
	<-done
	v.reach(j)
	seq, got, err := v.Digest(1)
	if err != nil {
		t.Fatal(err)
	}
	fresh := start(t, j, filepath.Join(t.TempDir(), "fresh.db"))
	fresh.wait(seq)
	v.reach(j)
	fresh.reach(j)
	if want := fresh.digest(); v.digest() != want && got != want {
		t.Errorf("digest after checkpoints under load %s, folded at once %s", got, want)
	}
}

func TestListsAreOrderedWholeAndPaged(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	v := start(t, j, filepath.Join(t.TempDir(), "current.db"))
	traffic(t, j, rand.New(rand.NewPCG(5, 6)), 3000)
	v.reach(j)
	if err := v.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	all := collect(t, v, "")
	if !slices.IsSorted(all) || len(all) != v.Stats().Users {
		t.Errorf("%d users listed, %d counted, sorted: %v", len(all), v.Stats().Users, slices.IsSorted(all))
	}
	total := 0
	for _, s := range events.Statuses {
		ids := collect(t, v, s)
		total += len(ids)
		for _, id := range ids {
			u, known, err := v.User(id)
			if err != nil || !known || u.Status() != s {
				t.Errorf("%s is listed as %s: %v %v %v", id, s, u.Status(), known, err)
			}
		}
	}
	if total != len(all) {
		t.Errorf("the four lists hold %d users, all are %d", total, len(all))
	}
}

func collect(t *testing.T, v *running, s events.Status) []string {
	t.Helper()
	var ids []string
	q := current.Query{Status: s, Limit: 7}
	for {
		page, err := v.List(q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Users {
			ids = append(ids, page.Users[i].ID)
		}
		if !page.More {
			if page.Total != len(ids) {
				t.Errorf("%q: total %d, listed %d", s, page.Total, len(ids))
			}
			return ids
		}
		q.After = ids[len(ids)-1]
	}
}

func TestADamagedFileIsSetAsideAndRebuilt(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	traffic(t, j, rand.New(rand.NewPCG(7, 8)), 500)
	damages := map[string]func([]byte) []byte{
		"cut in half": func(b []byte) []byte { return b[:len(b)/2] },
		"empty":       func([]byte) []byte { return nil },
		"a few bytes": func(b []byte) []byte { return b[:100] },
		"both metas":  func(b []byte) []byte { clear(b[:8192]); return b },
		"other file":  func([]byte) []byte { return []byte("this is no bbolt file, but it is longer than nothing") },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "current.db")
			v := start(t, j, path)
			v.reach(j)
			want := v.digest()
			v.stop()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			again := start(t, j, path)
			again.reach(j)
			if got := again.digest(); got != want {
				t.Errorf("digest %s, before %s", got, want)
			}
		})
	}
}

func TestAFlippedBitInARecordIsFound(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	for i := range 50 {
		if _, err := j.Append(t.Context(), events.Event{Type: events.Login, User: fmt.Sprintf("needle-%02d", i), Session: "s", Actor: "a", At: 1}, events.Key{}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "current.db")
	v := start(t, j, path)
	v.reach(j)
	want := v.digest()
	v.stop()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := 0
	for i := 0; i+9 < len(data); i++ {
		if string(data[i:i+9]) == "needle-07" {
			data[i+12] ^= 0x10
			flipped++
		}
	}
	if flipped == 0 {
		t.Fatal("nothing to flip")
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	again := start(t, j, path)
	again.reach(j)
	if got := again.digest(); got != want {
		t.Errorf("digest %s, before %s", got, want)
	}
	aside, err := filepath.Glob(path + ".aside-*")
	if err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v %v", aside, err)
	}
}

// TestAViewIsWrittenOnlyAfterItsLog: what the view folded may still be lost with
// the log, until Durable says otherwise.
func TestAViewIsWrittenOnlyAfterItsLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "current.db")
	j := journaltest.Open(t, journal.Config{})
	lost := errors.New("the disk is gone")
	var v *current.View
	var folded uint64
	fails := true
	open := func() {
		var err error
		if v, err = current.Open(current.Config{Path: path, Checkpoint: time.Hour, Durable: func() error {
			folded = v.Seq()
			if fails {
				return lost
			}
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
	}
	open()
	if err := v.Bind(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	ack, err := j.Append(t.Context(), events.Event{Type: events.Login, User: "ann", Actor: "ann", At: 1}, events.Key{})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Read(t.Context(), journal.Stretch{From: 1, To: ack.Seq}, v.Apply); err != nil {
		t.Fatal(err)
	}
	if err := v.Checkpoint(); !errors.Is(err, lost) || folded != ack.Seq {
		t.Errorf("%v, asked at %d", err, folded)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if open(); v.Seq() != 0 {
		t.Errorf("the file stands at %d", v.Seq())
	}
	if err := v.Bind(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if err := j.Read(t.Context(), journal.Stretch{From: 1, To: ack.Seq}, v.Apply); err != nil {
		t.Fatal(err)
	}
	fails = false
	if err := v.Checkpoint(); err != nil {
		t.Error(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if open(); v.Seq() != ack.Seq {
		t.Errorf("the file stands at %d", v.Seq())
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}
