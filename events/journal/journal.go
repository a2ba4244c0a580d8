package journal

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Config says how the log is kept. The zero value is fit for a test.
type Config struct {
	Replicas       int           // of each stream; 0: 1
	HotRetention   time.Duration // how long the hot stream keeps what is archived; 0: 6 h
	AuditRetention time.Duration // 0: 8760 h
	Own            bool          // the broker is this node's own: retention follows the configuration
	Seen           bool          // a view has seen this log: it must not be made anew
	AcceptLoss     bool          // an archive that is gone is made anew although the hot stream has been trimmed
	Lookback       time.Duration // twice the longest silence that ends no session, in covered time; 0: 30 min
	AckTimeout     time.Duration // how long an acknowledgement may take; 0: 5 s
	QueueLimit     int           // how many events may wait; 0: 65536
	MaxCommit      int           // bytes of a commit at most; 0: 512 KiB; less where the server takes less
	Node           string        // who we are, in commits and leases; 16 bytes at most are well spent
	Label          string        // who we are, for people who look at a lease; "": Node
	Quiet          bool          // write no marks: this process accepts nothing
	Domain         string        // the JetStream domain that the streams are in; "": the servers' own
	APIPrefix      string        // of the JetStream API, where an account imports it; "": $JS.API, or as Domain says
	Durable        func() error  // called before something is archived: puts on disk what the log holds; nil: it is
	ArchiveDurable func() error  // called before the log is trimmed: puts on disk what the archive holds; nil: it is by then
	Metrics        *Metrics      // nil: none
	Logger         *slog.Logger  // nil: discarded
	Now            func() time.Time
}

func (c Config) withDefaults() Config {
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.HotRetention == 0 {
		c.HotRetention = 6 * time.Hour
	}
	if c.AuditRetention == 0 {
		c.AuditRetention = 8760 * time.Hour
	}
	if c.Lookback == 0 {
		c.Lookback = 2 * events.MaxTimeout
	}
	if c.AckTimeout == 0 {
		c.AckTimeout = 5 * time.Second
	}
	if c.QueueLimit == 0 {
		c.QueueLimit = 1 << 16
	}
	if c.MaxCommit == 0 {
		c.MaxCommit = maxCommit
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
	return c
}

// Journal is the log. It is safe for use by many goroutines. Appending works
// while Run runs; reading always does. Whoever opened the connection closes it.
type Journal struct {
	cfg     Config
	js      jetstream.JetStream
	nc      *nats.Conn
	log     *slog.Logger
	hot     jetstream.Stream
	archive jetstream.Stream
	lease   jetstream.Stream
	created time.Time
	made    bool // Open has made the hot stream
	metrics *Metrics

	mu      sync.Mutex // guards the four below
	waiting []*entry   // in the order of arrival
	weight  int        // of waiting
	closed  bool
	refusal error // see Refuse

	wake      chan struct{}         // buffered 1: something waits
	lastDone  atomic.Int64          // unix nanoseconds of the last publish, or of the last mark that was tried
	trouble   atomic.Pointer[error] // of the last publish; nil: it went well
	free      sync.Pool             // of *entry
	archives  atomic.Bool           // this node's archiver is at work
	witnessed atomic.Uint64         // see Witnessed; 0: nothing new
	copied    atomic.Uint64         // the hot sequence up to which it has archived

	// The committer's own, kept between publishes.
	spare   []*entry
	spans   []span // what todo is taken from
	todo    []span // what has been taken from the queue and is not yet composed
	commit  commit
	noted   time.Time // when a commit last said what is witnessed
	smaller int       // a bound on commits that the server has shown, 0: none
}

// Open makes or checks the streams on nc's server and returns the log. It
// starts nothing; see Run. Errors wrap ErrUnavailable, ErrMissing, ErrMismatch,
// ErrRefused or ErrFull.
func Open(ctx context.Context, nc *nats.Conn, cfg Config) (*Journal, error) {
	cfg = cfg.withDefaults()
	if err := checkPayload(nc.MaxPayload()); err != nil {
		return nil, err
	}
	js, err := cfg.open(nc)
	if err != nil {
		return nil, fmt.Errorf("opening JetStream: %w", asOurs(err))
	}
	j := &Journal{cfg: cfg, js: js, nc: nc, log: cfg.Logger, metrics: cfg.Metrics, wake: make(chan struct{}, 1)}
	j.free.New = func() any { return &entry{done: make(chan struct{}, 1)} }
	if err := j.prepare(ctx); err != nil {
		return nil, err
	}
	return j, nil
}

// Created is when the hot stream was made: with its name, the log's identity.
func (j *Journal) Created() time.Time { return j.created }

// Bounds returns the first and the last sequence of the hot stream just now.
// An empty stream has first = last+1.
func (j *Journal) Bounds(ctx context.Context) (first, last uint64, err error) {
	info, err := j.hot.Info(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("asking for the log's bounds: %w", asOurs(err))
	}
	if !info.Created.Equal(j.created) {
		return 0, 0, fmt.Errorf("%w: stream %s was made anew under this node", ErrMissing, events.StreamHot)
	}
	return max(info.State.FirstSeq, 1), info.State.LastSeq, nil
}

// Run commits what is appended until ctx ends; then it takes nothing more,
// commits what still waits, and returns nil. While it has published nothing for
// events.AlivePeriod it writes a mark, so that covered time goes on.
func (j *Journal) Run(ctx context.Context) error {
	j.lastDone.Store(j.cfg.Now().UnixNano() - int64(events.AlivePeriod)) // the first mark goes at once
	ticker := time.NewTicker(events.AlivePeriod / 10)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			j.close()
			j.commitAll(ctx)
			j.sayGoing(ctx)
			return nil
		case <-j.wake:
			j.commitAll(ctx)
		case <-ticker.C:
			j.markAlive(ctx)
		}
	}
}

// markAlive writes a mark if the log has heard nothing from this node for
// AlivePeriod.
func (j *Journal) markAlive(ctx context.Context) {
	quiet := j.cfg.Now().UnixNano() - j.lastDone.Load()
	if j.cfg.Quiet || quiet < int64(events.AlivePeriod) || j.refused() != nil {
		return
	}
	j.lastDone.Store(j.cfg.Now().UnixNano())
	if err := j.mark(context.WithoutCancel(ctx), false); err != nil {
		j.log.Warn("writing a mark failed", "error", err)
	}
}

// sayGoing tells the others that this node need not be waited for.
func (j *Journal) sayGoing(ctx context.Context) {
	if j.cfg.Quiet || j.cfg.Node == "" || j.refused() != nil || j.Trouble() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goingTime)
	defer cancel()
	if err := j.mark(ctx, true); err != nil {
		j.log.Debug("the others are not told that this node goes", "error", err)
	}
}

// goingTime bounds how long a node that stops tries to say so.
const goingTime = time.Second

// Trouble is why the last publish failed, nil if it did not. A node that takes
// events publishes something every events.AlivePeriod, so it is never old.
func (j *Journal) Trouble() error {
	if err := j.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// noteTrouble keeps what became of a publish.
func (j *Journal) noteTrouble(err error) {
	if err == nil {
		j.trouble.Store(nil)
		return
	}
	j.trouble.Store(&err)
}

func (j *Journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
}

// Conn is the connection that the log is reached over.
func (j *Journal) Conn() *nats.Conn { return j.nc }
