package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// minScan is how many messages a scan asks for first: a reader who wants a
	// page is not sent thousands.
	minScan = 128
	// maxScan is how many it asks for at once when the reader goes on.
	maxScan = 4096
	// scanTries is how often a scan that was cut off begins anew where it stood
	// before it gives up.
	scanTries = 3
)

// errCutOff: messages that were sent did not all arrive.
var errCutOff = errors.New("a scan was cut off")

// scanArchive calls fn with the records that are in the archive now at its own
// sequence from or after it, on the subjects given (none: all), in order, at
// most maxScan at a time. It needs to know neither how many there are nor which is
// the last, and what is purged meanwhile is not waited for. fn may end it with
// errEnd.
func (j *Journal) scanArchive(ctx context.Context, from uint64, subjects []string, fn func([]Record) error) error {
	for tries := 0; ; tries++ {
		before := from
		err := j.scanOnce(ctx, &from, subjects, maxScan, fn)
		switch {
		case errors.Is(err, errEnd):
			return nil
		case !errors.Is(err, errCutOff):
			return err
		case from > before:
			tries = 0
		case tries == scanTries:
			return fmt.Errorf("%w: %w", ErrSlow, err)
		}
	}
}

// scanOnce reads through one consumer. It moves from to after what fn has had.
func (j *Journal) scanOnce(ctx context.Context, from *uint64, subjects []string, size int, fn func([]Record) error) error {
	cons, err := j.archive.CreateConsumer(ctx, jetstream.ConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq: max(*from, 1), FilterSubjects: subjects, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true,
		InactiveThreshold: time.Minute, Replicas: 1})
	if err != nil {
		return fmt.Errorf("reading the archive: %w", asOurs(err))
	}
	defer j.forget(ctx, j.archive, cons)
	var taken uint64 // messages of this consumer
	for want := min(minScan, size); ; want = min(4*want, size) {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, own, err := j.fetch(cons, want, &taken)
		if err != nil {
			return err
		}
		if len(got) > 0 {
			if err := fn(got); err != nil {
				return err
			}
			*from = own + 1
		}
		if len(got) == want {
			continue
		}
		if over, err := exhausted(ctx, cons, taken); over || err != nil {
			return err
		}
	}
}

// fetch takes up to want records, and the archive's own sequence of the last.
func (j *Journal) fetch(cons jetstream.Consumer, want int, taken *uint64) (got []Record, own uint64, err error) {
	batch, err := cons.FetchNoWait(want)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the archive: %w", asOurs(err))
	}
	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return nil, 0, fmt.Errorf("reading the archive: %w", asOurs(err))
		}
		if *taken++; meta.Sequence.Consumer != *taken {
			return nil, 0, errCutOff
		}
		own = meta.Sequence.Stream
		rec, err := readRecord(m)
		if err != nil {
			j.log.Error("an archived message without its place in the log", "subject", m.Subject(), "error", err)
			continue
		}
		got = append(got, rec)
	}
	if err := batch.Error(); err != nil {
		return nil, 0, fmt.Errorf("reading the archive: %w", asOurs(err))
	}
	return got, own, nil
}

// exhausted asks the server whether it has sent all there is, and all has
// arrived: that nothing more came need not mean that.
func exhausted(ctx context.Context, cons jetstream.Consumer, taken uint64) (bool, error) {
	info, err := cons.Info(ctx)
	if err != nil {
		return false, fmt.Errorf("reading the archive: %w", asOurs(err))
	}
	if info.Delivered.Consumer != taken {
		return false, errCutOff
	}
	return info.NumPending == 0, nil
}
