package mirror

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// walk goes through a snapshot once.
type walk struct {
	snapshot
	user  string
	entry []byte
	users int
	sum   hash.Hash
}

func newWalk(s snapshot) *walk { return &walk{snapshot: s, sum: sha256.New(), user: "\x00"} }

// step moves on, unless the end is reached.
func (w *walk) step() error {
	if w.user == "" {
		return nil
	}
	before := w.user
	var err error
	if w.user, w.entry, err = w.Next(); err != nil {
		return err
	}
	if w.user != "" && w.user != before {
		w.users++
	}
	w.sum.Write(w.entry)
	return nil
}

func (w *walk) digest() string { return hex.EncodeToString(w.sum.Sum(nil)) }
