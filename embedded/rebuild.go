package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dev/rollcall/projections/mirror"
)

// Rebuild folds the log of a store on which no node is running into new views,
// and puts them, or the one that which names, in the place of those that are
// there, which are not looked at: they may be damaged or missing. It returns the
// sequence at which the new ones stand. report may be nil. Errors as in Offline.
func Rebuild(ctx context.Context, cfg Config, which string, report func(mirror.Progress)) (seq uint64, err error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return 0, err
	}
	n := &Node{cfg: cfg, durable: cfg.durable(), quiet: true}
	var down teardown
	defer func() { err = errors.Join(err, down.run()) }()
	unlock, err := lockStore(cfg.DataDir)
	if err != nil {
		return 0, err
	}
	down.add("unlocking the data directory", unlock)
	if err := checkRights(cfg.DataDir); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(cfg.viewsDir(), 0o700); err != nil {
		return 0, fmt.Errorf("making the directory of the views: %w", err)
	}
	if err := mirror.RemoveLeftovers(cfg.viewsDir()); err != nil {
		return 0, err
	}
	p := &parts{metrics: prometheus.NewRegistry()}
	if err := n.connect(p, &down); err != nil {
		return 0, err
	}
	if err := n.openLog(ctx, p, true); err != nil {
		return 0, err
	}
	m, err := n.mirror(ctx, p, report)
	if err != nil {
		return 0, err
	}
	down.add("removing what is left of the rebuild", m.Close)
	_, last, err := p.log.Bounds(ctx)
	if err != nil {
		return 0, err
	}
	if err := m.Fold(ctx, last); err != nil {
		return 0, err
	}
	return last, m.Install(cfg.viewsDir(), which)
}
