package events

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Encode returns the JSON of e as it stands in the log.
func Encode(e *Event) ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding event: %w", err)
	}
	return b, nil
}

// Decode reads what Encode wrote, of this version or an older one. Its errors
// wrap ErrMalformed, ErrUnknownType or ErrNewerVersion. With the last two the
// event is returned as far as this version understands it, for display.
func Decode(data []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(data, &e); err != nil {
		return misread(data)
	}
	return e, e.Validate()
}

// misread tells why data is no event: another version may have given a field
// another form.
func misread(data []byte) (Event, error) {
	var fields map[string]json.RawMessage
	var e Event
	if json.Unmarshal(data, &fields) == nil && json.Unmarshal(fields["v"], &e.V) == nil && e.V > Version {
		_ = json.Unmarshal(fields["type"], &e.Type) // for display, where they are still texts
		_ = json.Unmarshal(fields["user"], &e.User)
		return e, fmt.Errorf("%w: %d", ErrNewerVersion, e.V)
	}
	return Event{}, fmt.Errorf("%w: not JSON of an event", ErrMalformed)
}

// AppendBatch appends the HeartbeatBatch of beats to dst, as clients send it. Beats whose actor is
// their user, or whose session is DefaultSession, leave those fields out.
func AppendBatch(dst []byte, beats []Beat) []byte {
	if len(beats) == 0 {
		return dst
	}
	at := beats[0].At
	dst = protowire.AppendTag(dst, commitAt, protowire.VarintType)
	dst = protowire.AppendVarint(dst, uint64(at))
	for i := range beats {
		b := &beats[i]
		dst = AppendBeat(dst, b, at)
	}
	return dst
}

func appendBeat(dst []byte, b *Beat, at Millis) []byte {
	dst = appendString(dst, entryUser, b.User)
	if b.Session != DefaultSession {
		dst = appendString(dst, entrySession, b.Session)
	}
	if b.At != at {
		dst = appendUint(dst, entryAfter, protowire.EncodeZigZag(int64(b.At-at)))
	}
	if b.Idle {
		dst = appendUint(dst, entryIdle, 1)
	}
	if b.Every != 0 {
		dst = appendUint(dst, entryEvery, uint64(b.Every))
	}
	if b.Leaving {
		dst = appendUint(dst, entryLeaving, 1)
	}
	if b.Actor != b.User {
		dst = appendString(dst, entryActor, b.Actor)
	}
	return dst
}

// sizeBeat mirrors appendBeat.
func sizeBeat(b *Beat, at Millis) int {
	n := sizeString(b.User)
	if b.Session != DefaultSession {
		n += sizeString(b.Session)
	}
	if b.At != at {
		n += 1 + protowire.SizeVarint(protowire.EncodeZigZag(int64(b.At-at)))
	}
	if b.Idle {
		n += 2
	}
	if b.Every != 0 {
		n += 1 + protowire.SizeVarint(uint64(b.Every))
	}
	if b.Leaving {
		n += 2
	}
	if b.Actor != b.User {
		n += sizeString(b.Actor)
	}
	return n
}

func appendString(dst []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	dst = protowire.AppendTag(dst, num, protowire.BytesType)
	return protowire.AppendString(dst, s)
}

func sizeString(s string) int {
	if s == "" {
		return 0
	}
	return 1 + protowire.SizeBytes(len(s))
}

func appendUint(dst []byte, num protowire.Number, v uint64) []byte {
	dst = protowire.AppendTag(dst, num, protowire.VarintType)
	return protowire.AppendVarint(dst, v)
}

// RawBeat is a Beat as it lies in a batch: its byte slices point into the
// decoded message and live as long as that does. Session and Actor are empty
// where the batch leaves them out.
type RawBeat struct {
	User    []byte
	Session []byte
	Actor   []byte
	At      Millis
	Every   uint16
	Idle    bool
	Leaving bool
}

