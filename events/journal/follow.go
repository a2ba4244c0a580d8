package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Message is one commit of the log. Data belongs to the message and stays.
type Message struct {
	Seq    uint64        // in StreamHot
	Time   events.Millis // the broker's timestamp there
	Data   []byte
	Behind uint64 // how many messages came after it when it was sent to us
}

const (
	// followBuffer is how many messages may wait between the server and the
	// reader. One may hold some hundred heartbeats, so this bounds memory too.
	followBuffer = 1024
	// followBatch is how many of them the reader gets at once at most.
	followBatch = 512
	// followLook is how often a reader to whom nothing comes looks whether the
	// log goes on without him; at the third look in a row he begins again.
	followLook = time.Second
	// followRetry lies between two attempts to begin again.
	followRetry = 250 * time.Millisecond
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
	return j.consume(ctx, from, fn)
}

// errStalled: the log has messages that do not reach us.
var errStalled = errors.New("the log goes on, and is not heard")

// consume calls fn with the messages of the hot stream from sequence from on,
// until ctx ends or fn returns an error. The client library makes a consumer
// anew that has gone with its server. But it takes ten seconds to notice, and
// has been seen never to: so we look ourselves, and begin again behind the last
// message that arrived. ErrGone if that part of the log has gone meanwhile.
func (j *Journal) consume(ctx context.Context, from uint64, fn func([]Message) error) error {
	err := j.consumeOnce(ctx, &from, fn)
	for errors.Is(err, errStalled) {
		j.log.Info("following the log anew: it was not heard any more", "from", from)
		err = j.resume(ctx, &from, fn)
	}
	return err
}

// resume is consumeOnce for somebody who was cut off: while the log cannot be
// reached it goes on trying.
func (j *Journal) resume(ctx context.Context, from *uint64, fn func([]Message) error) error {
	first, _, err := j.Bounds(ctx)
	switch {
	case err == nil && first > *from:
		return fmt.Errorf("%w: it begins at %d, wanted from %d", ErrGone, first, *from)
	case err == nil:
		before := *from
		if err = j.consumeOnce(ctx, from, fn); *from != before || !errors.Is(err, errUnmade) {
			return err
		}
	case errors.Is(err, ErrMissing):
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(followRetry):
		return errStalled
	}
}

// errUnmade: there is no consumer, so nothing was read.
var errUnmade = errors.New("following the log")

// consumeOnce feeds fn from one ordered consumer and moves from behind what fn
// has had. It returns errStalled when the consumer has been left behind.
func (j *Journal) consumeOnce(ctx context.Context, from *uint64, fn func([]Message) error) error {
	cons, err := j.hot.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(*from, 1),
		MaxResetAttempts: 1, // with more it cannot be stopped between them
	})
	if err != nil {
		return fmt.Errorf("%w: %w", errUnmade, asOurs(err))
	}
	defer j.forget(ctx, j.hot, cons)
	arrived := make(chan Message, followBuffer)
	done := make(chan struct{})
	cc, err := cons.Consume(func(m jetstream.Msg) {
		msg, err := read(m)
		if err != nil {
			j.log.Error("a commit without its place in the log", "error", err)
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
		return fmt.Errorf("%w: %w", errUnmade, asOurs(err))
	}
	defer func() { close(done); cc.Stop(); <-cc.Closed() }()

	look := time.NewTicker(followLook)
	defer look.Stop()
	quiet := 0 // looks since the last message
	batch := make([]Message, 0, followBatch)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			switch quiet++; {
			case quiet == 1: // less than a whole period
			case !j.goesOn(ctx, *from):
				quiet = 1
			case quiet > 2: // it was so at the last look too, so nothing is just on its way
				return errStalled
			}
			continue
		case m := <-arrived:
			batch = gather(append(batch[:0], m), arrived)
		}
		if err := fn(batch); err != nil {
			return err
		}
		*from, quiet = batch[len(batch)-1].Seq+1, 0
	}
}

// goesOn reports whether the hot stream surely has a commit at from or after it.
func (j *Journal) goesOn(ctx context.Context, from uint64) bool {
	ctx, cancel := context.WithTimeout(ctx, followLook)
	defer cancel()
	info, err := j.hot.Info(ctx)
	return err == nil && info.State.Msgs > 0 && info.State.LastSeq >= from
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

// read takes a delivered commit apart.
func read(m jetstream.Msg) (Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Message{}, err
	}
	return Message{Seq: meta.Sequence.Stream, Time: events.MillisOf(meta.Timestamp), Data: m.Data(), Behind: meta.NumPending}, nil
}
