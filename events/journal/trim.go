package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// settleTime is how long ago something must have been archived to be on disk
// there, where nobody says so: servers write at least every two minutes.
const settleTime = 5 * time.Minute

// Trimmer takes from the hot stream what is older than Config.HotRetention and in
// the archive, on disk, but leaves the keys by which what is not archived yet may
// be a repeat. Nothing else ever leaves it: a log that nobody looks after keeps
// everything.
type Trimmer struct {
	j        *Journal
	archiver *Archiver
	floor    func() uint64 // a sequence from which on readers still need the log
	marks    []trimMark
	previous uint64 // up to where the archive was complete at the last look
}

// trimMark says up to where the archive was complete at a moment.
type trimMark struct {
	at     time.Time
	copied uint64
}

// Trimmer returns a trimmer of what a has archived. floor is asked each time
// for a sequence that must stay, with all after it. It starts nothing; see Run.
func (a *Archiver) Trimmer(floor func() uint64) *Trimmer {
	return &Trimmer{j: a.j, archiver: a, floor: floor}
}

// period is how often there is something to trim: a small part of the
// retention, because the server rewrites a block each time.
func (t *Trimmer) period() time.Duration {
	return min(max(t.j.cfg.HotRetention/64, time.Second), 5*time.Minute)
}

// Run trims until ctx ends, and then returns nil.
func (t *Trimmer) Run(ctx context.Context) error {
	ticker := time.NewTicker(t.period())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if _, err := t.Trim(ctx); err != nil && ctx.Err() == nil {
			t.j.log.Warn("trimming the log failed and is tried again", "error", err)
		}
	}
}

// Trim trims now, and returns where the hot stream begins then, 0 where there
// was nothing to do.
func (t *Trimmer) Trim(ctx context.Context) (first uint64, err error) {
	if !t.archiver.gate() {
		t.marks = nil
		return 0, nil
	}
	now := t.j.cfg.Now()
	copied, err := t.onDisk(now)
	if err != nil || copied == 0 {
		return 0, err
	}
	old, err := t.j.seekHot(ctx, events.MillisOf(now.Add(-t.j.cfg.HotRetention)))
	if err != nil {
		return 0, err
	}
	if first, _, err = t.j.Bounds(ctx); err != nil || copied < first {
		return 0, err
	}
	m, err := t.j.Message(ctx, copied)
	if err != nil {
		return 0, err
	}
	// Who goes on archiving needs the keys of the time before.
	keys, err := t.j.keysLead(ctx, first, &m)
	if err != nil {
		return 0, err
	}
	upTo := min(old, keys, t.floor())
	if upTo <= first {
		return 0, nil
	}
	// Whoever has removed something there: nothing is lost by a belief.
	if err := t.holds(ctx); err != nil {
		return 0, err
	}
	if err := t.j.hot.Purge(ctx, jetstream.WithPurgeSequence(upTo)); err != nil {
		return 0, fmt.Errorf("trimming the log: %w", asOurs(err))
	}
	t.j.log.Debug("the log was trimmed", "first", upTo)
	return upTo, nil
}

// onDisk returns up to which hot sequence the archive is complete and on disk.
func (t *Trimmer) onDisk(now time.Time) (uint64, error) {
	copied := t.archiver.Copied()
	if t.j.cfg.ArchiveDurable != nil {
		if err := t.j.cfg.ArchiveDurable(); err != nil {
			return 0, fmt.Errorf("putting the archive on disk before the log is trimmed: %w", err)
		}
		// What was archived a whole period ago has been written; now it is on disk.
		copied, t.previous = t.previous, copied
		return copied, nil
	}
	t.marks = append(t.marks, trimMark{now, copied})
	settled := uint64(0)
	for len(t.marks) > 0 && now.Sub(t.marks[0].at) >= settleTime {
		settled = t.marks[0].copied
		if len(t.marks) > 1 && now.Sub(t.marks[1].at) >= settleTime {
			t.marks = t.marks[1:]
			continue
		}
		break
	}
	return settled, nil
}

// holds returns an error if the archive has lost its end.
func (t *Trimmer) holds(ctx context.Context) error {
	want := t.archiver.end()
	end, _, err := t.j.archiveEnd(ctx)
	if err == nil && end.Place.Before(want) {
		err = fmt.Errorf("%w: the archive ends at %s, and did at %s", ErrMissing, end.Place, want)
	}
	return err
}
