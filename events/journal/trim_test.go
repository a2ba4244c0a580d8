package journal_test

import (
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// trimmed is a log of one commit each ten seconds, of which a tenth is heartbeats
// alone, and of two more minutes of heartbeats, which keep the keys,
// with an archiver that has got to its end, and a trimmer under a clock of the
// test.
type trimmed struct {
	*audited
	w     *written
	now   atomic.Int64 // Unix milliseconds
	floor uint64
	disk  error
	trim  *journal.Trimmer
	begin events.Millis
}

// newTrimmed returns one of n commits. onDisk: there is somebody who puts the
// archive on disk.
func newTrimmed(t *testing.T, n int, onDisk bool) *trimmed {
	x := &trimmed{floor: math.MaxUint64, begin: 1_700_000_000_000}
	cfg := journal.Config{Quiet: true, HotRetention: time.Hour, Now: func() time.Time { return time.UnixMilli(x.now.Load()) }}
	if onDisk {
		cfg.ArchiveDurable = func() error { return x.disk }
	}
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	x.audited = auditedOn(t, nc, cfg)
	x.SetClock(func(seq uint64) events.Millis { return x.at(seq) })
	x.w = newWritten(t, nc)
	for i := range n {
		if i%10 == 9 {
			x.w.put(beat("alice"))
			continue
		}
		x.w.put(login("alice"), beat("bob"))
	}
	for range tail {
		x.w.put(beat("bob"))
	}
	x.trim = x.arch.Trimmer(func() uint64 { return x.floor })
	return x
}

// tail is how many commits are in two minutes, and the one that they lead to.
const tail = 13

// at is the broker's time at seq.
func (x *trimmed) at(seq uint64) events.Millis { return x.begin + events.Millis(seq)*10_000 }

// oldest sets the clock so that the commit seq is the oldest that the retention
// keeps.
func (x *trimmed) oldest(seq uint64) { x.now.Store(int64(x.at(seq)) + time.Hour.Milliseconds()) }

// trimTwice trims, and once more when what is archived must be on disk.
func (x *trimmed) trimTwice() uint64 {
	x.t.Helper()
	for range 2 {
		if _, err := x.trim.Trim(x.t.Context()); err != nil {
			x.t.Fatal(err)
		}
	}
	return x.first()
}

func (x *trimmed) first() uint64 {
	x.t.Helper()
	first, _, err := x.Bounds(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	return first
}

func TestNothingYoungerThanTheRetentionIsTrimmed(t *testing.T) {
	x := newTrimmed(t, 40, true)
	x.run()
	x.copied(40 + tail)
	for _, seq := range []uint64{1, 3, 10, 12, 25} {
		x.oldest(seq)
		if got := x.trimTwice(); got != seq {
			t.Errorf("the log begins at %d, want %d", got, seq)
		}
		for _, later := range []int64{1, 9_999} { // the next one is younger than an hour until a millisecond after
			x.oldest(seq)
			x.now.Add(later)
			if got := x.trimTwice(); got != seq+1 {
				t.Errorf("the log begins at %d, and %d is younger than an hour", got, seq+1)
			}
		}
	}
	x.now.Add(int64(1000 * time.Hour / time.Millisecond))
	if got := x.trimTwice(); got != 41 {
		t.Errorf("the log begins at %d after weeks, want 41", got)
	}
}

func TestNothingIsTrimmedThatReadersStillNeed(t *testing.T) {
	x := newTrimmed(t, 30, true)
	x.run()
	x.copied(30 + tail)
	x.oldest(25)
	for _, x.floor = range []uint64{0, 1, 7, 24} {
		if got := x.trimTwice(); got != max(x.floor, 1) {
			t.Errorf("the log begins at %d, want %d", got, x.floor)
		}
	}
	x.floor = 26
	if got := x.trimTwice(); got != 25 {
		t.Errorf("the log begins at %d, want 25", got)
	}
}

// TestNothingIsTrimmedThatIsNotArchived: not by one.
func TestNothingIsTrimmedThatIsNotArchived(t *testing.T) {
	x := newTrimmed(t, 20, true)
	x.oldest(1000)
	if got := x.trimTwice(); got != 1 { // nobody archives
		t.Fatalf("the log begins at %d", got)
	}
	x.run()
	x.copied(20 + tail)
	x.stop()
	for range 5 {
		x.w.put(login("carol"))
	}
	if got := x.trimTwice(); got != 21 {
		t.Errorf("the log begins at %d, want 21: the archive has all up to 20", got)
	}
	if got := x.records(journal.AuditQuery{}); len(got) != len(x.w.archived()) {
		t.Errorf("%d records are left of %d", len(got), len(x.w.archived()))
	}
}

// TestAStreamThatNobodyArchivesKeepsEverything, however old.
func TestAStreamThatNobodyArchivesKeepsEverything(t *testing.T) {
	for _, onDisk := range []bool{true, false} {
		x := newTrimmed(t, 20, onDisk)
		x.open.Store(false)
		x.run()
		for range 10 {
			x.now.Store(int64(x.begin) + int64(1e12))
			if got := x.trimTwice(); got != 1 {
				t.Fatalf("the log begins at %d", got)
			}
		}
	}
}

// TestWhoDoesNotHoldTheGateTrimsNothing although all is archived.
func TestWhoDoesNotHoldTheGateTrimsNothing(t *testing.T) {
	x := newTrimmed(t, 20, true)
	x.run()
	x.copied(20 + tail)
	x.oldest(1000)
	x.open.Store(false)
	if got := x.trimTwice(); got != 1 {
		t.Errorf("the log begins at %d", got)
	}
}

// TestNothingIsTrimmedWhoseCopyIsNotOnDisk: what was archived after the last look
// may not be, and a disk that fails says so.
func TestNothingIsTrimmedWhoseCopyIsNotOnDisk(t *testing.T) {
	x := newTrimmed(t, 20, true)
	x.run()
	x.copied(20 + tail)
	x.oldest(1000)
	x.disk = errors.New("the disk is gone")
	if _, err := x.trim.Trim(t.Context()); !errors.Is(err, x.disk) || x.first() != 1 {
		t.Errorf("%v, and the log begins at %d", err, x.first())
	}
	x.disk = nil
	if _, err := x.trim.Trim(t.Context()); err != nil || x.first() != 1 {
		t.Errorf("at the first look: %v, and the log begins at %d", err, x.first())
	}
	seq := x.w.put(login("carol"))
	x.copied(seq)
	if _, err := x.trim.Trim(t.Context()); err != nil || x.first() != 21 {
		t.Errorf("at the second: %v, and the log begins at %d, want 21", err, x.first())
	}
	if _, err := x.trim.Trim(t.Context()); err != nil || x.first() != 22 {
		t.Errorf("at the third: %v, and the log begins at %d, want 22", err, x.first())
	}
}

// TestWhereNobodyPutsTheArchiveOnDiskItSettlesFirst.
func TestWhereNobodyPutsTheArchiveOnDiskItSettlesFirst(t *testing.T) {
	x := newTrimmed(t, 20, false)
	x.run()
	x.copied(20 + tail)
	x.oldest(1000)
	if got := x.trimTwice(); got != 1 {
		t.Errorf("at once: the log begins at %d", got)
	}
	x.now.Add(journal.SettleTime.Milliseconds() - 1)
	x.copied(x.w.put(login("carol")))
	if got := x.trimTwice(); got != 1 {
		t.Errorf("a millisecond early: the log begins at %d", got)
	}
	x.now.Add(1)
	if got := x.trimTwice(); got != 21 {
		t.Errorf("the log begins at %d, want 21", got)
	}
	x.now.Add(journal.SettleTime.Milliseconds())
	if got := x.trimTwice(); got != 22 {
		t.Errorf("the log begins at %d, want 22", got)
	}
}

// TestNothingIsTrimmedOnceTheArchiveHasLostItsEnd.
func TestNothingIsTrimmedOnceTheArchiveHasLostItsEnd(t *testing.T) {
	x := newTrimmed(t, 20, true)
	x.run()
	x.copied(20 + tail)
	x.oldest(1000)
	if err := stream(t, x.nc, events.StreamArchive).Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := x.trim.Trim(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := x.trim.Trim(t.Context()); !errors.Is(err, journal.ErrMissing) || x.first() != 1 {
		t.Errorf("%v, and the log begins at %d", err, x.first())
	}
}

// TestALaggingArchiverFindsTheKeysOfWhatIsLeft, however long ago it stopped.
func TestALaggingArchiverFindsTheKeysOfWhatIsLeft(t *testing.T) {
	x := newTrimmed(t, 10, true)
	same := keyed{login("alice"), events.Key{ID: [16]byte{1}}}
	first := x.w.put(same)
	x.run()
	x.copied(first)
	x.stop()
	again := x.w.put(same)
	x.SetClock(func(seq uint64) events.Millis { return x.begin + events.Millis(seq)*1000 })
	x.now.Store(int64(x.begin) + 1e10)
	x.trimTwice()
	x.run()
	x.copied(again)
	for _, r := range archive(t, x.Journal) {
		if r.Place.Seq == again {
			t.Errorf("the repeat at %s was archived; the log begins at %d", r.Place, x.first())
		}
	}
}
