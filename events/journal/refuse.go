package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Refuse makes the journal take nothing until Refuse(nil): whoever appends, or
// waits in the queue, gets the reason at once and nothing of his is stored. It
// must wrap an error of this package. A publish under way is not touched. Alive
// marks are not written either, so covered time stands still: nobody can be
// heard. That holds only where a refusal lasts longer than events.MaxGap.
func (j *Journal) Refuse(reason error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refusal = reason
}

func (j *Journal) refused() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.refusal
}

// turnAway answers those who wait with err.
func (j *Journal) turnAway(waiting []*entry, err error) {
	for _, e := range waiting {
		o := outcome{err: err}
		j.metrics.count(e, o)
		e.done <- o
	}
}

// Mend makes anew what a broker that was restarted has forgotten: the lease,
// which lives in memory. It returns where the log ends. Errors wrap
// ErrUnavailable or ErrSlow while the broker is not there, and ErrMissing where
// the log is not the one that was opened.
func (j *Journal) Mend(ctx context.Context) (last uint64, err error) {
	if _, last, err = j.Bounds(ctx); err != nil {
		return 0, err
	}
	want := j.cfg.leaseStream()
	if _, err := j.js.CreateStream(ctx, want); err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return 0, fmt.Errorf("making stream %s: %w", want.Name, asOurs(err))
	}
	return last, nil
}
