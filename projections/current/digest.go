package current

import (
	"crypto/sha256"
	"encoding/hex"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections"
)

// Digest writes a checkpoint and returns the sequence it stands for and a
// digest of the view there: two views of one log have the same at the same
// sequence, wherever and from whatever part of the log they were folded.
//
// horizon is the sequence from which on both have seen the heartbeats: what
// only those before it told of a session that is still live is left out
// (events.User.Settle). 1 leaves nothing out.
func (v *View) Digest(horizon uint64) (uint64, string, error) {
	h := sha256.New()
	seq, err := v.Dump(horizon, func(_ string, record []byte) bool {
		h.Write(record)
		return true
	})
	return seq, hex.EncodeToString(h.Sum(nil)), err
}

// Dump writes a checkpoint and calls fn with every user's id and canonical
// bytes, in the order of ids, until it returns false. It returns the sequence
// that they stand for.
func (v *View) Dump(horizon uint64, fn func(id string, record []byte) bool) (seq uint64, err error) {
	if err := v.Checkpoint(); err != nil {
		return 0, err
	}
	err = v.store.DB.View(func(tx *bolt.Tx) error {
		meta, err := projections.ReadMeta(tx)
		if err != nil {
			return err
		}
		seq = meta.Seq
		var buf []byte
		c := tx.Bucket(usersBucket).Cursor()
		for id, data := c.First(); id != nil; id, data = c.Next() {
			u, err := decodeRecord(string(id), data)
			if err != nil {
				return err
			}
			if buf = canonical(buf[:0], u, horizon); !fn(u.ID, buf) {
				return nil
			}
		}
		return nil
	})
	return seq, err
}

// canonical appends u's id and record as of horizon. It may change u.
func canonical(dst []byte, u *events.User, horizon uint64) []byte {
	u.Settle(horizon)
	dst = appendText(dst, u.ID)
	return appendRecord(dst, u)
}
