package loadgen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// natsStart is how long a NATS server may take to read its store.
	natsStart = 2 * time.Minute
	// natsPayload is the size of a message in bytes, natsPending how many may
	// wait for their acknowledgement.
	natsPayload = 60
	natsPending = 4096
)

// ErrNATS says that a NATS server did not start, or did not take a message.
var ErrNATS = errors.New("NATS server failed")

// ServeNATS runs a NATS server with JetStream at addr, a loopback address, until
// ctx ends, with the server's own defaults. The bound address goes to addrFile.
func ServeNATS(ctx context.Context, addr, addrFile, dir string) error {
	to, err := loopback(ctx, "http://"+addr)
	if err != nil {
		return err
	}
	port := int(to.addr.Port())
	if port == 0 {
		port = natsserver.RANDOM_PORT
	}
	s, err := startNATS(&natsserver.Options{
		Host: to.addr.Addr().String(), Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
	})
	if err != nil {
		return err
	}
	defer stopNATS(s)
	if err := writeAddr(addrFile, s.Addr()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func startNATS(o *natsserver.Options) (*natsserver.Server, error) {
	s, err := natsserver.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNATS, err)
	}
	go s.Start()
	if !s.ReadyForConnections(natsStart) {
		stopNATS(s)
		return nil, fmt.Errorf("%w: not ready within %s", ErrNATS, natsStart)
	}
	return s, nil
}

func stopNATS(s *natsserver.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// publisher publishes messages one by one, without waiting for the answer of
// each.
type publisher struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	failed atomic.Pointer[error] // the first message that was not taken
}

// newPublisher makes the stream. Its close must be called.
func newPublisher(ctx context.Context, url string) (p *publisher, err error) {
	p = &publisher{}
	if p.conn, err = nats.Connect("nats://" + strings.TrimPrefix(url, "http://")); err != nil {
		return nil, fmt.Errorf("connecting to the NATS server: %w", err)
	}
	p.js, err = jetstream.New(p.conn, jetstream.WithPublishAsyncMaxPending(natsPending),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) { p.failed.CompareAndSwap(nil, &err) }))
	if err == nil {
		_, err = p.js.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, Storage: jetstream.FileStorage})
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("making a stream: %w", err)
	}
	return p, nil
}

func (p *publisher) close() { p.conn.Close() }

// send publishes for that long, then waits for the answers still missing. It
// returns how many messages were taken.
func (p *publisher) send(ctx context.Context, d time.Duration) (int64, error) {
	payload := make([]byte, natsPayload)
	var n int64
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil; {
		for range 256 { // between two looks at the clock
			if _, err := p.js.PublishAsync("events.login", payload); err != nil {
				return n, fmt.Errorf("publishing: %w", err)
			}
			n++
		}
	}
	select {
	case <-p.js.PublishAsyncComplete():
	case <-ctx.Done():
		return n, context.Cause(ctx)
	}
	if err := p.failed.Load(); err != nil {
		return n, fmt.Errorf("%w: %w", ErrNATS, *err)
	}
	return n, nil
}
