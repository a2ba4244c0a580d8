package history

import (
	"crypto/sha256"
	"encoding/hex"

	bolt "go.etcd.io/bbolt"
)

// Digest writes down what waits and returns the sequence that the view stands
// at and a digest of all intervals. Whatever else the file holds is derived from
// them.
func (v *View) Digest() (uint64, string, error) {
	h := sha256.New()
	seq, err := v.Dump(func(_ string, entry []byte) bool {
		h.Write(entry)
		return true
	})
	return seq, hex.EncodeToString(h.Sum(nil)), err
}

// Dump writes down what waits and calls fn with every interval's user and
// canonical bytes, in the order of users and of time, until it returns false.
// It returns the sequence that they stand for.
func (v *View) Dump(fn func(user string, entry []byte) bool) (seq uint64, err error) {
	if err := v.Flush(); err != nil {
		return 0, err
	}
	err = v.store.DB.View(func(tx *bolt.Tx) error {
		if seq, err = seqOf(tx); err != nil {
			return err
		}
		var entry []byte
		c := tx.Bucket(intervalsBucket).Cursor()
		for key, value := c.First(); key != nil; key, value = c.Next() {
			entry = append(append(entry[:0], key...), value...)
			if len(key) < 20 {
				return errDamaged
			}
			if !fn(string(key[:len(key)-19]), entry) {
				return nil
			}
		}
		return nil
	})
	return seq, err
}
