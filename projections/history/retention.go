package history

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
)

// pruneEvery lies between two looks for what is too old.
const pruneEvery = 6 * time.Hour

// pruneBatch is how many entries one transaction forgets, so that changes need
// not wait long.
const pruneBatch = 10_000

// Complete reports whether everything from t on is known.
func (v *View) Complete(t events.Millis) bool {
	v.writing.Lock()
	defer v.writing.Unlock()
	return t >= v.cut
}

// Forgotten is the moment before which something may be missing, 0 where nothing
// is.
func (v *View) Forgotten() events.Millis {
	v.writing.Lock()
	defer v.writing.Unlock()
	return v.cut
}

// Cut notes that the log had lost something of before t when the view was
// folded from it.
func (v *View) Cut(t events.Millis) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	if t <= v.cut {
		return nil
	}
	if err := v.store.Load().DB.Update(func(tx *bolt.Tx) error { return putCut(tx, t) }); err != nil {
		return fmt.Errorf("noting what the history lacks: %w", err)
	}
	v.cut = t
	return nil
}

// Run forgets what is older than the retention, until ctx ends.
func (v *View) Run(ctx context.Context) error {
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		if err := v.Prune(v.cfg.Now().Add(-v.cfg.Retention)); err != nil {
			v.log.Error("forgetting old history failed and is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Prune forgets intervals that ended before t, and the changes that are not
// needed to know who was online from t on.
func (v *View) Prune(t time.Time) error {
	if err := v.Flush(); err != nil {
		return err
	}
	cut := events.MillisOf(t)
	old, err := v.pruneIntervals(cut)
	if err != nil {
		return fmt.Errorf("pruning intervals: %w", err)
	}
	if old {
		if err := v.Cut(cut); err != nil {
			return err
		}
	}
	if err := v.pruneChanges(cut); err != nil {
		return fmt.Errorf("pruning changes: %w", err)
	}
	return nil
}

// pruneIntervals forgets intervals that ended before cut and reports whether
// there were any.
func (v *View) pruneIntervals(cut events.Millis) (any bool, err error) {
	var from []byte
	for done := false; !done; {
		v.writing.Lock()
		err = v.store.Load().DB.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(intervalsBucket)
			var gone [][]byte
			seen := 0
			c := b.Cursor()
			key, value := c.Seek(from)
			for ; key != nil && seen < pruneBatch; key, value = c.Next() {
				seen++
				i, err := decodeInterval(key, value)
				if err != nil {
					return err
				}
				if i.To != 0 && i.To < cut {
					gone = append(gone, bytes.Clone(key))
				}
			}
			done = key == nil
			from = bytes.Clone(key)
			any = any || len(gone) > 0
			return deleteAll(b, gone)
		})
		v.writing.Unlock()
		if err != nil {
			return any, err
		}
	}
	return any, nil
}

// pruneChanges forgets what lies before the last snapshot at or before cut.
func (v *View) pruneChanges(cut events.Millis) error {
	for done := false; !done; {
		v.writing.Lock()
		err := v.store.Load().DB.Update(func(tx *bolt.Tx) error {
			base, _ := seekBefore(tx.Bucket(snapshotsBucket).Cursor(), binary.BigEndian.AppendUint64(nil, uint64(cut)+1))
			if base == nil {
				done = true
				return nil
			}
			base = bytes.Clone(base)
			for _, name := range [][]byte{changesBucket, snapshotsBucket} {
				b := tx.Bucket(name)
				var gone [][]byte
				c := b.Cursor()
				key, _ := c.First()
				for ; key != nil && bytes.Compare(key, base) < 0 && len(gone) < pruneBatch; key, _ = c.Next() {
					gone = append(gone, bytes.Clone(key))
				}
				done = len(gone) < pruneBatch
				if err := deleteAll(b, gone); err != nil {
					return err
				}
				if !done {
					return nil
				}
			}
			return nil
		})
		v.writing.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func deleteAll(b *bolt.Bucket, keys [][]byte) error {
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