// Beat copies b out of its message.
func (b *RawBeat) Beat() Beat {
	return Beat{User: string(b.User), Session: string(b.Session), Actor: string(b.Actor),
		At: b.At, Every: b.Every, Idle: b.Idle, Leaving: b.Leaving}
}

// Batch is a decoded HeartbeatBatch. The zero value is ready; reusing one saves
// the allocation of its slice.
type Batch struct {
	At    Millis
	Beats []RawBeat
}

// Decode replaces the content of b by what data holds. On an error, which wraps
// ErrMalformed, b is empty: a batch counts whole or not at all. Ids are checked
// for length and encoding.
func (b *Batch) Decode(data []byte) error {
	if err := b.Walk(data); err != nil {
		return err
	}
	for i := range b.Beats {
		if !b.Beats[i].sound() {
			b.At, b.Beats = 0, b.Beats[:0]
			return fmt.Errorf("%w: heartbeat %d", ErrMalformed, i)
		}
	}
	return nil
}

// Walk is Decode without a look at the ids, for a reader that wants to refuse
// single beats.
func (b *Batch) Walk(data []byte) error {
	b.At, b.Beats = 0, b.Beats[:0]
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 || num > protowire.MaxValidNumber {
			return b.broken()
		}
		data = data[n:]
		switch {
		case num == commitEntries && typ == protowire.BytesType:
			v, n := protowire.ConsumeBytes(data)
			if n < 0 {
				return b.broken()
			}
			data = data[n:]
			b.Beats = append(b.Beats, RawBeat{})
			if !b.Beats[len(b.Beats)-1].decode(v) {
				return b.broken()
			}
		case num == commitAt && typ == protowire.VarintType:
			v, n := protowire.ConsumeVarint(data)
			if n < 0 {
				return b.broken()
			}
			data = data[n:]
			b.At = Millis(v)
		default:
			n := protowire.ConsumeFieldValue(num, typ, data)
			if n < 0 {
				return b.broken()
			}
			data = data[n:]
		}
	}
	// The batch's own time may stand behind its beats.
	for i := range b.Beats {
		b.Beats[i].At += b.At
	}
	return nil
}

func (b *Batch) broken() error {
	b.At, b.Beats = 0, b.Beats[:0]
	return fmt.Errorf("%w: not a HeartbeatBatch", ErrMalformed)
}

func (b *RawBeat) decode(data []byte) bool {
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 || num > protowire.MaxValidNumber {
			return false
		}
		data = data[n:]
		if n = b.take(num, typ, data); n < 0 {
			return false
		}
		data = data[n:]
	}
	return true
}

// take takes one field in and returns its size, negative where it is broken.
func (b *RawBeat) take(num protowire.Number, typ protowire.Type, data []byte) int {
	switch typ {
	case protowire.BytesType:
		v, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return n
		}
		switch num {
		case entryUser:
			b.User = v
		case entrySession:
			b.Session = v
		case entryActor:
			b.Actor = v
		}
		return n
	case protowire.VarintType:
		v, n := protowire.ConsumeVarint(data)
		if n >= 0 {
			b.setVarint(num, v)
		}
		return n
	}
	return protowire.ConsumeFieldValue(num, typ, data)
}

func (b *RawBeat) setVarint(num protowire.Number, v uint64) {
	switch num {
	case entryAfter:
		b.At = Millis(protowire.DecodeZigZag(v))
	case entryIdle:
		b.Idle = v != 0
	case entryEvery:
		// As the generated code does, a uint32 field keeps the low 32 bits;
		// what does not fit 16 bits is out of any range and stays so.
		b.Every = uint16(min(v&0xffffffff, 0xffff))
	case entryLeaving:
		b.Leaving = v != 0
	}
}

func (b *RawBeat) sound() bool {
	return len(b.User) > 0 && len(b.User) <= MaxIDBytes && len(b.Session) <= MaxIDBytes &&
		utf8.Valid(b.User) && utf8.Valid(b.Session) && utf8.Valid(b.Actor)
}
