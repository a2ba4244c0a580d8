package journal

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/rollcall-dev/rollcall/events"
)

const (
	// maxMessages is what the server takes as one atomic batch.
	maxMessages = 1000
	// maxBatchBytes keeps a message of heartbeats well under the server's
	// largest payload (1 MiB).
	maxBatchBytes = 512 << 10
	// maxBeatBytes is what the largest beat takes: three ids and some fields.
	maxBeatBytes = 3*events.MaxIDBytes + 48
	// maxPlain is up to how many messages are published one by one: a message
	// costs one fsync under sync always, an atomic batch of any size about four.
	maxPlain = 4
	// turns is how often the committer lets everybody else who can run go first
	// before it takes what waits. Those just answered are about to come back;
	// without this the first of them would go alone and the others wait for him.
	// It costs nothing where nobody else can run: no timer, no added latency.
	turns = 6
)

// publish is what goes out at once: messages in order, and for each entry the
// message that carries it.
type publish struct {
	msgs    []*nats.Msg
	entries []*entry
	carrier []int // entry → index in msgs
}

// commitAll publishes until nothing waits.
func (j *Journal) commitAll(ctx context.Context) {
	// The callers of what waits are owed an answer even while Run ends; each
	// publish is bounded by AckTimeout.
	ctx = context.WithoutCancel(ctx)
	for {
		for range turns {
			runtime.Gosched()
		}
		entries := j.take(j.spare)
		if len(entries) == 0 {
			j.spare = entries
			return
		}
		for rest := entries; len(rest) > 0; {
			if err := j.refused(); err != nil {
				j.turnAway(rest, err)
				break
			}
			p, n := j.compose(rest)
			j.commit(ctx, p)
			rest = rest[n:]
		}
		clear(entries)
		j.spare = entries
	}
}

// compose makes one publish of as many entries as fit, from the front, and says
// how many. Beats join the last batch of the publish unless an event of their
// user stands behind it: a user's own events keep the order of their arrival.
func (j *Journal) compose(entries []*entry) (publish, int) {
	var (
		p     = publish{carrier: j.carrier[:0]}
		beats = j.beats[:0]  // of the open batch
		batch = -1           // index of the open batch in p.msgs
		last  map[string]int // user → index of his last event in p.msgs
		size  int            // bytes that the open batch may take
		n     int
	)
	shut := func() {
		if batch >= 0 {
			p.msgs[batch].Data = j.encode(beats)
			j.metrics.BatchSize.Observe(float64(len(beats)))
		}
		batch, beats, size = -1, beats[:0], 0
	}
	for ; n < len(entries); n++ {
		e := entries[n]
		if e.msg != nil {
			if len(p.msgs) == maxMessages {
				break
			}
			if last == nil {
				last = make(map[string]int)
			}
			last[e.user] = len(p.msgs)
			p.carrier = append(p.carrier, len(p.msgs))
			p.msgs = append(p.msgs, e.msg)
			continue
		}
		if at, ok := last[e.user]; batch < 0 || size > maxBatchBytes-maxBeatBytes || ok && at > batch {
			if len(p.msgs) == maxMessages {
				break
			}
			shut()
			batch = len(p.msgs)
			p.msgs = append(p.msgs, nats.NewMsg(events.HeartbeatSubject))
		}
		beats = append(beats, e.beat)
		size += len(e.beat.User) + len(e.beat.Session) + len(e.beat.Actor) + 48
		p.carrier = append(p.carrier, batch)
	}
	shut()
	clear(beats[:cap(beats)]) // hold on to nobody's strings
	j.beats, j.carrier = beats, p.carrier
	p.entries = entries[:n]
	return p, n
}

// encode appends the batch of beats to the committer's buffer. The common
// publish holds one batch and reuses the buffer of the one before.
func (j *Journal) encode(beats []events.Beat) []byte {
	start := len(j.buf)
	j.buf = events.AppendBatch(j.buf, beats)
	return j.buf[start:len(j.buf):len(j.buf)]
}

