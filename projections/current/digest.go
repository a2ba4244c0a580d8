package current

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections"
)

// Snapshot is the view as it was at one sequence, while the view goes on. It
// must be closed. It is not safe for concurrent use.
type Snapshot struct {
	Seq uint64

	tx      *bolt.Tx
	cursor  *bolt.Cursor
	horizon uint64
	started bool
	buf     []byte
}

// Snapshot writes a checkpoint and returns what it holds.
//
// horizon is the sequence from which on all views that are compared have seen
// the heartbeats: what only those before it told of a session that is still
// live is left out (events.User.Settle). 1 leaves nothing out.
func (v *View) Snapshot(horizon uint64) (*Snapshot, error) {
	if err := v.checkpoint(true); err != nil {
		return nil, err
	}
	v.mu.RLock() // so that the file is not swapped meanwhile
	tx, err := v.store.DB.Begin(false)
	v.mu.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("reading a checkpoint: %w", err)
	}
	meta, err := projections.ReadMeta(tx)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return &Snapshot{Seq: meta.Seq, tx: tx, cursor: tx.Bucket(usersBucket).Cursor(), horizon: horizon}, nil
}

// Next returns the next user's id and canonical bytes, in the order of ids; ""
// after the last one. The bytes are good until the next call.
func (s *Snapshot) Next() (id string, record []byte, err error) {
	var key, data []byte
	if s.started {
		key, data = s.cursor.Next()
	} else {
		s.started = true
		key, data = s.cursor.First()
	}
	if key == nil {
		return "", nil, nil
	}
	u, err := decodeRecord(string(key), data)
	if err != nil {
		return "", nil, err
	}
	s.buf = canonical(s.buf[:0], u, s.horizon)
	return u.ID, s.buf, nil
}

// Close lets the file go on.
func (s *Snapshot) Close() error { return s.tx.Rollback() }

// Digest returns the sequence that the view stands at and a digest of it there:
// two views of one log have the same at the same sequence, wherever and from
// whatever part of the log they were folded. horizon is as in Snapshot.
func (v *View) Digest(horizon uint64) (seq uint64, digest string, err error) {
	s, err := v.Snapshot(horizon)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	h := sha256.New()
	for {
		id, record, err := s.Next()
		if err != nil {
			return 0, "", err
		}
		if id == "" {
			return s.Seq, hex.EncodeToString(h.Sum(nil)), nil
		}
		h.Write(record)
	}
}

// canonical appends u's id and record as of horizon. It may change u.
func canonical(dst []byte, u *events.User, horizon uint64) []byte {
	u.Settle(horizon)
	dst = appendText(dst, u.ID)
	return appendRecord(dst, u)
}
