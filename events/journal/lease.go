package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dev/rollcall/events"
)

const (
	// leaseTTL is when the broker forgets a lease that is not renewed. It knows
	// whole seconds only.
	leaseTTL = 3 * time.Second
	// leaseTrust is how long a holder believes in its last renewal: less than
	// leaseTTL, so that it stops before another one begins.
	leaseTrust = 2 * time.Second
	// leaseRenewal is how often a holder renews.
	leaseRenewal = time.Second
	// leaseLook is how often the others look whether it has become free.
	leaseLook = 500 * time.Millisecond
	// leaseAckTime bounds one attempt.
	leaseAckTime = time.Second
)

// Lease picks one of several nodes. It is the one message that its subject may
// hold: the node that puts it there while there is none has the lease, renews
// it by replacing it, and loses it by not doing so in time. The sequence of that
// message is the fencing token: a renewal is accepted only on top of the
// holder's own last one.
type Lease struct {
	j       *Journal
	subject string
	mono    func() int64
	held    prometheus.Gauge
	seq     uint64       // of our message, 0: none; Run's own
	renewed atomic.Int64 // mono just before the last renewal that was accepted, 0: none
}

// Lease returns a lease that is not held. It starts nothing; see Run. mono is a
// monotonic clock in nanoseconds, never 0 (nil: events.Mono); held shows whether
// the lease is ours (nil: nothing does).
func (j *Journal) Lease(subject string, mono func() int64, held prometheus.Gauge) *Lease {
	if mono == nil {
		mono = events.Mono
	}
	return &Lease{j: j, subject: subject, mono: mono, held: held}
}

// Held reports whether the lease is ours just now. It turns false by itself
// when renewals fail, or after the process was stopped.
func (l *Lease) Held() bool {
	renewed := l.renewed.Load()
	return renewed != 0 && l.mono()-renewed <= int64(leaseTrust)
}

// Run asks for the lease, and renews it, until ctx ends; then it gives it back
// and returns nil.
func (l *Lease) Run(ctx context.Context) error {
	defer l.release(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		before := l.seq != 0
		next := l.step(ctx)
		if after := l.seq != 0; after != before {
			l.j.log.Info("a lease changed", "lease", l.subject, "held", after)
		}
		l.show()
		timer.Reset(next)
	}
}

// step takes or renews the lease and returns when to do so next.
func (l *Lease) step(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, leaseAckTime)
	defer cancel()
	began := l.mono()
	m := nats.NewMsg(l.subject)
	m.Data = l.note()
	ack, err := l.j.js.PublishMsg(ctx, m,
		jetstream.WithMsgTTL(leaseTTL), jetstream.WithExpectLastSequencePerSubject(l.seq))
	switch {
	case err == nil:
		l.seq = ack.Sequence
		l.renewed.Store(began)
		return leaseRenewal
	case conflicts(err):
		// Somebody else's stands there, or one of ours whose acknowledgement was
		// lost: that costs one leaseTTL in which nobody appends.
		l.seq = 0
		l.renewed.Store(0)
		return leaseLook
	}
	l.j.log.Debug("asking for the lease failed", "error", err)
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		// A server of its own, not of a cluster, forgets the stream with its restart.
		if _, err := l.j.Mend(ctx); err != nil {
			l.j.log.Debug("making the lease's stream anew failed", "error", err)
		}
	}
	return leaseLook
}

func conflicts(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && (refused.ErrorCode == codeWrongLastSequence || refused.ErrorCode == codeWrongLastConstant)
}

// release takes our message away, so that the next one need not wait for it to
// expire. Where that fails, it does.
func (l *Lease) release(ctx context.Context) {
	defer l.show()
	l.renewed.Store(0)
	if l.seq == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseAckTime)
	defer cancel()
	s, err := l.j.js.Stream(ctx, events.StreamLease)
	if err == nil {
		err = s.DeleteMsg(ctx, l.seq)
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		l.j.log.Debug("giving back the lease failed; it expires", "error", err)
	}
	l.seq = 0
}

func (l *Lease) show() {
	switch {
	case l.held == nil:
	case l.Held():
		l.held.Set(1)
	default:
		l.held.Set(0)
	}
}

// leaseNote is what a lease's message says.
type leaseNote struct {
	Node     string `json:"node"`
	Archived uint64 `json:"archived,omitempty"` // LeaseArchive: the hot sequence up to which the archive is complete
}

func (l *Lease) note() []byte {
	n := leaseNote{Node: cmp.Or(l.j.cfg.Label, l.j.cfg.Node)}
	if l.subject == events.LeaseArchive {
		n.Archived = l.j.copied.Load()
	}
	b, _ := json.Marshal(n) // it can always be encoded
	return b
}

// archivedUpTo is a hot sequence up to which the archive is complete, as this
// node or the one that archives has said within the last second or two; 0 where
// nobody has.
func (j *Journal) archivedUpTo(ctx context.Context) uint64 {
	if j.archives.Load() {
		return j.copied.Load()
	}
	m, err := j.lease.GetLastMsgForSubject(ctx, events.LeaseArchive)
	var n leaseNote
	if err != nil || json.Unmarshal(m.Data, &n) != nil {
		return 0
	}
	return n.Archived
}
