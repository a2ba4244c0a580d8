package current

import (
	"encoding/binary"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
)

// The bucket "activity" holds how the sessions of users went on since their
// records were written: heartbeats touch as many users as there are, and records
// all over the file would have to be written for them. Instead each checkpoint
// adds a few long values at the end:
//
//	seq part → base users… check
//
// where seq is the checkpoint's and the check the CRC-32C of key and value. A
// session's activity counts where it is later than what the record, or an
// earlier value, says. When there is twice as much as all live sessions take,
// all are written again and the rest is removed.
var activityBucket = []byte("activity")

const (
	// activityPart is about how long a value becomes.
	activityPart = 256 << 10
	// activitySlack is how many bytes there may be however few sessions live.
	activitySlack = 1 << 20
)

// activityWriter collects values for one checkpoint.
type activityWriter struct {
	base  events.Clock // what times are written as differences of
	parts [][]byte
}

// add writes down the activity of u's sessions.
func (w *activityWriter) add(u *events.User) {
	if len(u.Sessions) == 0 {
		return
	}
	if n := len(w.parts); n == 0 || len(w.parts[n-1]) > activityPart {
		p := make([]byte, 0, activityPart+1024)
		p = binary.AppendVarint(p, int64(w.base.Last))
		w.parts = append(w.parts, binary.AppendVarint(p, w.base.Covered))
	}
	p := &w.parts[len(w.parts)-1]
	b := appendText(*p, u.ID)
	b = binary.AppendUvarint(b, u.Seq)
	b = binary.AppendUvarint(b, uint64(len(u.Sessions)))
	for i := range u.Sessions {
		s := &u.Sessions[i]
		id := s.ID
		if id == events.DefaultSession {
			id = ""
		}
		b = appendText(b, id)
		b = binary.AppendVarint(b, int64(u.Seq-s.Seq))
		b = binary.AppendUvarint(b, uint64(s.Nth))
		b = binary.AppendVarint(b, int64(s.LastSeen-w.base.Last))
		b = binary.AppendVarint(b, s.Covered-w.base.Covered)
		b = binary.AppendUvarint(b, uint64(s.Every))
		b = binary.AppendUvarint(b, uint64(s.Node))
		b = appendBits(b, s.Idle, s.Leaving, s.Beaten)
	}
	*p = b
}

// size is how many bytes have been collected.
func (w *activityWriter) size() (n int) {
	for _, p := range w.parts {
		n += len(p)
	}
	return n
}

// put writes the values of the checkpoint at seq. With alone all others go.
func (w *activityWriter) put(tx *bolt.Tx, seq uint64, alone bool) error {
	if alone {
		if err := tx.DeleteBucket(activityBucket); err != nil {
			return err
		}
		if _, err := tx.CreateBucket(activityBucket); err != nil {
			return err
		}
	}
	b := tx.Bucket(activityBucket)
	b.FillPercent = 1
	for i, p := range w.parts {
		key := binary.BigEndian.AppendUint64(make([]byte, 0, 12), seq)
		key = binary.BigEndian.AppendUint32(key, uint32(i))
		if err := b.Put(key, binary.LittleEndian.AppendUint32(p, checksum(string(key), p))); err != nil {
			return err
		}
	}
	return nil
}

// readActivity brings the sessions of users up to what the bucket says, and
// returns how many bytes are in it.
func readActivity(tx *bolt.Tx, users map[string]*events.User) (size int, err error) {
	err = tx.Bucket(activityBucket).ForEach(func(key, value []byte) error {
		if len(value) < 4 {
			return errRecord
		}
		body := value[:len(value)-4]
		if crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body) != binary.LittleEndian.Uint32(value[len(body):]) {
			return errRecord
		}
		size += len(value)
		return applyActivity(body, users)
	})
	return size, err
}

func applyActivity(data []byte, users map[string]*events.User) error {
	r := reader{data: data}
	last, covered := r.int(), r.int()
	for len(r.data) > 0 && !r.broken {
		u := users[string(r.bytes())]
		seq := r.uint()
		for n := r.count(); n > 0; n-- {
			id := r.bytes()
			a := events.Activity{Seq: seq - uint64(r.int()), Nth: uint32(r.uint()), LastSeen: events.Millis(last + r.int()),
				Covered: covered + r.int(), Every: uint16(r.uint()), Node: uint16(r.uint())}
			bits := r.bits()
			a.Idle, a.Leaving, a.Beaten = bits&1 != 0, bits&2 != 0, bits&4 != 0
			if u == nil {
				continue // no longer live, or erased
			}
			name := string(id)
			if name == "" {
				name = events.DefaultSession
			}
			if s := u.Session(name); s != nil && s.Place().Before(a.Place()) {
				s.Activity = a
				u.Seq = max(u.Seq, seq)
			}
		}
	}
	if r.broken {
		return errRecord
	}
	return nil
}
