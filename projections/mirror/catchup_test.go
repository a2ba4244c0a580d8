package mirror_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

var errStopped = errors.New("stopped in the middle")

// stopping is a view whose process ends when it has folded some batches of the
// archive, or has noted the keys.
type stopping struct {
	*current.View
	batches int  // so many; negative: all
	noted   bool // after the keys
}

func (s *stopping) ApplyOld(batch []projections.Old) error {
	if s.batches == 0 {
		return errStopped
	}
	s.batches--
	return s.View.ApplyOld(batch)
}

func (s *stopping) Note(batch []journal.Message) error {
	if err := s.View.Note(batch); err != nil || !s.noted {
		return err
	}
	return errStopped
}

// in is d for a part of its test.
func (d *deployment) in(t *testing.T) *deployment {
	part := *d
	part.t = t
	return &part
}

// opened opens both views in dir.
func (d *deployment) opened(dir string) mirror.Views {
	d.t.Helper()
	c, err := current.Open(current.Config{Path: filepath.Join(dir, "current.db")})
	if err != nil {
		d.t.Fatal(err)
	}
	h, err := history.Open(history.Config{Path: filepath.Join(dir, "history.db")})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := errors.Join(c.Bind(d.t.Context(), d.log), h.Bind(d.t.Context(), d.log)); err != nil {
		d.t.Fatal(err)
	}
	if h.Behind(c) {
		d.t.Fatalf("the history is at %d, the view at %d", h.Seq(), c.Seq())
	}
	h.Attach(c)
	return mirror.Views{Current: c, History: h}
}

// closed ends a process that has come as far as its last checkpoint.
func (d *deployment) closed(v mirror.Views) {
	d.t.Helper()
	if err := errors.Join(v.Current.Checkpoint(), v.History.Close(), v.Current.Close()); err != nil {
		d.t.Fatal(err)
	}
}

// equal holds v against the live views, at the same sequence.
func (d *deployment) equal(v mirror.Views) {
	d.t.Helper()
	for range 100 { // marks come now and then
		if d.compared(v) {
			d.sameKeys(v)
			return
		}
	}
	d.t.Error("the log never rests")
}

// sameKeys holds the claims of all keys of the test against what it remembers.
func (d *deployment) sameKeys(v mirror.Views) {
	d.t.Helper()
	for key, seq := range d.keys {
		claim, known := v.Current.Claimed(key.ID)
		want, wanted := d.live.Current.Claimed(key.ID)
		if known != wanted || claim.Place != want.Place || claim.Place.Seq != seq {
			d.t.Fatalf("the key %x is claimed by %v, %v; by the live view's account by %v, %v", key.ID, claim.Place, known, want.Place, wanted)
		}
	}
}

// compared compares both views' digests, unless the log goes on meanwhile.
func (d *deployment) compared(v mirror.Views) bool {
	d.t.Helper()
	_, last := d.settle()
	if _, err := projections.To(d.t.Context(), d.log, v.Current, last); err != nil {
		d.t.Fatal(err)
	}
	horizon := max(v.Current.Horizon(), 1)
	var seqs [4]uint64
	var digests [4]string
	var errs [4]error
	seqs[0], digests[0], errs[0] = d.live.Current.Digest(horizon)
	seqs[1], digests[1], errs[1] = v.Current.Digest(horizon)
	seqs[2], digests[2], errs[2] = d.live.History.Digest()
	seqs[3], digests[3], errs[3] = v.History.Digest()
	if err := errors.Join(errs[:]...); err != nil {
		d.t.Fatal(err)
	}
	if seqs != [4]uint64{seqs[0], seqs[0], seqs[0], seqs[0]} {
		return false
	}
	if digests[0] != digests[1] {
		d.t.Errorf("the current view at %d, horizon %d, is not the live one", seqs[0], horizon)
	}
	if digests[2] != digests[3] {
		d.t.Errorf("the history at %d is not the live one", seqs[0])
	}
	return true
}

