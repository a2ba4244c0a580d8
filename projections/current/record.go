package current

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/rollcall-dev/rollcall/events"
)

// A user's record, under his id in the bucket "users":
//
//	flags    1 byte: bits 0-1 the status, bit 2 resident, bit 3 override
//	fields   varints and length-prefixed strings in the order of appendRecord
//	check    4 bytes: CRC-32C of id and everything before, little-endian
//
// Flags come first so that a scan can pass over a user without decoding him.
const (
	flagStatus   = 0b0011
	flagResident = 0b0100 // belongs in memory: live, overridden or with a witness to come
	flagOverride = 0b1000
)

var errRecord = errors.New("a user's record is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var statusCode = map[events.Status]byte{events.StatusOffline: 0, events.StatusOnline: 1, events.StatusAway: 2, events.StatusBusy: 3}

var statusOf = [4]events.Status{events.StatusOffline, events.StatusOnline, events.StatusAway, events.StatusBusy}

// resident reports whether u must be in memory.
func resident(u *events.User) bool {
	return len(u.Sessions) > 0 || u.Override != nil || len(u.Pending) > 0
}

// appendRecord appends u's record to dst.
func appendRecord(dst []byte, u *events.User) []byte {
	start := len(dst)
	flags := statusCode[u.Status()]
	if resident(u) {
		flags |= flagResident
	}
	if u.Override != nil {
		flags |= flagOverride
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, u.Seq)
	dst = binary.AppendVarint(dst, int64(u.Settled))
	dst = binary.AppendVarint(dst, int64(u.Left))
	dst = binary.AppendVarint(dst, int64(u.Shown.Since))
	dst = appendText(dst, string(u.Shown.Cause))
	dst = appendText(dst, u.Shown.Actor)
	dst = appendPlace(dst, u.Shown.Place())
	dst = binary.AppendUvarint(dst, uint64(len(u.Sessions)))
	for i := range u.Sessions {
		dst = appendSession(dst, &u.Sessions[i])
	}
	if o := u.Override; o != nil {
		dst = appendText(dst, string(o.Status))
		dst = appendText(dst, o.By)
		dst = appendText(dst, o.Reason)
		dst = binary.AppendVarint(dst, int64(o.Until))
		dst = binary.AppendVarint(dst, int64(o.Set))
		dst = appendPlace(dst, o.Place())
	}
	dst = binary.AppendUvarint(dst, uint64(len(u.Pending)))
	for i := range u.Pending {
		w := &u.Pending[i]
		dst = appendText(dst, w.Session)
		dst = appendText(dst, w.Actor)
		dst = appendPlace(dst, w.By)
		dst = binary.AppendVarint(dst, int64(w.Since))
		dst = appendBits(dst, w.Idle)
		dst = appendPlace(dst, w.Voids)
	}
	return binary.LittleEndian.AppendUint32(dst, checksum(u.ID, dst[start:]))
}

func appendSession(dst []byte, s *events.Session) []byte {
	dst = appendText(dst, s.ID)
	dst = appendText(dst, s.Device)
	dst = binary.AppendVarint(dst, int64(s.Since))
	dst = appendPlace(dst, s.Place())
	dst = binary.AppendVarint(dst, int64(s.LastSeen))
	dst = binary.AppendVarint(dst, s.Covered)
	dst = binary.AppendUvarint(dst, uint64(s.Every))
	dst = binary.AppendUvarint(dst, uint64(s.Node))
	return appendBits(dst, s.Idle, s.Leaving, s.Beaten)
}

func appendPlace(dst []byte, p events.Place) []byte {
	dst = binary.AppendUvarint(dst, p.Seq)
	return binary.AppendUvarint(dst, uint64(p.Nth))
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendBits(dst []byte, bits ...bool) []byte {
	var b byte
	for i, set := range bits {
		if set {
			b |= 1 << i
		}
	}
	return append(dst, b)
}

func checksum(id string, record []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(id), castagnoli), castagnoli, record)
}

