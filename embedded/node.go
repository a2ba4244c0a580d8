package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/timeouts"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
	"github.com/rollcall-dev/rollcall/projections/live"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

// Node is one running Rollcall.
type Node struct {
	cfg     Config
	durable func() error // puts the log on disk; nil: it is
	auth    *auth.Verifier
	quiet   bool   // takes no events: see Offline
	id      string // see nodeID; "" before the data directory is locked
	ready   chan struct{}

	connections int // at Addr at most; 0: any number

	begun    atomic.Bool
	handler  atomic.Pointer[http.Handler] // nil until ready
	progress progress                     // until then

	mu      sync.Mutex
	addr    string // "" until bound
	metrics string // likewise
}

// ErrBegun means that Run was called before. A node runs once; make another one
// with New.
var ErrBegun = errors.New("this node has run before")

// New checks the configuration and returns a node. It starts nothing and opens
// nothing but the key file; see Run. Errors wrap ErrConfig.
func New(cfg Config) (*Node, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	verifier, err := auth.New(auth.Config{Secret: cfg.JWTSecret, KeyFile: cfg.JWTKeyFile, JWKSURL: cfg.JWKSURL, Issuer: cfg.JWTIssuer,
		Audience: cfg.JWTAudience, UserClaim: cfg.JWTUserClaim, AdminClaim: cfg.AdminClaim, Logger: cfg.Logger})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return &Node{cfg: cfg, durable: cfg.durable(), auth: verifier, ready: make(chan struct{}), connections: mostConnections()}, nil
}

// Ready is closed when the node serves: its view has reached what was the log's
// end when it started.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Addr is the address that the node listens at, "" before it does.
func (n *Node) Addr() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addr
}

// MetricsAddr is the address of the listener for /metrics, "" before the node
// listens, and where it is at Addr.
func (n *Node) MetricsAddr() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.metrics
}

// Handler serves the whole API, to be mounted in a server of the caller's.
// Before the node is ready, and after it has ended, it answers 503, but for
// /livez.
func (n *Node) Handler() http.Handler {
	starting := api.Starting(n.progress.String)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := starting
		if ready := n.handler.Load(); ready != nil {
			h = *ready
		}
		h.ServeHTTP(w, r)
	})
}

// teardown is a last-in-first-out list of named steps.
type teardown struct{ steps []step }

type step struct {
	name string
	run  func() error
}

func (t *teardown) add(name string, run func() error) { t.steps = append(t.steps, step{name, run}) }

