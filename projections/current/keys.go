package current

import (
	"encoding/binary"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
)

// The bucket "keys" holds the idempotency keys that the fold remembers:
//
//	covered id → seq nth request
//
// Numbers are big-endian, so that the oldest comes first.
var keysBucket = []byte("keys")

// Claimed returns which entry has claimed an idempotency key within the last two
// minutes of covered time, as of where the view stands.
func (v *View) Claimed(id [16]byte) (events.Claim, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.fold.Keys.Claimed(id, v.fold.Clock.Covered)
}

// putKeys writes the keys of s down, and forgets what is outdated then.
func putKeys(tx *bolt.Tx, s *snapshot) error {
	if s.anew {
		if err := tx.DeleteBucket(keysBucket); err != nil {
			return err
		}
		if _, err := tx.CreateBucket(keysBucket); err != nil {
			return err
		}
	}
	b, now := tx.Bucket(keysBucket), s.meta.Clock.Covered
	for i := range s.keys {
		if err := b.Put(keyOf(&s.keys[i]), claimOf(&s.keys[i])); err != nil {
			return err
		}
	}
	c := b.Cursor()
	for k, _ := c.First(); k != nil && now-int64(binary.BigEndian.Uint64(k)) >= events.KeyWindow.Milliseconds(); k, _ = c.First() {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

func keyOf(c *events.KeyClaim) []byte {
	k := binary.BigEndian.AppendUint64(make([]byte, 0, 24), uint64(c.Covered))
	return append(k, c.ID[:]...)
}

func claimOf(c *events.KeyClaim) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 28), c.Place.Seq)
	b = binary.BigEndian.AppendUint32(b, c.Place.Nth)
	return append(b, c.Request[:]...)
}

// readKeys returns what putKeys has written, the oldest first.
func readKeys(tx *bolt.Tx) (claims []events.KeyClaim, err error) {
	err = tx.Bucket(keysBucket).ForEach(func(k, data []byte) error {
		if len(k) != 24 || len(data) != 28 {
			return errRecord
		}
		c := events.KeyClaim{ID: [16]byte(k[8:]), Claim: events.Claim{Covered: int64(binary.BigEndian.Uint64(k)), Request: [16]byte(data[12:])}}
		c.Place = events.Place{Seq: binary.BigEndian.Uint64(data), Nth: binary.BigEndian.Uint32(data[8:])}
		claims = append(claims, c)
		return nil
	})
	return claims, err
}
