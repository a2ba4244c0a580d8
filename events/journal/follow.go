package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Message is one message of the log. Data belongs to the message and stays.
type Message struct {
	Seq     uint64        // in StreamHot, also for a message read from the audit copy
	Time    events.Millis // the broker's timestamp there
	Subject string
	Data    []byte
	Behind  uint64 // how many messages stood behind it when it was sent to us
}

const (
	// followBuffer is how many messages may wait between the server and the
	// reader. One may hold some hundred heartbeats, so this bounds memory too.
	followBuffer = 1024
	// followBatch is how many of them the reader gets at once at most.
	followBatch = 512
)

// Follow calls fn with all messages of the hot stream from sequence from on, in
// order and without a gap, as they come, until ctx ends (nil is returned) or fn
// returns an error (which is). It survives lost connections. It returns ErrGone
// if the log begins after from. fn may keep nothing of the slice.
func (j *Journal) Follow(ctx context.Context, from uint64, fn func([]Message) error) error {
	first, _, err := j.Bounds(ctx)
	if err != nil {
		return err
	}
	if first > from {
		return fmt.Errorf("%w: it begins at %d, wanted from %d", ErrGone, first, from)
	}
	return j.consume(ctx, j.hot, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(from, 1),
	}, fn)
}

// consume feeds fn from an ordered consumer on s.
func (j *Journal) consume(ctx context.Context, s jetstream.Stream, cfg jetstream.OrderedConsumerConfig, fn func([]Message) error) error {
	cons, err := s.OrderedConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("following the log: %w", asOurs(err))
	}
	defer j.forget(ctx, s, cons)
	arrived := make(chan Message, followBuffer)
	done := make(chan struct{})
	cc, err := cons.Consume(func(m jetstream.Msg) {
		msg, err := read(m)
		if err != nil {
			j.log.Error("a message without its place in the log", "subject", m.Subject(), "error", err)
			return
		}
		select {
		case arrived <- msg:
		case <-done:
		}
	}, jetstream.PullMaxMessages(followBuffer), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		j.log.Debug("following the log was interrupted and goes on", "error", err)
	}))
	if err != nil {
		return fmt.Errorf("following the log: %w", asOurs(err))
	}
	defer func() { close(done); cc.Stop(); <-cc.Closed() }()

	batch := make([]Message, 0, followBatch)
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-arrived:
			batch = gather(append(batch[:0], m), arrived)
		}
		if err := fn(batch); err != nil {
			return err
		}
	}
}

// gather adds to batch what has arrived already, up to followBatch.
func gather(batch []Message, arrived <-chan Message) []Message {
	for len(batch) < followBatch {
		select {
		case m := <-arrived:
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

// forget deletes the ephemeral consumer instead of letting the server find out.
func (j *Journal) forget(ctx context.Context, s jetstream.Stream, cons jetstream.Consumer) {
	info := cons.CachedInfo()
	if info == nil || j.nc.Status() != nats.CONNECTED {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.DeleteConsumer(ctx, info.Name); err != nil {
		j.log.Debug("a consumer is left to time out", "error", err)
	}
}

// read takes a delivered message apart. One from the audit copy says in its
// headers where it stood.
func read(m jetstream.Msg) (Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Message{}, err
	}
	msg := Message{Seq: meta.Sequence.Stream, Time: events.MillisOf(meta.Timestamp), Subject: m.Subject(), Data: m.Data(), Behind: meta.NumPending}
	if meta.Stream == events.StreamAudit {
		err = msg.originate(m.Headers())
	}
	return msg, err
}
