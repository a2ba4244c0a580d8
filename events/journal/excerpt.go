package journal

import (
	"cmp"
	"context"
	"errors"

	"github.com/rollcall-dev/rollcall/events"
)

// Excerpt is a part of the archive to read from end to end.
type Excerpt struct {
	From       events.Place  // the first place wanted
	To         events.Place  // the last one; the zero Place: all there is
	Types      []events.Type // only events of these; none: of all
	Unarchived bool          // and what the hot stream has after the archive's end
}

// Archive calls fn with the records of x in order. It reads ahead, for whoever
// wants much; Audit is for those who want little. fn may keep nothing of the
// slice.
func (j *Journal) Archive(ctx context.Context, x Excerpt, fn func([]Record) error) error {
	q := AuditQuery{Types: x.Types}
	end, _, err := j.archiveEnd(ctx)
	if err != nil {
		return err
	}
	stop := end.Place // what comes after it is read below, or not wanted
	if x.To != (events.Place{}) {
		stop = earlier(stop, x.To)
	}
	if !stop.Before(x.From) {
		from, err := j.seekArchive(ctx, x.From, 0)
		if err != nil {
			return err
		}
		if err := j.readArchive(ctx, from, q.filters(), func(batch []Record) error {
			n := len(batch)
			for n > 0 && stop.Before(batch[n-1].Place) {
				n--
			}
			if n > 0 {
				if err := fn(batch[:n]); err != nil {
					return err
				}
			}
			if n < len(batch) {
				return errEnd
			}
			return nil
		}); err != nil && !errors.Is(err, errEnd) {
			return err
		}
	}
	if !x.Unarchived {
		return nil
	}
	q.After = end.Place
	if end.Place.Before(x.From) {
		q.After = lastBefore(x.From)
	}
	return j.Audit(ctx, q, fn)
}

// lastBefore is the last place that can come before p, which is not the zero
// Place.
func lastBefore(p events.Place) events.Place {
	if p.Nth > 0 {
		return events.Place{Seq: p.Seq, Nth: p.Nth - 1}
	}
	return events.EndOf(p.Seq - 1)
}

// readArchive calls fn with the records from the archive's own sequence from on,
// on the subjects given (none: all). The next ones are fetched and decoded while
// fn is at work.
func (j *Journal) readArchive(ctx context.Context, from uint64, subjects []string, fn func([]Record) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ahead, failed := make(chan []Record, 2), make(chan error, 1)
	go func() {
		defer close(ahead)
		failed <- j.scanArchive(ctx, from, subjects, func(batch []Record) error {
			select {
			case ahead <- batch:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	for batch := range ahead {
		if err := fn(batch); err != nil {
			cancel()
			return cmp.Or(err, <-failed) // it has ended before anybody goes on
		}
	}
	return <-failed
}
