package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/past"
	"github.com/rollcall-dev/rollcall/projections/current"
)

// ErrLater means that the log holds events later than those that are to be imported.
var ErrLater = errors.New("the log holds later events than the file")

// Import appends the events of f with their own times, and waits until the views
// have folded them and every beat among them that changed something is written
// down. It returns an error that wraps ErrLater, and appends nothing, if the log
// holds events later than the first of f.
func (d *Deployment) Import(ctx context.Context, f *past.File, cfg past.Config) (past.Result, error) {
	if err := d.nothingLater(f); err != nil {
		return past.Result{}, err
	}
	live, err := d.live()
	if err != nil {
		return past.Result{}, err
	}
	cfg.Log, cfg.Live = d.p.log, slices.Values(live)
	done, err := past.Append(ctx, cfg, f)
	if err != nil {
		return done, err
	}
	if err := d.catchUp(ctx); err != nil {
		return done, err
	}
	if err := d.witness(ctx); err != nil {
		return done, err
	}
	return done, d.catchUp(ctx)
}

// live returns the users with sessions.
func (d *Deployment) live() (found []*events.User, err error) {
	q := current.Query{Limit: 1000}
	for {
		page, err := d.p.view.List(q)
		if err != nil {
			return nil, err
		}
		for i := range page.Users {
			if u := &page.Users[i]; u.Live() {
				found = append(found, u)
			}
			q.After = page.Users[i].ID
		}
		if !page.More {
			return found, nil
		}
	}
}

// witness writes down what the imported beats changed. Nobody is timed out
// meanwhile: the limit is longer than any import.
func (d *Deployment) witness(ctx context.Context) error {
	if _, err := d.consumer(events.Limits{Timeout: forever, LeaveGrace: forever}).Emit(ctx); err != nil {
		return fmt.Errorf("writing down what heartbeats changed: %w", err)
	}
	return nil
}

const forever = 100 * 365 * 24 * time.Hour

// nothingLater returns ErrLater if anything is known that happened after the
// first event of f. When somebody was last seen, which is all that a user table
// tells, fits in anywhere.
func (d *Deployment) nothingLater(f *past.File) error {
	if f.Kind == past.KindUsers || f.Len() == 0 {
		return nil
	}
	latest, err := d.p.history.Latest()
	if err != nil {
		return err
	}
	latest = max(latest, d.p.view.Latest())
	if first := f.Earliest(); latest > first {
		return fmt.Errorf("%w: its first one is of %s, the log's last one of %s; import into a deployment of its own, in an empty data directory, or leave those rows out",
			ErrLater, first, latest)
	}
	return nil
}
