package timeouts

import (
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// BenchmarkTouchRefresh is what a heartbeat costs that refreshes a session.
func BenchmarkTouchRefresh(b *testing.B) {
	d := NewDeadlines(usual, 0)
	users := make([]*events.User, 1024)
	for i := range users {
		users[i] = quiet(name(i), 0)
		d.Touch(users[i])
	}
	covered := int64(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		u := users[i%len(users)]
		covered++
		u.Sessions[0].Covered = covered
		d.Touch(u)
	}
}

// BenchmarkMillionSessions says how much memory the wheel takes for a million
// sessions that beat every thirty seconds, and how long turning it takes.
func BenchmarkMillionSessions(b *testing.B) {
	const sessions = 1_000_000
	users := make([]events.User, sessions)
	var d *Deadlines
	for b.Loop() {
		for i := range users {
			users[i] = *quiet("someone", int64(i%30_000))
		}
		before := heapBytes()
		d = NewDeadlines(usual, 0)
		for i := range users {
			d.Touch(&users[i])
		}
		b.ReportMetric(float64(heapBytes()-before)/sessions, "B/session")
		turns, took := 0, time.Duration(0)
		for ms := int64(0); ms < 600_000; ms += tick {
			if ms%30_000 == 0 {
				for i := range users {
					users[i].Sessions[0].Covered += 30_000
					d.Touch(&users[i])
				}
			}
			began := time.Now()
			if due := takeAll(d, Instant{Covered: ms}); len(due) > 0 {
				b.Fatalf("%d are due although all beat", len(due))
			}
			took += time.Since(began)
			turns++
		}
		b.ReportMetric(float64(took.Microseconds())/float64(turns), "µs/turn")
		b.ReportMetric(float64(heapBytes()-before)/sessions, "B/session-later")
	}
	runtime.KeepAlive(d)
	runtime.KeepAlive(users)
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkMassExpiry is 100 000 people who come online by their heartbeats and
// fall silent at once: how long until all that is in the log, written by one
// consumer.
func BenchmarkMassExpiry(b *testing.B) {
	for _, sync := range []bool{false, true} {
		name := "sync=lazy"
		if sync {
			name = "sync=always"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				expireCrowd(b, sync, 100_000)
			}
		})
	}
}

func expireCrowd(b *testing.B, sync bool, crowd int) {
	log := journaltest.On(b, journaltest.Connect(b, benchServer(b, sync)), journal.Config{})
	f := newFold(b, log, events.Mono)
	c := New(Config{Log: log, Fold: f, Unleased: true, Limits: events.Limits{Timeout: 20 * time.Second}})
	f.Locked(func(uint64, events.Clock, int64) { f.clock.Covered = 60_000 })
	appendBeats(b, log, crowd)
	began := time.Now()
	if _, err := c.Emit(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(crowd)/time.Since(began).Seconds(), "witnesses/s")
	f.Locked(func(uint64, events.Clock, int64) {
		for _, u := range f.users { // as if it had been long ago
			s := &u.Sessions[0]
			s.Covered, s.Mono, s.Alarm = s.Covered-30_000, 0, 0
			c.deadlines.Touch(u)
		}
	})
	began = time.Now()
	for ended := 0; ended < crowd; {
		n, err := c.Emit(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		ended += n
	}
	b.ReportMetric(float64(crowd)/time.Since(began).Seconds(), "offline/s")
	if live, pending := f.count(); live+pending > 0 {
		b.Fatalf("%d are live and %d pending", live, pending)
	}
}

func benchServer(b *testing.B, sync bool) *server.Server {
	s, err := server.NewServer(&server.Options{ServerName: "bench", DontListen: true, JetStream: true, StoreDir: b.TempDir(),
		NoSigs: true, NoLog: true, DisableJetStreamBanner: true, SyncInterval: time.Minute, SyncAlways: sync})
	if err != nil {
		b.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		b.Fatal("the NATS server did not get ready")
	}
	b.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}
