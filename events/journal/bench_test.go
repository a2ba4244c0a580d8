package journal_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// durable starts a server that fsyncs before it acknowledges, as a node does.
func durable(b *testing.B) *nats.Conn {
	b.Helper()
	s, err := server.NewServer(&server.Options{ServerName: "bench", DontListen: true, JetStream: true, StoreDir: b.TempDir(),
		NoSigs: true, NoLog: true, SyncAlways: true})
	if err != nil {
		b.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		b.Fatal("not ready")
	}
	b.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return journaltest.Connect(b, s)
}

// BenchmarkBeat is what an acknowledged, fsynced heartbeat costs with n callers.
func BenchmarkBeat(b *testing.B) {
	for _, callers := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j := journaltest.On(b, durable(b), journal.Config{})
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for c := range callers {
				wg.Go(func() {
					user := fmt.Sprintf("user-%06d", c)
					for i := c; i < b.N; i += callers {
						if _, err := j.Beat(b.Context(), events.Beat{User: user, Session: "default", Actor: user, At: 1}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "beats/s")
		})
	}
}

// BenchmarkAudit compares the two ways to copy the audit out of the hot stream,
// by the rate at which events are taken meanwhile, and by that at which the copy
// is complete.
func BenchmarkAudit(b *testing.B) {
	for _, way := range []string{"none", "archiver", "sources"} {
		b.Run(way, func(b *testing.B) {
			nc := durable(b)
			j := journaltest.On(b, nc, journal.Config{})
			done := func(uint64) bool { return true }
			switch way {
			case "sources":
				done = sourced(b, nc)
			case "archiver":
				a := j.Archiver()
				journaltest.Run(b, "archiver", a.Run)
				done = func(seq uint64) bool { return a.Copied() >= seq }
			}
			b.ResetTimer()
			last := submit(b, j, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "taken/s")
			deadline := time.NewTimer(2 * time.Minute)
			defer deadline.Stop()
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for !done(last) {
				select {
				case <-tick.C:
				case <-deadline.C:
					b.Fatal("the copy is not complete after two minutes")
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "copied/s")
		})
	}
}

// submit appends n logins, a thousand under way at a time, and returns the
// sequence of the last.
func submit(b *testing.B, j *journal.Journal, n int) (last uint64) {
	b.Helper()
	var window []*journal.Receipt
	for i := range n {
		r, err := j.Submit(events.Event{Type: events.Login, User: fmt.Sprintf("user-%06d", i), Session: "default", Actor: "bench", At: 1}, journal.Key{})
		if err != nil {
			b.Fatal(err)
		}
		if window = append(window, r); len(window) < 1000 && i+1 < n {
			continue
		}
		for _, r := range window {
			ack, err := r.Wait(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			last = ack.Seq
		}
		window = window[:0]
	}
	return last
}

// sourced makes a stream that sources the hot one, and returns whether it holds
// everything up to a sequence.
func sourced(b *testing.B, nc *nats.Conn) func(uint64) bool {
	b.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	s, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "SOURCED", Storage: jetstream.FileStorage,
		Sources: []*jetstream.StreamSource{{Name: events.StreamHot, FilterSubject: events.UserSubjects}}})
	if err != nil {
		b.Fatal(err)
	}
	return func(uint64) bool {
		info, err := s.Info(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		return info.State.Msgs >= uint64(b.N)
	}
}