// commit publishes p and gives every entry its outcome.
func (j *Journal) commit(ctx context.Context, p publish) {
	began := time.Now()
	outcomes := j.publish(ctx, p.msgs)
	j.metrics.AckSeconds.Observe(time.Since(began).Seconds())
	j.noteTrouble(outcomes[0].err)
	reuse := true
	for i, e := range p.entries {
		o := outcomes[p.carrier[i]]
		if o.err != nil {
			reuse = false
		} else if o.ack.Duplicate && e.digest != "" {
			o.err = j.checkDigest(ctx, o.ack.Seq, e.digest)
		}
		j.metrics.count(e, o)
		e.done <- o
	}
	if reuse {
		j.buf = j.buf[:0]
		j.lastDone.Store(j.cfg.Now().UnixNano())
	} else {
		j.buf = nil // the client may hold on to a message that it has not given up
	}
}

// publish appends msgs in their order and returns an outcome for each.
func (j *Journal) publish(ctx context.Context, msgs []*nats.Msg) []outcome {
	outcomes := make([]outcome, len(msgs))
	if len(msgs) > maxPlain {
		err := j.publishAtomic(ctx, msgs, outcomes)
		if err == nil {
			return outcomes
		}
		// One known key rejects the whole batch. Nothing of it is stored; one
		// by one each message gets its own answer.
		if apiCode(err) != codeBatchDuplicate {
			for i := range outcomes {
				outcomes[i].err = asOurs(err)
			}
			return outcomes
		}
	}
	j.publishPlain(msgs, outcomes)
	return outcomes
}

func (j *Journal) publishAtomic(ctx context.Context, msgs []*nats.Msg, outcomes []outcome) error {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.AckTimeout)
	defer cancel()
	ack, err := jetstreamext.PublishMsgBatch(ctx, j.js, msgs, jetstreamext.BatchFlowControl{})
	if err != nil {
		// What the batch added to the headers must not go out again.
		for _, m := range msgs {
			m.Reply = ""
			for _, h := range []string{jetstreamext.BatchIDHeader, jetstreamext.BatchSeqHeader, jetstreamext.BatchCommitHeader} {
				m.Header.Del(h)
			}
		}
		return err
	}
	for i := range outcomes {
		outcomes[i].ack.Seq = ack.Sequence - uint64(len(msgs)-1-i)
	}
	return nil
}

// publishPlain sends msgs one behind the other without waiting in between; one
// connection and one stream keep their order.
func (j *Journal) publishPlain(msgs []*nats.Msg, outcomes []outcome) {
	futures := make([]jetstream.PubAckFuture, len(msgs))
	for i, m := range msgs {
		f, err := j.js.PublishMsgAsync(m)
		if err != nil {
			outcomes[i].err = asOurs(err)
			continue
		}
		futures[i] = f
	}
	timeout := time.NewTimer(j.cfg.AckTimeout + time.Second)
	defer timeout.Stop()
	for i, f := range futures {
		if f != nil {
			outcomes[i] = wait(f, timeout.C)
		}
	}
}

func wait(f jetstream.PubAckFuture, timeout <-chan time.Time) outcome {
	select {
	case ack := <-f.Ok():
		return outcome{ack: Ack{Seq: ack.Sequence, Duplicate: ack.Duplicate}}
	case err := <-f.Err():
		return outcome{err: asOurs(err)}
	case <-timeout:
		return outcome{err: fmt.Errorf("%w: no answer", ErrSlow)}
	}
}

// publishOne appends one message outside the queue: marks, which nobody awaits.
func (j *Journal) publishOne(m *nats.Msg) (uint64, error) {
	outcomes := make([]outcome, 1)
	j.publishPlain([]*nats.Msg{m}, outcomes)
	j.noteTrouble(outcomes[0].err)
	if outcomes[0].err == nil {
		j.lastDone.Store(j.cfg.Now().UnixNano())
	}
	return outcomes[0].ack.Seq, outcomes[0].err
}

// checkDigest returns ErrConflict if the message that stands at seq came from
// another request than the one with this digest.
func (j *Journal) checkDigest(ctx context.Context, seq uint64, digest string) error {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.AckTimeout)
	defer cancel()
	m, err := j.hot.GetMsg(ctx, seq)
	if err != nil {
		return fmt.Errorf("reading the first request under this key: %w", asOurs(err))
	}
	if m.Header.Get(events.RequestHeader) != digest {
		return ErrConflict
	}
	return nil
}
