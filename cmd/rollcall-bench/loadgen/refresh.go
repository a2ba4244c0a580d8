package loadgen

import (
	"context"
	"sync/atomic"
	"time"
)

// refresher keeps sessions of the filled users live: it sends a heartbeat of
// each every so often, evenly spread.
type refresher struct {
	asker
	sessions int
	every    time.Duration
	from     atomic.Int64  // users before it are left out
	slowest  time.Duration // longest round; to be read when run has returned
}

// keepFrom leaves out the users before from.
func (r *refresher) keepFrom(from int) { r.from.Store(int64(from)) }

// run sends until ctx ends. Where the node is slower it goes on as fast as it
// is.
func (r *refresher) run(ctx context.Context) error {
	size := min(max(r.sessions/50, 1), fillBatch)
	for ctx.Err() == nil {
		began := time.Now()
		for at := 0; at < r.sessions; at += size {
			due := began.Add(time.Duration(float64(r.every) * float64(at) / float64(r.sessions)))
			if !sleep(ctx, time.Until(due)) {
				return nil
			}
			from, to := max(at, int(r.from.Load())), min(at+size, r.sessions)
			if from >= to {
				continue
			}
			if err := r.batch(ctx, from, to); err != nil && ctx.Err() == nil { // else it was stopped in the middle
				return err
			}
		}
		if !sleep(ctx, time.Until(began.Add(r.every))) {
			return nil
		}
		r.slowest = max(r.slowest, time.Since(began))
	}
	return nil
}
