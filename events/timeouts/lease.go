package timeouts

import (
	"context"
	"errors"
	"log/slog"
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

// The broker's answers to a publish whose expectation does not hold.
const (
	codeWrongLastSequence = 10071
	codeWrongLastConstant = 10164
)

// LeaseConfig says who asks for the lease and where.
type LeaseConfig struct {
	JetStream jetstream.JetStream
	Node      string           // who we are, for people; may be empty
	Logger    *slog.Logger     // nil: discarded
	Mono      func() int64     // monotonic nanoseconds, never 0; nil: events.Mono
	Held      prometheus.Gauge // nil: none
	// Restore makes events.StreamLease anew where a server of its own, not of a
	// cluster, has forgotten it with its restart: it lives in memory. Nil: nobody does.
	Restore func(ctx context.Context) error
}

// Lease picks one of several consumers. It is the one message that
// events.LeaseSubject may hold: whoever puts it there while there is none has
// the lease, renews it by replacing it, and loses it by not doing so in time.
// The sequence of that message is the fencing token: a renewal is accepted only
// on top of the holder's own last one.
type Lease struct {
	cfg     LeaseConfig
	seq     uint64       // of our message, 0: none; Run's own
	renewed atomic.Int64 // Mono just before the last renewal that was accepted, 0: none
}

// NewLease returns a lease that is not held. It starts nothing; see Run.
func NewLease(cfg LeaseConfig) *Lease {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Mono == nil {
		cfg.Mono = events.Mono
	}
	return &Lease{cfg: cfg}
}

// Held reports whether the lease is ours just now. It turns false by itself
// when renewals fail, or after the process was stopped.
func (l *Lease) Held() bool {
	renewed := l.renewed.Load()
	return renewed != 0 && l.cfg.Mono()-renewed <= int64(leaseTrust)
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
			l.cfg.Logger.Info("the lease on timeouts changed", "held", after)
		}
		l.show()
		timer.Reset(next)
	}
}

// step takes or renews the lease and returns when to do so next.
func (l *Lease) step(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, leaseAckTime)
	defer cancel()
	began := l.cfg.Mono()
	m := nats.NewMsg(events.LeaseSubject)
	m.Data = []byte(l.cfg.Node)
	ack, err := l.cfg.JetStream.PublishMsg(ctx, m,
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
	l.cfg.Logger.Debug("asking for the lease failed", "error", err)
	if errors.Is(err, jetstream.ErrNoStreamResponse) && l.cfg.Restore != nil {
		if err := l.cfg.Restore(ctx); err != nil {
			l.cfg.Logger.Debug("making the lease's stream anew failed", "error", err)
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
	s, err := l.cfg.JetStream.Stream(ctx, events.StreamLease)
	if err == nil {
		err = s.DeleteMsg(ctx, l.seq)
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		l.cfg.Logger.Debug("giving back the lease failed; it expires", "error", err)
	}
	l.seq = 0
}

func (l *Lease) show() {
	switch {
	case l.cfg.Held == nil:
	case l.Held():
		l.cfg.Held.Set(1)
	default:
		l.cfg.Held.Set(0)
	}
}
