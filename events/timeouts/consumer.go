package timeouts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// Fold is what the consumer judges by: the state of all users as one reader of
// the log has folded it. A Fold serves one consumer, because that keeps its
// alarms in the Fold's users.
type Fold interface {
	// Attach makes the fold call o.Touch, with its lock held, after every event
	// that it folds into a user, and now once for every user who has a session,
	// an override or a pending witness. The user is the fold's own: he may be
	// read, and Alarm fields written, only there and inside Locked.
	Attach(o interface{ Touch(u *events.User) })
	// Locked runs fn with the fold at rest: at seq, at covered time clock. mono
	// is events.Mono when the message at seq was read, 0 while the fold is
	// still catching up.
	Locked(fn func(seq uint64, clock events.Clock, mono int64))
	// Nodes is who writes the log. It is the fold's own: it may be read there and
	// inside Locked only.
	Nodes() *events.Nodes
	// WaitFor returns nil as soon as the fold stands at seq or later, and an
	// error when ctx ends before that.
	WaitFor(ctx context.Context, seq uint64) error
}

// Config says how a Consumer works. Log and Fold are needed.
type Config struct {
	Log      *journal.Journal
	Fold     Fold
	Limits   events.Limits    // Timeout 0: 120 s; LeaveGrace 0: 15 s
	Unleased bool             // append without holding the lease: where there is no second consumer, and in tests
	Metrics  *Metrics         // nil: none
	Logger   *slog.Logger     // nil: discarded
	Now      func() time.Time // nil: time.Now
	Mono     func() int64     // the clock of Fold's mono; nil: events.Mono
}

func (c Config) withDefaults() Config {
	if c.Limits.Timeout == 0 {
		c.Limits.Timeout = 120 * time.Second
	}
	if c.Limits.LeaveGrace == 0 {
		c.Limits.LeaveGrace = 15 * time.Second
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Mono == nil {
		c.Mono = events.Mono
	}
	return c
}

const (
	// catchUpTime is how long a pass waits for the fold to reach the log's end.
	catchUpTime = 2 * time.Second
	// pauseTime lies between two attempts where the first one failed.
	pauseTime = time.Second
	// window is how many events are appended before the next look. They go
	// together in one commit or two, and no heartbeat waits for more.
	window = 4096
)

// Consumer notices who has been silent for too long and appends what follows
// from it.
type Consumer struct {
	cfg     Config
	log     *journal.Journal
	fold    Fold
	lease   *journal.Lease // nil: appends always
	metrics *Metrics

	attaching sync.Mutex // guards the setting of deadlines
	deadlines *Deadlines // guarded by the fold's lock once set; nil until attached
	hearing   hearing    // guarded by the fold's lock

	expiring   sync.Mutex // one pass at a time
	witnessing sync.Mutex // one pass at a time

	complaining sync.Mutex       // guards complained
	complained  map[string]int64 // what → Mono of the last line in the log
}

// New returns a consumer of cfg.Log that judges by cfg.Fold. It starts nothing;
// see Run. It looks where the fold stands: made before that begins to follow
// the log, the consumer notices that the node was down.
func New(cfg Config) *Consumer {
	cfg = cfg.withDefaults()
	c := &Consumer{cfg: cfg, log: cfg.Log, fold: cfg.Fold, metrics: cfg.Metrics, complained: map[string]int64{}}
	if cfg.Unleased {
		c.metrics.LeaseHeld.Set(1)
	} else {
		c.lease = cfg.Log.Lease(events.LeaseTimeouts, cfg.Mono, cfg.Metrics.LeaseHeld)
	}
	c.fold.Locked(func(_ uint64, clock events.Clock, _ int64) { c.hearing.listen(clock) })
	return c
}

// Run works until ctx ends, and then returns nil. What fails meanwhile is
// counted, logged now and then, and tried again.
func (c *Consumer) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	if c.lease != nil {
		parts.Go(func() { _ = c.lease.Run(ctx) }) // always nil
	}
	for {
		err := c.attach(ctx)
		if err == nil {
			break
		}
		c.complain("catching up with the log", err)
		if !pause(ctx) {
			return nil
		}
	}
	expiry, beats := make(chan struct{}, 1), make(chan struct{}, 1)
	parts.Go(func() { c.repeat(ctx, expiry, "appending timeouts", c.expire) })
	parts.Go(func() { c.repeat(ctx, beats, "writing down heartbeats", c.witness) })
	c.watch(ctx, expiry, beats)
	return nil
}

