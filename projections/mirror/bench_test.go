package mirror_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

var (
	benchBeats  = flag.Int("beats", 1_000_000, "heartbeats in the log that BenchmarkRebuild reads")
	benchEvents = flag.Int("events", 20_000, "other events in it")
	benchUsers  = flag.Int("users", 200_000, "users in it")
)

// BenchmarkRebuild folds a whole log into both views, as rebuild does. Ten
// million heartbeats: -args -beats 10000000 -events 200000.
func BenchmarkRebuild(b *testing.B) {
	j := journaltest.Open(b, journal.Config{QueueLimit: 1 << 20})
	fill(b, j)
	_, last, err := j.Bounds(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	for range b.N {
		peak := uint64(0)
		m, err := mirror.New(b.Context(), mirror.Config{Log: j, Dir: b.TempDir(), Report: func(mirror.Progress) {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapInuse)
		}})
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if err := m.Fold(b.Context(), last); err != nil {
			b.Fatal(err)
		}
		if err := m.Current.Checkpoint(); err != nil {
			b.Fatal(err)
		}
		took := time.Since(began).Seconds()
		b.ReportMetric(float64(m.Current.Folded())/took, "events/s")
		b.ReportMetric(float64(peak)/(1<<20), "MiB-heap")
		b.ReportMetric(float64(m.Current.Stats().Users), "users")
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// fill writes the log: 500 beats at once, with a few other events in between.
func fill(b *testing.B, j *journal.Journal) {
	rng := rand.New(rand.NewPCG(1, 1))
	user := func() string { return fmt.Sprintf("user-%06d", rng.IntN(*benchUsers)) }
	const size = 500
	batches := *benchBeats / size
	between := max(1, *benchEvents/max(1, batches))
	var receipts []*journal.Receipt
	drain := func() {
		for _, r := range receipts {
			if _, err := r.Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		receipts = receipts[:0]
	}
	sent := 0
	for n := range batches {
		at := events.MillisOf(time.Now())
		beats := make([]events.Beat, size)
		for i := range beats {
			id := user()
			beats[i] = events.Beat{User: id, Session: events.DefaultSession, Actor: id, At: at}
		}
		r, err := j.SubmitBeats(beats)
		if err != nil {
			b.Fatal(err)
		}
		receipts = append(receipts, r)
		for range between {
			if sent == *benchEvents {
				break
			}
			sent++
			id := user()
			e := events.Event{Type: events.Login, User: id, Session: events.DefaultSession, Actor: id, At: at, Device: "Firefox"}
			if sent%2 == 0 {
				e.Type = events.Logout
			}
			r, err := j.Submit(e, events.Key{})
			if err != nil {
				b.Fatal(err)
			}
			receipts = append(receipts, r)
		}
		if n%50 == 0 {
			drain()
		}
	}
	drain()
}
