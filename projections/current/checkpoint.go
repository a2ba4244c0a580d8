package current

import (
	"context"
	"fmt"
	"sort"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections"
)

// pause is how many users are written down, or evicted, between two turns of
// the readers.
const pause = 512

// checkpoints writes a checkpoint every cfg.Checkpoint, and takes no more than
// a tenth of the time for it.
func (v *View) checkpoints(ctx context.Context) {
	wait := v.cfg.Checkpoint
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		began := time.Now()
		if err := v.Checkpoint(); err != nil {
			v.log.Error("writing a checkpoint failed; the view goes on in memory and tries again", "error", err)
		}
		wait = max(v.cfg.Checkpoint, 10*time.Since(began))
	}
}

// snapshot is a checkpoint on its way: exactly what the view was at meta.Seq.
type snapshot struct {
	meta   projections.Meta
	users  []*events.User // to write down
	erased []string
	taps   []*Tap
}

type record struct {
	id   string
	data []byte // nil: no longer known
}

// Checkpoint writes what has changed since the last one, with the sequence that
// it stands for, in one transaction. Folding and reading go on meanwhile: a user
// that is changed before his record is taken leaves the record behind that he
// had (touching).
func (v *View) Checkpoint() error {
	v.writing.Lock()
	defer v.writing.Unlock()
	s, ok := v.begin()
	if !ok {
		return nil
	}
	for _, t := range s.taps {
		if err := t.Flush(s.meta.Seq); err != nil {
			v.finish(s, err)
			return err
		}
	}
	if v.cfg.Durable != nil {
		if err := v.cfg.Durable(); err != nil {
			v.finish(s, err)
			return fmt.Errorf("putting the log on disk before a checkpoint: %w", err)
		}
	}
	records := v.collect(s.users)
	sort.Slice(records, func(a, b int) bool { return records[a].id < records[b].id })
	err := v.store.DB.Update(func(tx *bolt.Tx) error {
		users := tx.Bucket(usersBucket)
		for _, id := range s.erased {
			if err := users.Delete([]byte(id)); err != nil {
				return err
			}
		}
		for _, r := range records {
			if r.data == nil {
				continue
			}
			if err := users.Put([]byte(r.id), r.data); err != nil {
				return err
			}
		}
		return projections.PutMeta(tx, s.meta)
	})
	v.finish(s, err)
	if err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	return nil
}

// begin draws the line: what is dirty now belongs to this checkpoint.
func (v *View) begin() (snapshot, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fold.Seq == v.meta.Seq {
		return snapshot{}, false
	}
	meta := v.meta
	meta.Created, meta.Seq, meta.Clock, meta.Fingerprint = v.created, v.fold.Seq, v.fold.Clock, ""
	if v.last.Seq == v.fold.Seq {
		meta.Fingerprint = v.last.Fingerprint()
	}
	s := snapshot{meta: meta, users: v.dirty, erased: v.erased, taps: v.taps}
	v.dirty = nil
	v.saved = make(map[string][]byte)
	v.gen++
	return s, true
}

// collect takes the records of users as they were when the line was drawn.
func (v *View) collect(users []*events.User) []record {
	records := make([]record, 0, len(users))
	for len(users) > 0 {
		n := min(pause, len(users))
		v.mu.Lock()
		for _, u := range users[:n] {
			r := record{id: u.ID}
			if u.Mark == v.gen { // changed since
				r.data = v.saved[u.ID]
			} else {
				u.Mark = 0
				if u.Known() {
					r.data = appendRecord(nil, u)
				}
			}
			records = append(records, r)
		}
		v.mu.Unlock()
		users = users[n:]
	}
	return records
}

// finish keeps what was written, and lets go of those who need not be in memory
// any more; or, after a failure, puts everything back on the list.
func (v *View) finish(s snapshot, err error) {
	v.mu.Lock()
	v.saved = make(map[string][]byte)
	if err != nil {
		for _, u := range s.users {
			if u.Mark != v.gen { // else he has changed since, and is on the list
				u.Mark = v.gen
				v.dirty = append(v.dirty, u)
			}
		}
		v.mu.Unlock()
		return
	}
	undecodable := v.meta.Undecodable
	v.meta = s.meta
	v.meta.Undecodable = undecodable
	v.erased = v.erased[len(s.erased):]
	v.mu.Unlock()
	for users := s.users; len(users) > 0; {
		n := min(pause, len(users))
		v.mu.Lock()
		for _, u := range users[:n] {
			if u.Mark == 0 && !resident(u) && v.fold.Users[u.ID] == u {
				delete(v.fold.Users, u.ID)
				v.index[u.Status()].Delete(u.ID)
			}
		}
		v.mu.Unlock()
		users = users[n:]
	}
}