// run takes all steps, whatever fails, and joins what did.
func (t *teardown) run() error {
	var errs []error
	for len(t.steps) > 0 {
		s := t.steps[len(t.steps)-1]
		t.steps = t.steps[:len(t.steps)-1]
		if err := s.run(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}

// parts are what a running node is made of.
type parts struct {
	server   *natsServer // nil with an external system
	room     *room       // likewise
	nc       *nats.Conn
	domain   string // of JetStream on nc
	prefix   string // of its API
	view     *current.View
	history  *history.View
	live     *live.Hub
	log      *journal.Journal
	consumer *timeouts.Consumer
	api      *api.API
	metrics  *prometheus.Registry
}

// Run runs the node until ctx ends, or a part fails for good. It listens before
// it opens anything. It returns when everything has stopped, in this order:
// after the delay that was asked for nothing new is taken, requests under way
// are answered, timeouts stop, what waits for the log is committed, the view is
// written down, the connection and then the server are closed. A second call
// returns ErrBegun.
func (n *Node) Run(ctx context.Context) (err error) {
	if n.begun.Swap(true) {
		return ErrBegun
	}
	registry := newRegistry()
	var down teardown
	defer func() {
		n.handler.Store(nil)
		n.progress.at("it has ended")
		err = errors.Join(err, down.run())
	}()
	d, err := n.openDoors(registry)
	if err != nil {
		return err
	}
	down.add("the short way", d.wait) // when the log has ended, so that every heartbeat has its outcome
	down.add("closing the listeners", d.shut)
	p, err := n.openStore(ctx, &down, registry)
	if err != nil {
		return err
	}
	if err := n.openFront(p); err != nil {
		return err
	}
	return n.work(ctx, p, d)
}

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// openStore opens the views and the log, and holds them against each other.
func (n *Node) openStore(ctx context.Context, down *teardown, registry *prometheus.Registry) (*parts, error) {
	unlock, err := lockStore(n.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	down.add("unlocking the data directory", unlock)
	if n.id, err = nodeID(n.cfg.DataDir); err != nil {
		return nil, err
	}
	if err := checkRights(n.cfg.DataDir); err != nil {
		return nil, err
	}
	p := &parts{metrics: registry}
	n.progress.at("the views are opened")
	if err := n.openViews(p, down); err != nil {
		return nil, err
	}
	n.progress.at("the log is opened")
	if err := n.connect(p, down); err != nil {
		return nil, err
	}
	if err := n.openLog(ctx, p, p.view.Seen() || p.history.Seen()); err != nil {
		return nil, err
	}
	return p, n.join(ctx, p)
}

// viewsDir is where the views are.
func (c Config) viewsDir() string { return filepath.Join(c.DataDir, "views") }

func (n *Node) openViews(p *parts, down *teardown) (err error) {
	if err := os.MkdirAll(n.cfg.viewsDir(), 0o700); err != nil {
		return fmt.Errorf("making the directory of the views: %w", err)
	}
	if err := mirror.RemoveLeftovers(n.cfg.viewsDir()); err != nil {
		return err
	}
	if p.view, err = current.Open(current.Config{Path: filepath.Join(n.cfg.viewsDir(), mirror.CurrentFile), Checkpoint: n.cfg.Checkpoint, Logger: n.cfg.Logger,
		Durable: n.durable, Seconds: newCheckpointSeconds(p.metrics)}); err != nil {
		return err
	}
	down.add("closing the current view", p.view.Close)
	if p.history, err = history.Open(history.Config{Path: filepath.Join(n.cfg.viewsDir(), mirror.HistoryFile), Retention: n.cfg.AuditRetention, Logger: n.cfg.Logger,
		Durable: n.durable}); err != nil {
		return err
	}
	down.add("closing the history", p.history.Close)
	return nil
}

// join holds the views against the log and hangs the history on the current
// view. A history that lacks what the current view has folded is rebuilt first.
func (n *Node) join(ctx context.Context, p *parts) error {
	for _, err := range []error{p.view.Bind(ctx, p.log), p.history.Bind(ctx, p.log)} {
		if err != nil {
			return err
		}
	}
	if err := n.checkWhole(ctx, p.log); err != nil {
		return err
	}
	if p.history.Seq() == 0 {
		lost, err := p.log.Lost(ctx)
		if err != nil {
			return err
		}
		if err := p.history.Cut(lost); err != nil {
			return err
		}
	}
	if p.history.Behind(p.view) {
		n.cfg.Logger.Info("the history is rebuilt from the log", "stands_at", p.history.Seq(), "wanted", p.view.Seq())
		if err := n.rebuild(ctx, p, mirror.History, n.progress.rebuilt); err != nil {
			return err
		}
	}
	p.history.Attach(p.view)
	return nil
}

// rebuild folds the log anew and puts the result in the place of a live view.
func (n *Node) rebuild(ctx context.Context, p *parts, which string, report func(mirror.Progress)) (err error) {
	m, err := n.mirror(ctx, p, report)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return m.Rebuild(ctx, p.views(), which)
}

func (n *Node) mirror(ctx context.Context, p *parts, report func(mirror.Progress)) (*mirror.Mirror, error) {
	lost, err := p.log.Lost(ctx)
	if err != nil {
		return nil, err
	}
	m, err := mirror.New(ctx, mirror.Config{Log: p.log, Dir: n.cfg.viewsDir(), Retention: n.cfg.AuditRetention, Report: report, Logger: n.cfg.Logger,
		Durable: n.durable})
	if err != nil {
		return nil, err
	}
	if err := m.History.Cut(lost); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (p *parts) views() mirror.Views { return mirror.Views{Current: p.view, History: p.history} }

// connect reaches NATS, in this process or elsewhere.
func (n *Node) connect(p *parts, down *teardown) (err error) {
	if n.cfg.external() {
		var l link
		l, err = connectExternal(n.cfg, n.name())
		p.nc, p.domain, p.prefix = l.nc, l.domain, l.prefix
	} else {
		if p.server, err = n.startOverFiles(); err != nil {
			return err
		}
		down.add("stopping the embedded NATS server", func() error { p.server.stop(); return nil })
		p.nc, err = p.server.connect(n.name())
	}
	if err != nil {
		return err
	}
	down.add("closing the NATS connection", func() error { p.nc.Close(); return nil })
	return nil
}

// startOverFiles starts the in-process server, and looks at the streams' files
// before and after.
func (n *Node) startOverFiles() (*natsServer, error) {
	if err := mendStreamFiles(n.cfg.storeDir(), n.cfg.Logger); err != nil {
		return nil, fmt.Errorf("looking at the streams' files: %w", err)
	}
	before, err := measureBlocks(n.cfg.storeDir())
	if err != nil {
		return nil, fmt.Errorf("looking at the streams' files: %w", err)
	}
	s, err := startServer(n.cfg)
	if err != nil {
		return nil, err
	}
	if err := before.tellCut(n.cfg.Logger); err != nil {
		s.stop()
		return nil, fmt.Errorf("looking at the streams' files: %w", err)
	}
	return s, nil
}

// openLog opens the log, which must be there if it has been seen.
func (n *Node) openLog(ctx context.Context, p *parts, seen bool) (err error) {
	metrics := journal.NewMetrics()
	metrics.Register(p.metrics)
	p.log, err = journal.Open(ctx, p.nc, journal.Config{Replicas: n.replicas(ctx, p), Domain: p.domain, APIPrefix: p.prefix, HotRetention: n.cfg.HotRetention,
		AuditRetention: n.cfg.AuditRetention, Own: !n.cfg.external() && !n.quiet, Seen: seen, AcceptLoss: n.cfg.AcceptLoss, Metrics: metrics, Quiet: n.quiet, Logger: n.cfg.Logger,
		Durable: n.durable, ArchiveDurable: n.cfg.archiveDurable(), Node: n.id, Label: n.name(), Lookback: n.lookback()})
	if err != nil || n.cfg.external() || n.cfg.Sync == syncAlways {
		return err
	}
	if err := syncStreamFiles(n.cfg.storeDir()); err != nil {
		return fmt.Errorf("writing the streams' files to disk: %w", err)
	}
	return nil
}

// lookback is twice the longest silence that ends no session.
func (n *Node) lookback() time.Duration { return 2 * max(n.cfg.Timeout, events.MaxTimeout) }

func (n *Node) limits() events.Limits {
	return events.Limits{Timeout: n.cfg.Timeout, LeaveGrace: n.cfg.LeaveGrace}
}

// openFront makes what works on the log and the views.
func (n *Node) openFront(p *parts) (err error) {
	tm := timeouts.NewMetrics()
	tm.Register(p.metrics)
	p.consumer = timeouts.New(timeouts.Config{Log: p.log, Fold: p.view, Limits: n.limits(), Metrics: tm, Logger: n.cfg.Logger})
	if p.server != nil {
		p.room = &room{dir: n.cfg.storeDir(), server: p.server, trial: tryStore, log: p.log, folded: p.view.Seq, logger: n.cfg.Logger}
	}
	p.live = live.NewHub(p.view, api.EncodeChanges)
	p.api, err = api.New(api.Config{Log: p.log, View: p.view, Auth: n.auth, History: p.history, Live: p.live, Timeouts: p.consumer,
		Operator: operator{n, p}, Heartbeat: n.cfg.Heartbeat, Timeout: n.cfg.Timeout,
		RateLimit: n.cfg.RateLimit, MaxSessions: max(0, n.cfg.MaxSessions), MaxStreams: max(0, n.cfg.MaxStreams), CORSOrigins: n.cfg.CORSOrigins, Checks: n.checks(p), Registry: p.metrics,
		MetricsApart: n.cfg.MetricsAddr != "", Logger: n.cfg.Logger, Version: n.cfg.Version})
	return err
}

// work runs all parts. They stop one after the other: each group has a context
// that ends only when the group before it is done.
func (n *Node) work(ctx context.Context, p *parts, d *doors) error {
	logCtx, stopLog := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLog()
	g, failed := errgroup.WithContext(logCtx)
	g.Go(func() error { return named("the log", p.log.Run(logCtx)) })
	g.Go(func() error { return named("the current view", p.view.Run(failed, p.log)) })

	frontCtx, stopFront := context.WithCancel(failed)
	defer stopFront()
	front, frontFailed := errgroup.WithContext(frontCtx)
	front.Go(func() error { return n.archive(frontFailed, p) })
	if p.room != nil {
		front.Go(func() error { return named("the room of the log", p.room.Run(frontFailed)) })
	}
	front.Go(func() error { return n.forgetStrays(frontFailed, p) })
	front.Go(func() error { return named("the history", p.history.Run(frontFailed)) })
	front.Go(func() error { return named("the live stream", p.live.Run(frontFailed)) })
	front.Go(func() error { return named("keys", n.auth.Run(frontFailed)) })
	if !n.cfg.TimeoutsOff {
		front.Go(func() error { return named("timeouts", p.consumer.Run(frontFailed)) })
	}
	front.Go(func() error { return n.serve(ctx, frontFailed, p, d, stopFront) })

	err := front.Wait()
	stopLog()
	return errors.Join(err, g.Wait())
}

// serve answers requests once the view has caught up, until ctx ends; then it
// stops the rest of the front.
func (n *Node) serve(ctx, failed context.Context, p *parts, d *doors, stopFront func()) error {
	defer stopFront()
	_, last, err := p.log.Bounds(failed)
	if err != nil {
		return err
	}
	n.progress.towards(func() string {
		return fmt.Sprintf("the views read the log: at sequence %d of %d", p.view.Seq(), last)
	})
	starting, cancel := context.WithCancel(failed)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	if err := p.view.WaitFor(starting, last); err != nil {
		return nil // told to stop, or another part failed and says why
	}
	h := p.api.Handler()
	n.handler.Store(&h)
	d.takeBeats(p.api.ShortBeats())
	readers := p.live.Readers
	d.streams.Store(&readers)
	close(n.ready)
	return n.answer(ctx, failed, p, d)
}

// answer waits until ctx ends or another part fails, and then lets requests
// under way finish: those that still come on kept connections are answered too.
func (n *Node) answer(ctx, failed context.Context, p *parts, d *doors) (err error) {
	select {
	case <-ctx.Done():
		n.delay(failed, p, d)
	case <-failed.Done():
	case err = <-d.failed:
	}
	p.api.Drain()
	d.closing.Store(true)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.cfg.ShutdownTimeout)
	defer cancel()
	err = errors.Join(err, d.refuse(n.cfg))
	d.linger(bounded)
	d.shutdown(bounded, n.cfg.Logger)
	return err
}

// delay goes on serving for as long as was asked for, while /readyz says that
// the node is going, so that balancers turn elsewhere first.
func (n *Node) delay(failed context.Context, p *parts, d *doors) {
	if n.cfg.ShutdownDelay <= 0 {
		return
	}
	n.cfg.Logger.Info("shutting down", "after", n.cfg.ShutdownDelay)
	p.api.Leave()
	d.closing.Store(true)
	over := time.NewTimer(n.cfg.ShutdownDelay)
	defer over.Stop()
	select {
	case <-over.C:
	case <-failed.Done():
	case err := <-d.failed:
		d.failed <- err // for the caller, who has room for it
	}
}

// archive copies what belongs there into the archive, and trims the log by what
// it has, while this node holds the lease on that; again and again if the log
// fails meanwhile.
func (n *Node) archive(ctx context.Context, p *parts) error {
	lease := p.log.Lease(events.LeaseArchive, nil, nil)
	archiver, err := p.log.Archiver(lease.Held)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.Go(func() error { return lease.Run(ctx) })
	g.Go(func() error { return archiver.Trimmer(p.view.Floor).Run(ctx) })
	n.archiveWith(ctx, archiver)
	return g.Wait()
}

func (n *Node) archiveWith(ctx context.Context, archiver *journal.Archiver) {
	for {
		err := archiver.Run(ctx)
		if err == nil || ctx.Err() != nil {
			return // it was told to stop; what that broke off is no failure
		}
		n.cfg.Logger.Warn("archiving was interrupted and is tried again", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// forgetStrays finishes erasures: what was on its way when a user was erased
// leaves the log too. Every node does; the first one is enough.
func (n *Node) forgetStrays(ctx context.Context, p *parts) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-p.view.Strays():
			if err := p.log.Forget(ctx, s.User, s.Place); err != nil && ctx.Err() == nil {
				n.cfg.Logger.Error("an event that came after its user's erasure is left in the archive: erase the user again", "place", s.Place.String(), "error", err)
			}
		}
	}
}

func named(part string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}
