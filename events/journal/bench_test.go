package journal_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// durable connects to a server that fsyncs before it acknowledges.
func durable(b *testing.B) *nats.Conn {
	b.Helper()
	return journaltest.Connect(b, journaltest.Server(b, b.TempDir(), journaltest.Durable))
}

// benchCallers has n callers append one after the other, b.N in all.
func benchCallers(b *testing.B, n int, unit string, one func(j *journal.Journal, user string) error) {
	j := journaltest.On(b, durable(b), journal.Config{})
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for c := range n {
		wg.Go(func() {
			user := fmt.Sprintf("user-%06d", c)
			for i := c; i < b.N; i += n {
				if err := one(j, user); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), unit)
}

// BenchmarkBeat is what an acknowledged, fsynced heartbeat costs with n callers.
func BenchmarkBeat(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			benchCallers(b, callers, "beats/s", func(j *journal.Journal, user string) error {
				_, err := j.Beat(b.Context(), events.Beat{User: user, Session: "default", Actor: user, At: 1})
				return err
			})
		})
	}
}

// BenchmarkAppend is the same for logins.
func BenchmarkAppend(b *testing.B) {
	benchCallers(b, 64, "logins/s", func(j *journal.Journal, user string) error {
		_, err := j.Append(b.Context(), events.Event{Type: events.Login, User: user, Session: "default", Actor: user, At: 1}, noKey)
		return err
	})
}

// BenchmarkSubmitBeats is for a thousand heartbeats at once.
func BenchmarkSubmitBeats(b *testing.B) {
	j := journaltest.On(b, durable(b), journal.Config{})
	beats := make([]events.Beat, 1000)
	for i := range beats {
		user := fmt.Sprintf("user-%06d", i)
		beats[i] = events.Beat{User: user, Session: "default", Actor: user, At: 1}
	}
	b.ReportAllocs()
	for b.Loop() {
		r, err := j.SubmitBeats(beats)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Wait(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(beats))/b.Elapsed().Seconds(), "beats/s")
}

// BenchmarkArchiver is how fast b.N logins are archived that are in the log
// already, with nothing else to do.
func BenchmarkArchiver(b *testing.B) {
	for name, compression := range map[string]jetstream.StoreCompression{"compressed": jetstream.S2Compression, "plain": jetstream.NoCompression} {
		b.Run(name, func(b *testing.B) {
			nc := durable(b)
			j := journaltest.On(b, nc, journal.Config{Quiet: true})
			cfg := stream(b, nc, events.StreamArchive).CachedInfo().Config
			cfg.Compression = compression
			if _, err := streams(b, nc).UpdateStream(b.Context(), cfg); err != nil {
				b.Fatal(err)
			}
			items := make([]journal.Item, b.N)
			for i := range items {
				items[i].Event = events.Event{Type: events.Login, User: fmt.Sprintf("user-%06d", i), Session: "default", Actor: "bench", At: 1}
			}
			for len(items) > 0 {
				n := min(len(items), 10_000)
				if _, err := j.AppendAll(b.Context(), items[:n]); err != nil {
					b.Fatal(err)
				}
				items = items[n:]
			}
			last := end(b, j)
			a := archiver(b, j, nil)
			b.ResetTimer()
			journaltest.Run(b, "archiver", a.Run)
			deadline := time.NewTimer(2 * time.Minute)
			defer deadline.Stop()
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for a.Copied() < last {
				select {
				case <-tick.C:
				case <-deadline.C:
					b.Fatal("the archive is not complete after two minutes")
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "archived/s")
		})
	}
}