// Held reports whether this consumer is the one that appends just now.
func (c *Consumer) Held() bool { return c.lease == nil || c.lease.Held() }

// attach begins to watch the fold as soon as it has read the log to its end:
// the millions of beats of two days need no alarms.
func (c *Consumer) attach(ctx context.Context) error {
	c.attaching.Lock()
	defer c.attaching.Unlock()
	if c.deadlines != nil {
		return nil
	}
	if err := c.reachEnd(ctx); err != nil {
		return err
	}
	c.fold.Locked(func(_ uint64, clock events.Clock, _ int64) {
		c.deadlines = NewDeadlines(c.cfg.Limits, clock.Covered-tick) // what is due already is due at once: in a log at rest no tick comes
		c.deadlines.nodes = c.fold.Nodes
	})
	c.fold.Attach(c.deadlines)
	return nil
}

// catchUp is reachEnd for a pass, which is tried again.
func (c *Consumer) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	return c.reachEnd(ctx)
}

// reachEnd waits until the fold has read what stands in the log now.
func (c *Consumer) reachEnd(ctx context.Context) error {
	_, last, err := c.log.Bounds(ctx)
	if err != nil {
		return err
	}
	if err := c.fold.WaitFor(ctx, last); err != nil {
		return fmt.Errorf("waiting for the view to reach %d: %w", last, err)
	}
	return nil
}

// watch turns the wheel every tick and wakes whoever has something to do.
func (c *Consumer) watch(ctx context.Context, expiry, beats chan<- struct{}) {
	ticker := time.NewTicker(tick * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		due, unwritten := c.turn()
		if due {
			wake(expiry)
		}
		if unwritten {
			wake(beats)
		}
	}
}

// turn brings the wheel up to now and reports what waits.
func (c *Consumer) turn() (due, unwritten bool) {
	for more := true; more; {
		c.fold.Locked(func(seq uint64, clock events.Clock, mono int64) {
			more = false
			unwritten = len(c.deadlines.beats.users) > 0
			if len(c.deadlines.beats.listed) == 0 && mono != 0 && c.Held() {
				c.log.Witnessed(seq)
			}
			c.hearing.listen(clock)
			if mono == 0 {
				return // the fold reads what was long ago: nobody is silent yet
			}
			now := c.instant(clock, mono)
			more = c.deadlines.Decide(now, maxLooks)
			due = c.deadlines.Decided() || c.deadlines.lapses.due(now.Wall)
		})
	}
	return due, unwritten
}

// repeat runs pass whenever it is woken, and again while there is more.
func (c *Consumer) repeat(ctx context.Context, woken <-chan struct{}, what string, pass func(context.Context) (more bool, err error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-woken:
		}
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = pass(ctx); err != nil {
				c.complain(what, err)
				more = pause(ctx)
			}
		}
	}
}

func wake(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// pause waits for pauseTime and reports whether ctx is still alive.
func pause(ctx context.Context) bool {
	t := time.NewTimer(pauseTime)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// complaintPeriod is how often the same trouble is logged.
const complaintPeriod = 30 * time.Second

func (c *Consumer) complain(what string, err error) {
	if errors.Is(err, context.Canceled) {
		return // we are being stopped
	}
	c.metrics.Failed.Inc()
	c.complaining.Lock()
	defer c.complaining.Unlock()
	now := c.cfg.Mono()
	if last, ok := c.complained[what]; ok && now-last < int64(complaintPeriod) {
		return
	}
	c.complained[what] = now
	c.cfg.Logger.Warn("the timeout consumer tries again", "failed", what, "error", err)
}
