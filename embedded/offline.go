package embedded

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/timeouts"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

// Deployment is a log and its views at work without a node: nothing is served,
// and nobody is timed out. See Offline.
type Deployment struct {
	n *Node
	p *parts
}

// Offline opens the data directory, or joins the external NATS system, runs fn
// over it once the views have reached the log's end, and closes everything. It
// needs no keys. Errors wrap ErrConfig or ErrStoreHeld, or are fn's.
func Offline(ctx context.Context, cfg Config, fn func(ctx context.Context, d *Deployment) error) (err error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return err
	}
	n := &Node{cfg: cfg, durable: cfg.durable(), quiet: true}
	var down teardown
	defer func() { err = errors.Join(err, down.run()) }()
	p, err := n.openStore(ctx, &down, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	logCtx, stopLog := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLog()
	g, failed := errgroup.WithContext(logCtx)
	g.Go(func() error { return named("the log", p.log.Run(logCtx)) })
	g.Go(func() error { return named("the current view", p.view.Run(failed, p.log)) })

	work, stopWork := context.WithCancel(ctx)
	defer stopWork()
	defer context.AfterFunc(failed, stopWork)()
	archiver, err := p.log.Archiver(nil)
	if err != nil {
		stopLog()
		return errors.Join(err, g.Wait())
	}
	archived := make(chan struct{})
	archiving, stopArchive := context.WithCancel(work)
	go func() {
		defer close(archived)
		n.archiveWith(archiving, archiver)
	}()

	d := &Deployment{n: n, p: p}
	if err = d.catchUp(work); err == nil {
		err = fn(work, d)
	}
	if err == nil {
		err = d.archived(work)
	}
	stopArchive()
	<-archived
	stopLog()
	return errors.Join(err, g.Wait())
}

// archived waits until the archive has all of the log, for a few seconds: what
// is still missing then comes with the next start.
func (d *Deployment) archived(ctx context.Context) error {
	_, last, err := d.p.log.Bounds(ctx)
	if err != nil {
		return err
	}
	if err := d.p.log.AwaitArchived(ctx, last); err != nil && !errors.Is(err, journal.ErrSlow) && ctx.Err() == nil {
		return err
	}
	return nil
}

// catchUp waits until the views stand at the log's end.
func (d *Deployment) catchUp(ctx context.Context) error {
	_, last, err := d.p.log.Bounds(ctx)
	if err != nil {
		return err
	}
	return d.p.view.WaitFor(ctx, last)
}

// Current is the live current view.
func (d *Deployment) Current() *current.View { return d.p.view }

// History is the live history.
func (d *Deployment) History() *history.View { return d.p.history }

// Log is the log.
func (d *Deployment) Log() *journal.Journal { return d.p.log }

// Undecodable returns the latest events that no view could read.
func (d *Deployment) Undecodable() []projections.Undecodable { return d.p.view.Undecodable() }

// Verify folds the log beside the live views and compares.
func (d *Deployment) Verify(ctx context.Context, report func(mirror.Progress)) ([]mirror.Comparison, error) {
	return d.n.verify(ctx, d.p, report)
}

// Rebuild folds the log anew and puts the result in the place of the view that
// which names: mirror.Current, mirror.History or mirror.Both.
func (d *Deployment) Rebuild(ctx context.Context, which string, report func(mirror.Progress)) error {
	return d.n.rebuild(ctx, d.p, which, report)
}

func (n *Node) verify(ctx context.Context, p *parts, report func(mirror.Progress)) (found []mirror.Comparison, err error) {
	m, err := n.mirror(ctx, p, report)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if found, err = m.Verify(ctx, p.views()); err != nil {
		return nil, err
	}
	return found, p.log.ReadHoles(ctx)
}

// consumer judges by the views as they are, and writes only when it is told to.
func (d *Deployment) consumer(limits events.Limits) *timeouts.Consumer {
	return timeouts.New(timeouts.Config{Log: d.p.log, Fold: d.p.view, Limits: limits, Unleased: true, Logger: d.n.cfg.Logger})
}

// Overdue lists who is past his deadline.
func (d *Deployment) Overdue(ctx context.Context) ([]timeouts.Overdue, error) {
	return d.consumer(d.n.limits()).Overdue(ctx)
}

// EmitOverdue writes down what follows from it.
func (d *Deployment) EmitOverdue(ctx context.Context) (ended int, err error) {
	return d.consumer(d.n.limits()).Emit(ctx)
}
