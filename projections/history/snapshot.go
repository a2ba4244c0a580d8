package history

import (
	"bytes"
	"encoding/binary"
	"math"
	"sort"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
)

// A snapshot holds everybody who was not offline after the change under whose
// key it stands. There is one after every snapshotEvery changes, or after as
// many as there are people in it where those are more: so a question about a
// moment costs at most about two sizes of the answer, and all snapshots
// together no more room than the changes.
const snapshotEvery = 2048

// latest is a moment after everything.
const latest = events.Millis(math.MaxInt64)

// note enters the change that began i, and takes a snapshot if it is time.
func (v *View) note(tx *bolt.Tx, i *Interval, before events.Status) error {
	key := i.changeKey()
	if err := v.dropSnapshots(tx, key); err != nil {
		return err
	}
	changes := tx.Bucket(changesBucket)
	changes.FillPercent = 0.95 // they come in the order of their keys
	if err := changes.Put(key, []byte{statusCode[before], statusCode[i.Status]}); err != nil {
		return err
	}
	if bytes.Compare(key, v.head) < 0 {
		if err := noteLate(tx, key, i.Seq); err != nil {
			return err
		}
	}
	v.since++
	if i.Status == events.StatusOffline {
		delete(v.present, i.User)
	} else {
		v.present[i.User] = i.Status
	}
	if bytes.Compare(key, v.head) < 0 {
		return nil // present holds what comes after it in time
	}
	v.head = key
	if v.since < max(snapshotEvery, len(v.present)) {
		return nil
	}
	v.since, v.newest = 0, key
	return tx.Bucket(snapshotsBucket).Put(key, encodeSnapshot(v.present))
}

// noteLate enters a change that comes later in the log than in time: who looks
// for what has happened since a place in the log does not find it by its time.
func noteLate(tx *bolt.Tx, key []byte, seq uint64) error {
	at := binary.BigEndian.AppendUint64(make([]byte, 0, len(key)+8), seq)
	return tx.Bucket(lateBucket).Put(append(at, key...), []byte{})
}

// dropSnapshots removes the snapshots that stand for more than the changes up
// to key: one that comes late in the log but early in time makes them wrong.
// Hardly ever is there one.
func (v *View) dropSnapshots(tx *bolt.Tx, key []byte) error {
	if bytes.Compare(v.newest, key) <= 0 {
		return nil
	}
	b := tx.Bucket(snapshotsBucket)
	for bytes.Compare(v.newest, key) > 0 {
		if err := b.Delete(v.newest); err != nil {
			return err
		}
		v.newest = newestSnapshot(tx)
	}
	return nil
}

// newestSnapshot returns a copy of the last snapshot's key, nil where there is
// none.
func newestSnapshot(tx *bolt.Tx) []byte {
	key, _ := tx.Bucket(snapshotsBucket).Cursor().Last()
	return bytes.Clone(key)
}

// encodeSnapshot writes ids in order, each with its status.
func encodeSnapshot(present map[string]events.Status) []byte {
	ids := make([]string, 0, len(present))
	size := 0
	for id := range present {
		ids = append(ids, id)
		size += len(id) + 3
	}
	sort.Strings(ids)
	b := make([]byte, 0, size+8)
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = append(b, statusCode[present[id]])
		b = appendText(b, id)
	}
	return b
}

func decodeSnapshot(b []byte) (map[string]events.Status, error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)) {
		return nil, errDamaged
	}
	b = b[size:]
	present := make(map[string]events.Status, n)
	for range n {
		if len(b) == 0 {
			return nil, errDamaged
		}
		status := statusOf[b[0]&3]
		id, rest, ok := cutText(b[1:])
		if !ok {
			return nil, errDamaged
		}
		present[id], b = status, rest
	}
	return present, nil
}

// presentAt returns everybody who was not offline at t, and how many changes
// lay between the snapshot that it began with and t.
func presentAt(tx *bolt.Tx, t events.Millis) (present map[string]events.Status, changes int, err error) {
	present, c, key, value, err := resume(tx, t)
	if err != nil {
		return nil, 0, err
	}
	for ; key != nil && atOf(key) <= t; key, value = c.Next() {
		changes++
		id, ok := userOf(key)
		if !ok || len(value) != 2 {
			return nil, 0, errDamaged
		}
		if status := statusOf[value[1]&3]; status == events.StatusOffline {
			delete(present, id)
		} else {
			present[id] = status
		}
	}
	return present, changes, nil
}

// resume returns the last snapshot at or before t, and a cursor over the
// changes that stands on the first one after it.
func resume(tx *bolt.Tx, t events.Millis) (present map[string]events.Status, c *bolt.Cursor, key, value []byte, err error) {
	present = map[string]events.Status{}
	c = tx.Bucket(changesBucket).Cursor()
	limit := bytes.Repeat([]byte{0xff}, 16)
	if t != latest {
		limit = binary.BigEndian.AppendUint64(nil, uint64(t)+1)
	}
	at, snapshot := seekBefore(tx.Bucket(snapshotsBucket).Cursor(), limit)
	if at == nil {
		key, value = c.First()
		return present, c, key, value, nil
	}
	if present, err = decodeSnapshot(snapshot); err != nil {
		return nil, nil, nil, nil, err
	}
	if key, value = c.Seek(at); bytes.Equal(key, at) {
		key, value = c.Next()
	}
	return present, c, key, value, nil
}

// eraseFromSnapshots takes user out of every snapshot that holds him.
func eraseFromSnapshots(tx *bolt.Tx, user string) error {
	b := tx.Bucket(snapshotsBucket)
	type entry struct{ key, value []byte }
	var changed []entry
	if err := b.ForEach(func(key, value []byte) error {
		present, err := decodeSnapshot(value)
		if err != nil {
			return err
		}
		if _, holds := present[user]; holds {
			delete(present, user)
			changed = append(changed, entry{bytes.Clone(key), encodeSnapshot(present)})
		}
		return nil
	}); err != nil {
		return err
	}
	for _, e := range changed {
		if err := b.Put(e.key, e.value); err != nil {
			return err
		}
	}
	return nil
}
