package journal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

const (
	// maxCommit is how large a commit becomes, in bytes: half of what a server
	// takes by default.
	maxCommit = 512 << 10
	// minCommit is how small a server's bound may make it: one event fits.
	minCommit = 4 << 10
	// turns is how often the committer lets everybody else who can run go first
	// before it takes what waits. Those just answered are about to come back;
	// without this the first of them would go alone and the others wait for that one.
	// It costs nothing where nobody else can run: no timer, no added latency.
	turns = 6
)

// span is the items of an entry from from up to, and without, to.
type span struct {
	e        *entry
	from, to int
}

// commit is one message of the log on its way.
type commit struct {
	data  []byte
	at    events.Millis
	spans []span // whose items are in it, in order
	n     int    // how many

	actors []string // whose names it has, for heartbeats
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
		j.todo = j.spans[:0]
		for _, e := range entries {
			j.todo = append(j.todo, span{e: e, to: e.size()})
		}
		j.spans = j.todo
		for len(j.todo) > 0 {
			if err := j.refused(); err != nil {
				j.turnAway(err)
				break
			}
			j.compose()
			j.publishCommit(ctx)
		}
		clear(j.spans) // hold on to nobody's events
		clear(j.commit.spans)
		clear(entries)
		j.spare = entries
	}
}

// compose moves what fits into one commit from todo, in order.
func (j *Journal) compose() {
	c := &j.commit
	*c = commit{data: c.data[:0], spans: c.spans[:0], actors: c.actors[:0]}
	limit := j.commitLimit()
	done := 0
	for ; done < len(j.todo); done++ {
		s := &j.todo[done]
		from := s.from
		for s.from < s.to && c.n < events.MaxEntries && j.appendItem(c, s.e, s.from, limit) {
			s.from++
		}
		if s.from > from {
			c.spans = append(c.spans, span{s.e, from, s.from})
		}
		if s.from < s.to {
			break
		}
	}
	j.todo = j.todo[done:]
}

// appendItem writes one item into c, if it fits. The first always does.
func (j *Journal) appendItem(c *commit, e *entry, i, limit int) bool {
	if e.items == nil {
		b := &e.beat
		if e.beats != nil {
			b = &e.beats[i]
		}
		if c.n > 0 && len(c.data)+len(b.User)+len(b.Session)+len(b.Actor)+48 > limit {
			return false
		}
		j.begin(c, b.At)
		c.appendBeat(b)
		c.n++
		return true
	}
	item := &e.items[i]
	j.begin(c, item.Event.At)
	before := len(c.data)
	// check has made sure that it can be written.
	c.data, _ = events.AppendEvent(c.data, &item.Event, &item.Key, c.at)
	if c.n > 0 && len(c.data) > limit {
		c.data = c.data[:before]
		return false
	}
	c.n++
	return true
}

// maxActors is how many actors a commit names: each is searched for.
const maxActors = 8

// appendBeat writes a heartbeat. An actor who speaks for others is named once.
func (c *commit) appendBeat(b *events.Beat) {
	if b.Actor == b.User || b.Actor == "" {
		c.data = events.AppendBeat(c.data, b, c.at)
		return
	}
	i := slices.Index(c.actors, b.Actor)
	if i < 0 && len(c.actors) < maxActors {
		i = len(c.actors)
		c.actors = append(c.actors, b.Actor)
		c.data = events.AppendActor(c.data, b.Actor)
	}
	if i < 0 {
		c.data = events.AppendBeat(c.data, b, c.at)
		return
	}
	c.data = events.AppendSentBeat(c.data, b, c.at, i+1)
}

// begin writes the head of a commit whose first item is of at.
func (j *Journal) begin(c *commit, at events.Millis) {
	if c.n == 0 {
		c.at = at
		c.data = events.AppendCommit(c.data[:0], at, j.cfg.Node, j.noteWitnessed())
	}
}

// Witnessed tells the log, with one of the next commits, that every heartbeat up
// to the sequence seq that changed something is written down by an event.
func (j *Journal) Witnessed(seq uint64) { j.witnessed.Store(seq) }

