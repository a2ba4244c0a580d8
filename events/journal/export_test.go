package journal

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// What the tests of leases and trimming take hold of.
const (
	LeaseTrust = leaseTrust
	SettleTime = settleTime
)

func (l *Lease) Step(ctx context.Context) time.Duration { return l.step(ctx) }
func (l *Lease) Release(ctx context.Context)            { l.release(ctx) }
func (l *Lease) SetSeq(seq uint64)                      { l.seq = seq }

// ArchiveEnd is the place of the last record in the archive.
func (j *Journal) ArchiveEnd(ctx context.Context) (events.Place, error) {
	r, _, err := j.archiveEnd(ctx)
	return r.Place, err
}

// ArchivedUpTo is what readers believe of the archive.
func (j *Journal) ArchivedUpTo(ctx context.Context) uint64 { return j.archivedUpTo(ctx) }

// SetClock makes j see the hot stream as if the broker's clock had been at
// clock(seq) when it took the commit seq. There is no other way to an outage of
// ten seconds that does not take them.
func (j *Journal) SetClock(clock func(seq uint64) events.Millis) { j.hot = &clocked{j.hot, clock} }

type clocked struct {
	jetstream.Stream
	clock func(seq uint64) events.Millis
}

func (c *clocked) GetMsg(ctx context.Context, seq uint64, opts ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	m, err := c.Stream.GetMsg(ctx, seq, opts...)
	if err == nil {
		m.Time = c.clock(m.Sequence).Time()
	}
	return m, err
}

func (c *clocked) OrderedConsumer(ctx context.Context, cfg jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	cons, err := c.Stream.OrderedConsumer(ctx, cfg)
	return &clockedConsumer{cons, c}, err
}

type clockedConsumer struct {
	jetstream.Consumer
	c *clocked
}

func (c *clockedConsumer) Consume(handle jetstream.MessageHandler, opts ...jetstream.PullConsumeOpt) (jetstream.ConsumeContext, error) {
	return c.Consumer.Consume(func(m jetstream.Msg) { handle(&clockedMsg{m, c.c}) }, opts...)
}

func (c *clockedConsumer) Messages(opts ...jetstream.PullMessagesOpt) (jetstream.MessagesContext, error) {
	msgs, err := c.Consumer.Messages(opts...)
	return &clockedMessages{msgs, c.c}, err
}

type clockedMessages struct {
	jetstream.MessagesContext
	c *clocked
}

func (c *clockedMessages) Next(opts ...jetstream.NextOpt) (jetstream.Msg, error) {
	m, err := c.MessagesContext.Next(opts...)
	if err != nil {
		return nil, err
	}
	return &clockedMsg{m, c.c}, nil
}

type clockedMsg struct {
	jetstream.Msg
	c *clocked
}

func (c *clockedMsg) Metadata() (*jetstream.MsgMetadata, error) {
	meta, err := c.Msg.Metadata()
	if err != nil {
		return nil, err
	}
	shifted := *meta
	shifted.Timestamp = c.c.clock(meta.Sequence.Stream).Time()
	return &shifted, nil
}
