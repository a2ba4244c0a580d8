package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Horizon is from where on a reader that begins with nothing reads the hot
// stream: before it the archive says all that counts.
type Horizon struct {
	Seq  uint64 // the first commit to fold
	Lead uint64 // the first commit whose keys may make something from Seq on void
}

// witnessLook is how far before the log's end a commit is looked for that says
// what is witnessed: the node that writes timeouts says so every few seconds.
const witnessLook = events.Millis(4 * events.MaxGap / time.Millisecond)

// Horizon returns where a reader may begin with the hot stream just now: twice
// the longest timeout before its end, in covered time, so that every session
// that is still live has shown a sign of life since; but not after what the
// archive has, nor after a heartbeat that is not yet written down; at the hot
// stream's beginning where that cannot be told. end is where the reader will
// stop; 0: at the log's end.
func (j *Journal) Horizon(ctx context.Context, end uint64) (Horizon, error) {
	first, last, err := j.Bounds(ctx)
	if err != nil || last < first {
		return Horizon{Seq: first, Lead: first}, err
	}
	if end != 0 {
		last = min(last, end)
	}
	if last < first {
		return Horizon{Seq: last + 1, Lead: last + 1}, nil
	}
	seq, err := j.lookback(ctx, first, last)
	if err != nil || seq <= first {
		return Horizon{Seq: first, Lead: first}, err
	}
	m, err := j.Message(ctx, seq)
	if errors.Is(err, ErrGone) { // it has been trimmed meanwhile
		return j.Horizon(ctx, end)
	}
	if err != nil {
		return Horizon{}, err
	}
	at, err := j.keysLead(ctx, first, &m)
	return Horizon{Seq: seq, Lead: at}, err
}

// keysLead returns where a reader of the hot stream from m on begins to read for
// the keys that make something there void: two minutes before, in covered time,
// or at first, the stream's beginning.
func (j *Journal) keysLead(ctx context.Context, first uint64, m *Message) (uint64, error) {
	for back := lead; ; back *= 2 {
		at, err := j.seekHot(ctx, m.Time-back)
		if err != nil {
			return 0, err
		}
		if at = min(at, m.Seq); at <= first {
			return first, nil
		}
		covered, err := j.coveredSince(ctx, at, m.Seq)
		if err != nil || covered >= int64(lead) {
			return at, err
		}
	}
}

func (j *Journal) lookback(ctx context.Context, first, last uint64) (seq uint64, err error) {
	end, _, err := j.archiveEnd(ctx)
	if err != nil {
		return 0, err
	}
	m, err := j.Message(ctx, last)
	if err != nil {
		return 0, err
	}
	witnessed, err := j.findWitnessed(ctx, m.Time, last)
	if err != nil {
		return 0, err
	}
	for back := j.cfg.Lookback; ; back *= 2 {
		at, err := j.seekHot(ctx, m.Time-events.Millis(back.Milliseconds()))
		if err != nil {
			return 0, err
		}
		if at = min(at, end.Place.Seq, witnessed+1); at <= first {
			return first, nil
		}
		covered, err := j.coveredSince(ctx, at, last)
		if err != nil || covered >= j.cfg.Lookback.Milliseconds() {
			return at, err
		}
	}
}

// findWitnessed returns what the log's end says is witnessed, 0 where it says
// nothing.
func (j *Journal) findWitnessed(ctx context.Context, end events.Millis, last uint64) (seq uint64, err error) {
	from, err := j.seekHot(ctx, end-witnessLook)
	if err != nil {
		return 0, err
	}
	var c events.Commit
	err = j.Read(ctx, Stretch{From: from, To: last}, func(batch []Message) error {
		for i := range batch {
			if c.Decode(batch[i].Data) == nil && c.Witnessed != 0 {
				seq = c.Witnessed
			}
		}
		return nil
	})
	return seq, err
}

// coveredSince returns how much covered time lies between two commits.
func (j *Journal) coveredSince(ctx context.Context, from, to uint64) (int64, error) {
	cons, err := j.hot.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, HeadersOnly: true})
	if err != nil {
		return 0, fmt.Errorf("measuring the log: %w", asOurs(err))
	}
	defer j.forget(ctx, j.hot, cons)
	msgs, err := cons.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		return 0, fmt.Errorf("measuring the log: %w", asOurs(err))
	}
	defer msgs.Stop()
	var clock events.Clock
	for {
		m, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return 0, fmt.Errorf("measuring the log: %w", asOurs(err))
		}
		meta, err := m.Metadata()
		if err != nil {
			return 0, fmt.Errorf("measuring the log: %w", err)
		}
		clock.Advance(events.MillisOf(meta.Timestamp))
		if meta.Sequence.Stream >= to {
			return clock.Covered, nil
		}
	}
}
