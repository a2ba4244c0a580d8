package loadgen

import (
	"context"
	"fmt"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// drainWait is how long the next message of a stream may take.
const drainWait = 30 * time.Second

// Drained is what a Drain has read.
type Drained struct {
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
}

// Drain reads every message of every stream on disk in the NATS store at dir,
// of a node that is stopped, with an ordered consumer each, one after the other,
// and does nothing with them but count.
func Drain(ctx context.Context, dir string) (total Drained, err error) {
	s, err := startNATS(&natsserver.Options{ServerName: "drain", DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		return Drained{}, err
	}
	defer stopNATS(s)
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return Drained{}, fmt.Errorf("connecting to the store: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return Drained{}, err
	}
	streams := js.ListStreams(ctx)
	for info := range streams.Info() {
		if info.Config.Storage != jetstream.FileStorage || info.State.Msgs == 0 {
			continue
		}
		read, err := drainStream(ctx, js, info)
		if err != nil {
			return Drained{}, fmt.Errorf("reading stream %s: %w", info.Config.Name, err)
		}
		total.Messages += read.Messages
		total.Bytes += read.Bytes
	}
	return total, streams.Err()
}

func drainStream(ctx context.Context, js jetstream.JetStream, info *jetstream.StreamInfo) (d Drained, err error) {
	consumer, err := js.OrderedConsumer(ctx, info.Config.Name, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return Drained{}, err
	}
	done := make(chan struct{})
	var once sync.Once
	progress := time.NewTimer(drainWait)
	defer progress.Stop()
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		d.Messages++
		d.Bytes += int64(len(m.Data()) + len(m.Subject()))
		if d.Messages%100_000 == 0 {
			progress.Reset(drainWait)
		}
		if meta, err := m.Metadata(); err == nil && meta.NumPending == 0 { // nobody adds to it
			once.Do(func() { close(done) })
		}
	}, jetstream.PullMaxMessages(10_000))
	if err != nil {
		return Drained{}, err
	}
	defer func() {
		consuming.Stop()
		<-consuming.Closed()
	}()
	select {
	case <-done:
		return d, nil
	case <-progress.C:
		return Drained{}, fmt.Errorf("%w: no message within %s", ErrNATS, drainWait)
	case <-ctx.Done():
		return Drained{}, context.Cause(ctx)
	}
}
