package current

import (
	"context"
	"fmt"
	"slices"
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
	meta         projections.Meta
	dirty, fresh []*events.User // to write down
	rewrite      bool           // the activity of all is among it: what is in the file goes
	erased       []string
	keys         []events.KeyClaim
	anew         bool // keys are all there are, and replace those in the file
	taps         []*Tap
	writing
}

type record struct {
	id   string
	data []byte
}

// Checkpoint writes what has changed since the last one, with the sequence that
// it stands for, in one transaction. Folding and reading go on meanwhile.
func (v *View) Checkpoint() error { return v.checkpoint(false) }

// checkpoint is Checkpoint; with whole the users' records say everything
// afterwards, and no activity is left beside them.
func (v *View) checkpoint(whole bool) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	s, ok := v.begin(whole)
	if !ok {
		return nil
	}
	began := time.Now()
	err := v.write(s)
	v.finish(s, err)
	if v.cfg.Seconds != nil {
		v.cfg.Seconds.Observe(time.Since(began).Seconds())
	}
	return err
}

func (v *View) write(s *snapshot) error {
	for _, t := range s.taps {
		if err := t.Flush(s.meta.Seq); err != nil {
			return err
		}
	}
	if v.cfg.Durable != nil {
		if err := v.cfg.Durable(); err != nil {
			return fmt.Errorf("putting the log on disk before a checkpoint: %w", err)
		}
	}
	v.collect(s)
	sort.Slice(s.records, func(a, b int) bool { return s.records[a].id < s.records[b].id })
	err := v.store.DB.Update(func(tx *bolt.Tx) error {
		users := tx.Bucket(usersBucket)
		for _, id := range s.erased {
			if err := users.Delete([]byte(id)); err != nil {
				return err
			}
		}
		for _, r := range s.records {
			if err := users.Put([]byte(r.id), r.data); err != nil {
				return err
			}
		}
		if err := s.activity.put(tx, s.meta.Seq, s.rewrite); err != nil {
			return err
		}
		if err := putKeys(tx, s); err != nil {
			return err
		}
		return projections.PutMeta(tx, s.meta)
	})
	if err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	return nil
}

// begin draws the line: what is marked now belongs to this checkpoint.
func (v *View) begin(whole bool) (*snapshot, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	unchanged := v.fold.Seq == v.meta.Seq && v.horizon == v.meta.Horizon && v.replays == v.meta.Replaying
	if v.broken != nil || unchanged && (!whole || v.marks.written == 0) {
		return nil, false
	}
	meta := v.meta
	meta.Created, meta.Seq, meta.Clock, meta.Fingerprint = v.created, v.fold.Seq, v.fold.Clock, ""
	meta.Horizon, meta.Replaying = v.horizon, v.replays
	if v.last.Seq == v.fold.Seq {
		meta.Fingerprint = v.last.Fingerprint()
	}
	s := &snapshot{meta: meta, erased: v.erased, keys: v.fold.Keys.Fresh(), taps: v.taps}
	if v.keysAnew {
		s.keys, s.anew, v.keysAnew = v.fold.Keys.All(), true, false
	}
	if whole {
		for _, u := range v.fold.Users {
			if len(u.Sessions) > 0 {
				v.marks.touch(u)
			}
		}
	}
	s.rewrite = whole || v.marks.rewrite || v.marks.written > activitySlack+2*v.live*activityBytes
	s.dirty, s.fresh = v.marks.begin(meta.Clock, s.rewrite)
	return s, true
}

// activityBytes is about what a session's activity takes in the file.
const activityBytes = 40

// collect takes the users as they were when the line was drawn: those who have
// changed since have been taken then.
func (v *View) collect(s *snapshot) {
	for _, users := range [][]*events.User{s.dirty, s.fresh} {
		for chunk := range slices.Chunk(users, pause) {
			v.mu.Lock()
			for _, u := range chunk {
				v.marks.collect(u)
			}
			v.mu.Unlock()
		}
	}
	if s.rewrite {
		v.each(v.marks.collect)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s.writing = *v.marks.under
	v.marks.under = nil
}

// each calls fn, under the lock, with every user who is in memory, a few at a
// time. One whose status changes meanwhile may be left out, or come twice.
func (v *View) each(fn func(u *events.User)) {
	for _, status := range events.Statuses {
		last := ""
		for more := true; more; {
			v.mu.Lock()
			it := after(v.index[status], last)
			for n := 0; it.ok && n < pause; n++ {
				last = it.id
				if u := v.fold.Users[it.id]; u != nil {
					fn(u)
				}
				it.next()
			}
			more = it.ok
			v.mu.Unlock()
		}
	}
}

// finish keeps what was written, and lets go of those who need not be in memory
// any more; or, after a failure, puts everything back on the lists.
func (v *View) finish(s *snapshot, err error) {
	v.mu.Lock()
	if err != nil {
		v.keysAnew = true
		v.marks.rewrite = v.marks.rewrite || s.rewrite
		v.marks.back(s.dirty, s.fresh)
		v.mu.Unlock()
		return
	}
	undecodable := v.meta.Undecodable
	v.meta = s.meta
	v.meta.Undecodable = undecodable
	v.erased = v.erased[len(s.erased):]
	if s.rewrite {
		v.marks.written = 0
	}
	v.marks.written += s.activity.size()
	v.mu.Unlock()
	for chunk := range slices.Chunk(s.dirty, pause) {
		v.mu.Lock()
		for _, u := range chunk {
			if u.Mark <= 1 && !resident(u) && v.fold.Users[u.ID] == u {
				delete(v.fold.Users, u.ID)
				v.index[u.Status()].Delete(u.ID)
			}
		}
		v.mu.Unlock()
	}
}