// noteWitnessed is what the next commit says of it: something every few seconds.
func (j *Journal) noteWitnessed() uint64 {
	now := j.cfg.Now()
	if now.Sub(j.noted) < events.AlivePeriod/2 {
		return 0
	}
	seq := j.witnessed.Swap(0)
	if seq != 0 {
		j.noted = now
	}
	return seq
}

// commitLimit is how large a commit may be just now.
func (j *Journal) commitLimit() int {
	limit := min(j.cfg.MaxCommit, int(j.nc.MaxPayload())-64)
	if j.smaller > 0 {
		limit = min(limit, j.smaller)
	}
	return max(limit, minCommit)
}

// publishCommit publishes what compose has made and gives every caller whose
// items are all through the outcome.
func (j *Journal) publishCommit(ctx context.Context) {
	c := &j.commit
	began := time.Now()
	seq, err := j.publish(ctx, c.data)
	if err != nil {
		c.data = nil // the client may hold on to it
		if errors.Is(err, ErrTooLarge) && c.n > 1 {
			j.retrySmaller(c)
			return
		}
	}
	j.metrics.AckSeconds.Observe(time.Since(began).Seconds())
	j.metrics.BatchSize.Observe(float64(c.n))
	j.noteTrouble(err)
	if err == nil {
		j.lastDone.Store(j.cfg.Now().UnixNano())
	}
	nth := uint32(0)
	for _, s := range c.spans {
		n := s.to - s.from
		if err == nil {
			s.e.note(events.Place{Seq: seq, Nth: nth}, n)
		} else {
			j.fail(s.e, err)
		}
		nth += uint32(n)
		if s.e.err != nil || s.to == s.e.size() {
			j.settle(s.e)
		}
	}
}

// note enters that the next n items of e are in the log, from first on.
func (e *entry) note(first events.Place, n int) {
	e.stored += n
	e.last = events.Place{Seq: first.Seq, Nth: first.Nth + uint32(n) - 1}
	if e.size() > 1 {
		e.runs = append(e.runs, run{first, n})
	}
}

// fail ends e: its items that are not yet tried will not be.
func (j *Journal) fail(e *entry, err error) {
	e.err = err
	if len(j.todo) > 0 && j.todo[0].e == e {
		j.todo = j.todo[1:]
	}
}

// retrySmaller puts the items of a commit that was larger than the server takes
// back, to go in smaller ones from now on. Nothing of it was stored.
func (j *Journal) retrySmaller(c *commit) {
	j.smaller = max(j.commitLimit()/2, minCommit)
	j.log.Warn("the log takes smaller messages than expected; commits become smaller", "bytes", j.smaller)
	spans := make([]span, 0, len(c.spans)+len(j.todo))
	spans = append(spans, c.spans...)
	if last := len(spans) - 1; len(j.todo) > 0 && j.todo[0].e == spans[last].e {
		spans[last].to = j.todo[0].to
		j.todo = j.todo[1:]
	}
	j.todo = append(spans, j.todo...)
}

// publish appends one message and returns its sequence.
func (j *Journal) publish(ctx context.Context, data []byte) (uint64, error) {
	m := nats.Msg{Subject: events.LogSubject, Data: data}
	future, err := j.js.PublishMsgAsync(&m)
	if err != nil {
		return 0, asOurs(err)
	}
	timeout := time.NewTimer(j.cfg.AckTimeout + time.Second)
	defer timeout.Stop()
	return wait(ctx, future, timeout.C)
}

func wait(ctx context.Context, f jetstream.PubAckFuture, timeout <-chan time.Time) (uint64, error) {
	select {
	case ack := <-f.Ok():
		return ack.Sequence, nil
	case err := <-f.Err():
		return 0, asOurs(err)
	case <-timeout:
		return 0, fmt.Errorf("%w: no answer", ErrSlow)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// mark publishes a commit without entries, which nobody awaits. going says that
// it is this node's last.
func (j *Journal) mark(ctx context.Context, going bool) error {
	data := events.AppendCommit(nil, events.MillisOf(j.cfg.Now()), j.cfg.Node, j.noteWitnessed())
	if going {
		data = events.AppendGoing(data)
	}
	_, err := j.publish(ctx, data)
	j.noteTrouble(err)
	if err == nil {
		j.lastDone.Store(j.cfg.Now().UnixNano())
	}
	return err
}