// TestACatchUpThatIsBrokenOffGoesOnExactly: a checkpoint between two batches of
// the archive, or before the horizon is reached, and a restart.
func TestACatchUpThatIsBrokenOffGoesOnExactly(t *testing.T) {
	d := deploy(t, time.Millisecond)
	d.keys = map[events.Key]uint64{}
	rng := rand.New(rand.NewPCG(8, 9))
	pick := func(_ string, n int) int { return rng.IntN(n) }
	for range 700 {
		d.do(pick)
	}
	d.settle()
	done := false
	for batches := 0; !done; batches++ {
		t.Run(fmt.Sprintf("after %d batches", batches), func(t *testing.T) {
			d := d.in(t)
			_, last := d.settle()
			dir := t.TempDir()
			v := d.opened(dir)
			_, err := projections.To(t.Context(), d.log, &stopping{View: v.Current, batches: batches}, last)
			if done = err == nil; done {
				d.equal(v)
				d.closed(v)
				return
			}
			if !errors.Is(err, errStopped) {
				t.Fatal(err)
			}
			stood := v.Current.Seq()
			d.closed(v)
			for range 20 { // the log goes on, and repeats what it has
				d.do(pick)
			}
			_, last = d.settle()
			if v = d.opened(dir); v.Current.Seq() != stood || !v.Current.Replaying() {
				t.Errorf("at %d, replaying %t; want %d and true", v.Current.Seq(), v.Current.Replaying(), stood)
			}
			if _, err := projections.To(t.Context(), d.log, v.Current, last); err != nil {
				t.Fatal(err)
			}
			if h := v.Current.Horizon(); h <= stood || v.Current.Replaying() {
				t.Errorf("its horizon is %d, and it stood at %d before it had heard a heartbeat", h, stood)
			}
			d.equal(v)
			d.closed(v)
		})
		if t.Failed() {
			return
		}
	}
	t.Run("after the keys", func(t *testing.T) {
		d := d.in(t)
		_, last := d.settle()
		dir := t.TempDir()
		v := d.opened(dir)
		if _, err := projections.To(t.Context(), d.log, &stopping{View: v.Current, batches: -1, noted: true}, last); !errors.Is(err, errStopped) {
			t.Fatal(err)
		}
		d.closed(v)
		for range 20 {
			d.do(pick)
		}
		_, last = d.settle()
		v = d.opened(dir)
		if _, err := projections.To(t.Context(), d.log, v.Current, last); err != nil {
			t.Fatal(err)
		}
		d.equal(v)
		d.closed(v)
	})
}

// TestALiveViewThatCaughtUpIsNoDifference: it has not seen the heartbeats before
// its horizon, and the mirror it is held against has.
func TestALiveViewThatCaughtUpIsNoDifference(t *testing.T) {
	d := deploy(t, time.Millisecond)
	rng := rand.New(rand.NewPCG(3, 9))
	for range 200 {
		d.do(func(_ string, n int) int { return rng.IntN(n) })
	}
	for range 3 { // whoever is there refreshes
		if _, err := d.log.Beat(t.Context(), events.Beat{User: "late", Session: "s", At: events.MillisOf(time.Now())}); err != nil {
			t.Fatal(err)
		}
		d.settle()
	}
	for range 50 {
		d.do(func(_ string, n int) int { return rng.IntN(n) })
	}
	_, last := d.settle()
	v := d.opened(t.TempDir())
	if _, err := projections.To(t.Context(), d.log, v.Current, last); err != nil {
		t.Fatal(err)
	}
	if v.Current.Horizon() <= 1 {
		t.Fatal("it has read everything")
	}
	patient, err := journal.Open(t.Context(), d.nc, journal.Config{Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mirror.New(t.Context(), mirror.Config{Log: patient, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	found, err := m.Verify(t.Context(), v)
	if err != nil || m.Horizon() != 1 {
		t.Fatalf("the mirror's horizon is %d, %v", m.Horizon(), err)
	}
	for _, c := range found {
		if !c.Equal {
			t.Errorf("%+v", c)
		}
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	d.closed(v)
}
