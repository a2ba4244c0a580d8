package history

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Snapshot is the history as it was at one sequence, while it goes on. It must
// be closed. It is not safe for concurrent use.
type Snapshot struct {
	Seq uint64

	tx      *bolt.Tx
	cursor  *bolt.Cursor
	started bool
	buf     []byte
}

// Snapshot writes down what waits and returns what the file holds.
func (v *View) Snapshot() (*Snapshot, error) {
	if err := v.Flush(); err != nil {
		return nil, err
	}
	v.writing.Lock() // so that the file is not swapped meanwhile
	tx, err := v.store.Load().DB.Begin(false)
	v.writing.Unlock()
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	seq, err := seqOf(tx)
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return &Snapshot{Seq: seq, tx: tx, cursor: tx.Bucket(intervalsBucket).Cursor()}, nil
}

// Next returns the next interval's user and canonical bytes, in the order of
// users and of time; "" after the last one. The bytes are good until the next
// call.
func (s *Snapshot) Next() (user string, entry []byte, err error) {
	var key, value []byte
	if s.started {
		key, value = s.cursor.Next()
	} else {
		s.started = true
		key, value = s.cursor.First()
	}
	switch {
	case key == nil:
		return "", nil, nil
	case len(key) < 20:
		return "", nil, errDamaged
	}
	s.buf = append(append(s.buf[:0], key...), value...)
	return string(key[:len(key)-19]), s.buf, nil
}

// Close lets the file go on.
func (s *Snapshot) Close() error { return s.tx.Rollback() }

// Digest returns the sequence that the view stands at and a digest of all
// intervals there. Whatever else the file holds is derived from them.
func (v *View) Digest() (seq uint64, digest string, err error) {
	s, err := v.Snapshot()
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	h := sha256.New()
	for {
		user, entry, err := s.Next()
		if err != nil {
			return 0, "", err
		}
		if user == "" {
			return s.Seq, hex.EncodeToString(h.Sum(nil)), nil
		}
		h.Write(entry)
	}
}
