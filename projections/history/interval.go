package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/rollcall-dev/rollcall/events"
)

// Interval is a stretch of time in which a user's effective status was one.
type Interval struct {
	User     string
	Status   events.Status
	Observed events.Status // what the sessions said when it began
	Before   events.Status // the status before it; only Since fills it in
	From     events.Millis
	To       events.Millis // 0: it goes on
	Cause    events.Cause  // why it began
	Actor    string        // who made it begin
	Seq      uint64        // the event that did
	LastSeen events.Millis // as the change said, where he was offline then by his sessions; see Seen

	n uint16 // which of those with this User, From and Seq
}

// Covers reports whether t lies in i.
func (i *Interval) Covers(t events.Millis) bool { return i.From <= t && (i.To == 0 || t < i.To) }

// Seen is the user's own last activity at the beginning of i, as far as it is
// known to outlive the heartbeats; 0: it is not.
func (i *Interval) Seen() events.Millis {
	switch i.Cause {
	case events.CauseLogin, events.CauseHeartbeat, events.CauseIdle:
		return i.From
	}
	return i.LastSeen
}

var errDamaged = errors.New("an entry of the history is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var statusCode = map[events.Status]byte{events.StatusOffline: 0, events.StatusOnline: 1, events.StatusAway: 2, events.StatusBusy: 3}

var statusOf = [4]events.Status{events.StatusOffline, events.StatusOnline, events.StatusAway, events.StatusBusy}

// key is where i stands in the bucket "intervals".
func (i *Interval) key() []byte {
	k := make([]byte, 0, len(i.User)+19)
	k = append(k, i.User...)
	k = append(k, 0)
	k = binary.BigEndian.AppendUint64(k, uint64(i.From))
	k = binary.BigEndian.AppendUint64(k, i.Seq)
	return binary.BigEndian.AppendUint16(k, i.n)
}

// changeKey is where the change that began i stands in the bucket "changes".
func (i *Interval) changeKey() []byte {
	k := make([]byte, 0, len(i.User)+19)
	k = binary.BigEndian.AppendUint64(k, uint64(i.From))
	k = binary.BigEndian.AppendUint64(k, i.Seq)
	k = append(k, i.User...)
	k = append(k, 0)
	return binary.BigEndian.AppendUint16(k, i.n)
}

// userOf returns the user of a key in "changes".
func userOf(changeKey []byte) (string, bool) {
	if len(changeKey) < 19 {
		return "", false
	}
	return string(changeKey[16 : len(changeKey)-3]), true
}

// atOf returns the time of a key in "changes" or "snapshots".
func atOf(key []byte) events.Millis { return events.Millis(binary.BigEndian.Uint64(key)) }

// value is what stands under key.
func (i *Interval) value() []byte {
	b := []byte{statusCode[i.Status] | statusCode[i.Observed]<<2}
	b = binary.AppendVarint(b, int64(i.To))
	b = binary.AppendVarint(b, int64(i.LastSeen))
	b = appendText(b, string(i.Cause))
	b = appendText(b, i.Actor)
	sum := crc32.Update(crc32.Checksum(i.key(), castagnoli), castagnoli, b)
	return binary.LittleEndian.AppendUint32(b, sum)
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// decodeInterval reads an entry of "intervals". It keeps nothing of its
// arguments; the error is errDamaged.
func decodeInterval(key, value []byte) (Interval, error) {
	end := len(key) - 18
	if end < 2 || key[end-1] != 0 || len(value) < 5 {
		return Interval{}, errDamaged
	}
	body, sum := value[:len(value)-4], binary.LittleEndian.Uint32(value[len(value)-4:])
	if crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body) != sum {
		return Interval{}, errDamaged
	}
	i := Interval{User: string(key[:end-1]), From: events.Millis(binary.BigEndian.Uint64(key[end:])),
		Seq: binary.BigEndian.Uint64(key[end+8:]), n: binary.BigEndian.Uint16(key[end+16:])}
	i.Status, i.Observed = statusOf[body[0]&3], statusOf[body[0]>>2&3]
	body = body[1:]
	to, n := binary.Varint(body)
	body = body[max(n, 0):]
	seen, m := binary.Varint(body)
	body = body[max(m, 0):]
	cause, body, ok1 := cutText(body)
	actor, body, ok2 := cutText(body)
	if n <= 0 || m <= 0 || !ok1 || !ok2 || len(body) != 0 {
		return Interval{}, errDamaged
	}
	i.To, i.LastSeen, i.Cause, i.Actor = events.Millis(to), events.Millis(seen), events.Cause(cause), actor
	return i, nil
}

func cutText(b []byte) (s string, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	return string(b[size : size+int(n)]), b[size+int(n):], true
}

// ofUser reports whether key, of "intervals", is one of user's.
func ofUser(key []byte, user string) bool {
	return len(key) == len(user)+19 && bytes.HasPrefix(key, []byte(user)) && key[len(user)] == 0
}

// prefix is before every key of user at or after from in "intervals".
func prefix(user string, from events.Millis) []byte {
	k := append([]byte(user), 0)
	return binary.BigEndian.AppendUint64(k, uint64(from))
}

// behind is after every key of user in "intervals".
func behind(user string) []byte { return append([]byte(user), 1) }
