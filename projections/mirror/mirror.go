// Package mirror folds the log a second time, beside the live views: to compare
// the two (Verify), or to put the new ones in the place of the old (Rebuild).
//
// A mirror begins with nothing, reads the audit copy up to where the hot stream
// begins and the hot stream after that, through the same fold as the live
// views, and can stop at exactly any sequence.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
)

// Views are the live ones.
type Views struct {
	Current *current.View
	History *history.View
}

// Progress says how far a mirror is. Seq runs from 0 to To.
type Progress struct {
	Seq    uint64
	To     uint64
	Events uint64 // folded so far, each heartbeat one
	Took   time.Duration
}

// Config says how a mirror works. Log and Dir are needed; Dir must be on the
// file system of the live views if it is to replace them.
type Config struct {
	Log       *journal.Journal
	Dir       string
	Retention time.Duration  // of the history
	Report    func(Progress) // called about four times a second; nil: nobody wants to know
	Logger    *slog.Logger   // nil: discarded
	Durable   func() error   // as in current.Config
}

// Mirror is a second pair of views.
type Mirror struct {
	Views
	cfg     Config
	dir     string
	horizon uint64
	began   time.Time
	told    time.Time
	to      uint64

	flushing chan error // of the flush under way; nil: none
}

// The names of the views' files.
const (
	CurrentFile = "current.db"
	HistoryFile = "history.db"
)

const (
	// flushAt is how many changes are written down at once, while the fold goes
	// on; four times as many may wait.
	flushAt = 50_000
	// checkpointAt bounds the users that are in memory because they have changed.
	checkpointAt = 4_000_000
	// reportEvery lies between two reports.
	reportEvery = 250 * time.Millisecond
)

// dirPrefix begins the name of every mirror's directory.
const dirPrefix = "rebuilding-"

// RemoveLeftovers removes the mirrors under dir that nobody closed: those of a
// process that was killed. It takes those at work for leftovers too, so nobody
// else may use dir, and no mirror may be there yet.
func RemoveLeftovers(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for what a rebuild left: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), dirPrefix) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// New makes an empty mirror in a directory of its own under cfg.Dir. Close
// removes it.
func New(ctx context.Context, cfg Config) (*Mirror, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := os.MkdirTemp(cfg.Dir, dirPrefix)
	if err != nil {
		return nil, fmt.Errorf("making a directory for the rebuild: %w", err)
	}
	m := &Mirror{cfg: cfg, dir: dir, horizon: 1, began: time.Now()}
	if err := m.open(ctx); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Mirror) open(ctx context.Context) (err error) {
	if m.Current, err = current.Open(current.Config{Path: filepath.Join(m.dir, CurrentFile), Logger: m.cfg.Logger, Quiet: true,
		Durable: m.cfg.Durable}); err != nil {
		return err
	}
	if err := m.Current.Bind(ctx, m.cfg.Log); err != nil {
		return err
	}
	if m.History, err = history.Open(history.Config{Path: filepath.Join(m.dir, HistoryFile), Retention: m.cfg.Retention, Logger: m.cfg.Logger,
		Durable: m.cfg.Durable}); err != nil {
		return err
	}
	if err := m.History.Bind(ctx, m.cfg.Log); err != nil {
		return err
	}
	m.History.Attach(m.Current)
	return nil
}

// Horizon is the sequence from which on the mirror has seen the heartbeats.
func (m *Mirror) Horizon() uint64 { return m.horizon }

// Fold brings both views to the sequence to, which the log must have reached.
func (m *Mirror) Fold(ctx context.Context, to uint64) error {
	m.to = to
	horizon, err := projections.To(ctx, m.cfg.Log, follower{m.Current, m}, to)
	m.horizon = max(m.horizon, horizon)
	if err != nil {
		return fmt.Errorf("folding the log again: %w", err)
	}
	if err := m.flushed(true); err != nil {
		return err
	}
	return m.History.Flush()
}

// flush writes the history down on the other core, if that is not under way;
// with wait it first waits until it is not.
func (m *Mirror) flush(wait bool) error {
	if err := m.flushed(wait); err != nil || m.flushing != nil {
		return err
	}
	m.flushing = make(chan error, 1)
	go func() { m.flushing <- m.History.Flush() }()
	return nil
}

// flushed takes the result of the flush under way if it has ended, or must.
func (m *Mirror) flushed(wait bool) error {
	if m.flushing == nil {
		return nil
	}
	if wait {
		err := <-m.flushing
		m.flushing = nil
		return err
	}
	select {
	case err := <-m.flushing:
		m.flushing = nil
		return err
	default:
		return nil
	}
}

// follower is the current view with a word in between.
type follower struct {
	*current.View
	m *Mirror
}

// Apply folds a batch of the hot stream.
func (f follower) Apply(batch []journal.Message) error {
	if err := f.View.Apply(batch); err != nil {
		return err
	}
	return f.m.after()
}

// ApplyOld folds a batch of what has outlived it.
func (f follower) ApplyOld(batch []projections.Old) error {
	if err := f.View.ApplyOld(batch); err != nil {
		return err
	}
	return f.m.after()
}

// after keeps memory bounded, and whoever waits informed.
func (m *Mirror) after() error {
	if n := m.History.Waiting(); n >= flushAt {
		if err := m.flush(n >= 4*flushAt); err != nil {
			return err
		}
	}
	if m.Current.Dirty() >= checkpointAt {
		if err := m.Current.Checkpoint(); err != nil {
			return err
		}
	}
	if m.cfg.Report != nil && time.Since(m.told) >= reportEvery {
		m.told = time.Now()
		m.report()
	}
	return nil
}

func (m *Mirror) report() {
	m.cfg.Report(Progress{Seq: m.Current.Seq(), To: m.to, Events: m.Current.Folded(), Took: time.Since(m.began)})
}

// Close removes the mirror, or what is left of it.
func (m *Mirror) Close() error {
	errs := []error{m.flushed(true)}
	if m.History != nil {
		errs = append(errs, m.History.Close())
	}
	if m.Current != nil {
		errs = append(errs, m.Current.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(m.dir))...)
}