// decodeRecord reads what appendRecord wrote for the user id. data may belong
// to a transaction; the user keeps nothing of it. The error is errRecord.
func decodeRecord(id string, data []byte) (*events.User, error) {
	if err := checkRecord(id, data); err != nil {
		return nil, err
	}
	return decodeChecked(id, data)
}

// decodeChecked is decodeRecord for a record that checkRecord has passed.
func decodeChecked(id string, data []byte) (*events.User, error) {
	r := reader{data: data[1 : len(data)-4]}
	flags := data[0]
	u := &events.User{ID: id}
	u.Seq = r.uint()
	u.Settled, u.Left = events.Millis(r.int()), events.Millis(r.int())
	u.Shown.Status = statusOf[flags&flagStatus]
	u.Shown.Since = events.Millis(r.int())
	u.Shown.Cause = events.Cause(r.text())
	u.Shown.Actor = r.text()
	u.Shown.Seq, u.Shown.Nth = r.uint(), uint32(r.uint())
	if n := r.count(); n > 0 {
		u.Sessions = make([]events.Session, n)
		for i := range u.Sessions {
			r.session(&u.Sessions[i])
		}
	}
	if flags&flagOverride != 0 {
		u.Override = &events.StandingOverride{Status: events.Status(r.text()), By: r.text(), Reason: r.text(),
			Until: events.Millis(r.int()), Set: events.Millis(r.int()), Seq: r.uint(), Nth: uint32(r.uint())}
	}
	if n := r.count(); n > 0 {
		u.Pending = make([]events.Witness, n)
		for i := range u.Pending {
			w := &u.Pending[i]
			w.Session, w.Actor, w.By = r.text(), r.text(), r.place()
			w.Since = events.Millis(r.int())
			w.Idle = r.bits()&1 != 0
			w.Voids = r.place()
		}
	}
	if r.broken || len(r.data) > 0 {
		return nil, errRecord
	}
	return u, nil
}

// checkRecord holds a record against its check.
func checkRecord(id string, data []byte) error {
	if len(data) < 5 {
		return errRecord
	}
	body, sum := data[:len(data)-4], data[len(data)-4:]
	if checksum(id, body) != binary.LittleEndian.Uint32(sum) {
		return errRecord
	}
	return nil
}

// reader takes a record apart. After the first fault it gives zeros.
type reader struct {
	data   []byte
	broken bool
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.data)
	return v * uint64(r.step(n))
}

func (r *reader) place() events.Place { return events.Place{Seq: r.uint(), Nth: uint32(r.uint())} }

func (r *reader) int() int64 {
	v, n := binary.Varint(r.data)
	return v * int64(r.step(n))
}

// step moves by n bytes and returns 1, or marks r broken and returns 0.
func (r *reader) step(n int) int {
	if n <= 0 || n > len(r.data) || r.broken {
		r.broken, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return 1
}

func (r *reader) text() string { return intern(r.bytes()) }

// bytes points into the record.
func (r *reader) bytes() []byte {
	n := r.uint()
	if r.broken || n > uint64(len(r.data)) {
		r.broken, r.data = true, nil
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

// intern spares an allocation for the texts that nearly every record holds.
func intern(b []byte) string {
	switch string(b) {
	case "":
		return ""
	case events.DefaultSession:
		return events.DefaultSession
	case string(events.CauseHeartbeat):
		return string(events.CauseHeartbeat)
	case string(events.CauseLogin):
		return string(events.CauseLogin)
	case string(events.CauseTimeout):
		return string(events.CauseTimeout)
	}
	return string(b)
}

// count reads the length of a list, of whose elements each takes a byte at least.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.data)) {
		r.broken, r.data = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) bits() byte {
	if len(r.data) == 0 {
		r.broken = true
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *reader) session(s *events.Session) {
	s.ID, s.Device, s.Since = r.text(), r.text(), events.Millis(r.int())
	s.Seq, s.Nth, s.LastSeen, s.Covered = r.uint(), uint32(r.uint()), events.Millis(r.int()), r.int()
	s.Every, s.Node = uint16(r.uint()), uint16(r.uint())
	bits := r.bits()
	s.Idle, s.Leaving, s.Beaten = bits&1 != 0, bits&2 != 0, bits&4 != 0
}
