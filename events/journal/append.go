package journal

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Key makes a repeat of a request add nothing. The zero Key makes none.
type Key struct {
	ID     string // becomes the message's Nats-Msg-Id
	Digest string // of the request, to tell a repeat from another request under the same key; may be empty
}

// Ack says where an event stands in the log.
type Ack struct {
	Seq       uint64
	Duplicate bool // the key was known: Seq is the first one's
}

// Receipt is a promise of an acknowledgement.
type Receipt struct {
	j *Journal
	e *entry
}

// entry is one event on its way. It goes back to the pool when its caller has
// got the outcome.
type entry struct {
	beat   events.Beat // where msg is nil
	msg    *nats.Msg   // else
	user   string
	digest string
	done   chan outcome // buffered 1: the committer never waits for a caller
}

type outcome struct {
	ack Ack
	err error
}

// weight counts an entry towards the queue's limit and the size of a publish.
const (
	beatWeight  = 1
	eventWeight = 4
)

func (e *entry) weight() int {
	if e.msg == nil {
		return beatWeight
	}
	return eventWeight
}

// Beat appends a heartbeat and returns its sequence once it is in the log, as
// durably as the server was told. Heartbeats that wait together share one
// message, and so a sequence. Errors wrap the sentinels of this package, or ctx's
// where that had ended already; a beat that is on its way is waited for, which
// takes Config.AckTimeout at most.
func (j *Journal) Beat(ctx context.Context, b events.Beat) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("appending a heartbeat: %w", err)
	}
	e := j.free.Get().(*entry)
	e.beat, e.msg, e.user = b, nil, b.User
	if err := j.enqueue(e); err != nil {
		j.free.Put(e)
		return 0, err
	}
	// Not await: a publish is bounded by AckTimeout and every entry gets its
	// outcome, so there is nothing to select on, and ctx need not make a channel
	// for each beat.
	o := <-e.done
	j.free.Put(e)
	return o.ack.Seq, o.err
}

// Append appends e and returns its place once it is in the log. An empty e.ID
// is filled with a new UUIDv7; e.V with events.Version. Errors as in Beat, and
// ErrConflict.
func (j *Journal) Append(ctx context.Context, e events.Event, key Key) (Ack, error) {
	r, err := j.Submit(e, key)
	if err != nil {
		return Ack{}, err
	}
	return r.Wait(ctx)
}

// Submit is Append without the wait: events that are submitted one after the
// other stand in the log in that order. A Heartbeat without a key travels in a
// batch; with one it travels alone, so that the key can hold.
func (j *Journal) Submit(e events.Event, key Key) (*Receipt, error) {
	n := j.free.Get().(*entry)
	n.user = e.User
	if err := n.fill(&e, key); err != nil {
		return nil, err
	}
	if err := j.enqueue(n); err != nil {
		j.free.Put(n)
		return nil, err
	}
	return &Receipt{j: j, e: n}, nil
}

func (e *entry) fill(ev *events.Event, key Key) error {
	e.msg, e.digest = nil, key.Digest
	if ev.Type == events.Heartbeat {
		e.beat = events.Beat{User: ev.User, Session: ev.Session, Actor: ev.Actor, At: ev.At, Every: ev.Every, Idle: ev.Idle, Leaving: ev.Leaving}
		if key.ID == "" {
			return nil
		}
		e.msg = nats.NewMsg(events.HeartbeatSubject)
		e.msg.Data = events.AppendBatch(nil, []events.Beat{e.beat})
	} else {
		if ev.ID == "" {
			id, err := uuid.NewV7()
			if err != nil {
				return fmt.Errorf("making an event id: %w", err)
			}
			ev.ID = id.String()
		}
		ev.V = events.Version
		if err := ev.Validate(); err != nil {
			return err
		}
		data, err := events.Encode(ev)
		if err != nil {
			return err
		}
		e.msg = nats.NewMsg(events.SubjectOf(ev))
		e.msg.Data = data
	}
	if key.ID == "" && ev.ID != "" {
		key.ID = ev.ID
	}
	e.msg.Header.Set(jetstream.MsgIDHeader, key.ID)
	if key.Digest != "" {
		e.msg.Header.Set(events.RequestHeader, key.Digest)
	}
	return nil
}

// Wait returns the acknowledgement. It may be called once.
func (r *Receipt) Wait(ctx context.Context) (Ack, error) { return r.j.await(ctx, r.e) }

// enqueue hands e to the committer, or says at once that it cannot.
func (j *Journal) enqueue(e *entry) error {
	w := e.weight()
	j.mu.Lock()
	switch {
	case j.closed:
		j.mu.Unlock()
		return ErrClosed
	case j.refusal != nil:
		err := j.refusal
		j.mu.Unlock()
		j.metrics.count(e, outcome{err: err})
		return err
	case j.weight+w > j.cfg.QueueLimit:
		j.mu.Unlock()
		j.metrics.Shed.Inc()
		return ErrOverloaded
	}
	j.waiting = append(j.waiting, e)
	j.weight += w
	first := len(j.waiting) == 1
	j.mu.Unlock()
	if first {
		select {
		case j.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// await returns the outcome of e. An entry whose caller has gone stays with the
// committer and is not used again.
func (j *Journal) await(ctx context.Context, e *entry) (Ack, error) {
	select {
	case o := <-e.done:
		e.msg = nil
		j.free.Put(e)
		return o.ack, o.err
	case <-ctx.Done():
		return Ack{}, fmt.Errorf("waiting for the log: %w", ctx.Err())
	}
}

// take returns all that waits and leaves spare for what comes next.
func (j *Journal) take(spare []*entry) []*entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	got := j.waiting
	j.waiting, j.weight = spare[:0], 0
	return got
}
