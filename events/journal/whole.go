package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-dev/rollcall/events"
)

// ErrHoles means that commits are missing in the midst of the log. Nothing is
// ever taken out of it but from its beginning, so its files were damaged.
var ErrHoles = errors.New("the log has holes")

// CheckEnd returns an error that wraps ErrHoles if the last commit cannot be
// read: who reads to the end would wait for it.
func (j *Journal) CheckEnd(ctx context.Context) error {
	first, last, err := j.Bounds(ctx)
	if err != nil || last < first {
		return err
	}
	if _, err = j.Message(ctx, last); errors.Is(err, ErrGone) {
		return fmt.Errorf("%w: its last commit, of sequence %d, cannot be read: restore the store; "+
			"or remove the file index.db of stream %s, for the server to cut off what cannot be read", ErrHoles, last, events.StreamHot)
	}
	return err
}

// CheckHoles asks the broker whether commits are missing in the midst of the
// log; the error wraps ErrHoles. The broker may not know of all: see ReadHoles.
func (j *Journal) CheckHoles(ctx context.Context) error {
	info, err := j.hot.Info(ctx)
	if err != nil {
		return fmt.Errorf("asking for the log's bounds: %w", asOurs(err))
	}
	s := info.State
	first := max(s.FirstSeq, 1) // a new stream says 0
	if s.LastSeq < first || s.Msgs == s.LastSeq-first+1 {
		return nil
	}
	return holes(s.LastSeq-first+1-s.Msgs, first, s.LastSeq)
}

// ReadHoles reads the whole log, and returns an error that wraps ErrHoles if it
// is not given every commit from the first to the last.
func (j *Journal) ReadHoles(ctx context.Context) error {
	first, last, err := j.Bounds(ctx)
	if err != nil || last < first {
		return err
	}
	var from, missing, next uint64
	if err := j.Read(ctx, Stretch{From: first, To: last}, func(batch []Message) error {
		for i := range batch {
			if next == 0 { // what is trimmed meanwhile is not missing
				from, next = batch[i].Seq, batch[i].Seq
			}
			missing += batch[i].Seq - next
			next = batch[i].Seq + 1
		}
		return nil
	}); err != nil || missing == 0 {
		return err
	}
	return holes(missing, from, last)
}

func holes(missing, first, last uint64) error {
	return fmt.Errorf("%w: %d commits between sequence %d and %d cannot be read: check the disk; restore the store, or keep it as it is: "+
		"the archive and the views have what they had read by then", ErrHoles, missing, first, last)
}
