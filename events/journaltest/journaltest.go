// Package journaltest gives tests a real NATS server and a real log: a fresh
// server is up in about six milliseconds, so there is no fake to keep true.
package journaltest

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/rollcall-dev/rollcall/events/journal"
)

// Server starts a NATS server with JetStream under dir that listens nowhere,
// and stops it when the test ends. with changes its options.
func Server(t testing.TB, dir string, with ...func(*server.Options)) *server.Server {
	t.Helper()
	opts := &server.Options{ServerName: "test", DontListen: true, JetStream: true, StoreDir: dir,
		NoSigs: true, NoLog: true, DisableJetStreamBanner: true, SyncInterval: time.Minute}
	for _, change := range with {
		change(opts)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatalf("making a NATS server: %v", err)
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not get ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// MaxPayload bounds what a server takes as one message, in bytes.
func MaxPayload(n int32) func(*server.Options) {
	return func(o *server.Options) { o.MaxPayload = n }
}

// Durable makes a server put everything on disk before it acknowledges, as a
// node's own does.
func Durable(o *server.Options) { o.SyncAlways = true }

// Connect returns a connection to s that is closed when the test ends.
func Connect(t testing.TB, s *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.ReconnectBufSize(-1), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatalf("connecting to the NATS server: %v", err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Open returns a log on a fresh server, with Run running until the test ends.
func Open(t testing.TB, cfg journal.Config) *journal.Journal {
	t.Helper()
	return On(t, Connect(t, Server(t, t.TempDir())), cfg)
}

// On is Open over an existing connection.
func On(t testing.TB, nc *nats.Conn, cfg journal.Config) *journal.Journal {
	t.Helper()
	j, err := journal.Open(context.Background(), nc, cfg)
	if err != nil {
		t.Fatalf("opening the log: %v", err)
	}
	Run(t, "the log", j.Run)
	return j
}

// Run runs a long-lived part until the test ends, and fails the test with what
// it returns.
func Run(t testing.TB, name string, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// Until waits for cond, which is called again and again for at most ten
// seconds. It is for conditions that give no signal.
func Until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited ten seconds for %s", what)
		}
	}
}
