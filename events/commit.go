package events

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
)

// The field numbers of presencepb/presence.proto. Commits are written and read
// by hand, without an allocation per heartbeat; a fuzz test holds this code
// against the generated one.
const (
	commitEntries = 1
	commitAt      = 2
	commitNode    = 3
	commitWitness = 4
	commitActor   = 5
	commitGoing   = 6

	entryUser    = 1
	entrySession = 2
	entryAfter   = 3
	entryIdle    = 4
	entryEvery   = 5
	entryLeaving = 6
	entryActor   = 7

	entryType      = 8
	entryVersion   = 9
	entryKey       = 10
	entryRequest   = 11
	entryDevice    = 12
	entryClient    = 13
	entryAll       = 14
	entryStatus    = 15
	entryChange    = 16
	entryReason    = 17
	entryUntil     = 18
	entryCause     = 19
	entryLastSeen  = 20
	entryJudged    = 21
	entryJudgedNth = 22
	entrySince     = 23
	entryBy        = 24
	entryByNth     = 25
	entryVoids     = 26
	entryVoidsNth  = 27
	entryHash      = 28
	entrySalt      = 29
	entrySentBy    = 30
)

// The numbers that stand for types, statuses, changes and causes in an entry.
var (
	entryTypes    = []Type{Heartbeat, Login, Logout, Override, Offline, Online, Erased}
	entryStatuses = []Status{"", StatusOnline, StatusAway, StatusBusy, StatusOffline}
	entryChanges  = []OverrideChange{"", OverrideSet, OverrideCleared, OverrideExpired}
	entryCauses   = []Cause{"", CauseTimeout, CauseLeft}
)

// MaxEntries is how many entries a commit may hold.
const MaxEntries = 1 << 20

// Key makes a repeat of a request add nothing: of the entries with one ID
// within KeyWindow only the first counts. The zero Key makes none.
type Key struct {
	ID      [16]byte // a digest of the idempotency key and of who uses it
	Request [16]byte // a digest of the request, to tell a repeat from another request
}

// Given reports whether k is not the zero Key.
func (k *Key) Given() bool { return k.ID != [16]byte{} }

// AppendCommit appends the beginning of a commit whose entries are written with
// the same at. witnessed is as in Commit; 0 leaves it out.
func AppendCommit(dst []byte, at Millis, node string, witnessed uint64) []byte {
	if at != 0 {
		dst = appendUint(dst, commitAt, uint64(at))
	}
	dst = appendString(dst, commitNode, node)
	if witnessed != 0 {
		dst = appendUint(dst, commitWitness, witnessed)
	}
	return dst
}

// AppendGoing appends to a commit that it is its node's last one.
func AppendGoing(dst []byte) []byte { return appendUint(dst, commitGoing, 1) }

// AppendActor appends an actor to a commit, for AppendSentBeat to refer to.
func AppendActor(dst []byte, actor string) []byte {
	dst = protowire.AppendTag(dst, commitActor, protowire.BytesType)
	return protowire.AppendString(dst, actor)
}

// AppendSentBeat is AppendBeat for a heartbeat that the commit's actor with the
// number sentBy has sent, from 1: thousands of one service name it once.
func AppendSentBeat(dst []byte, b *Beat, at Millis, sentBy int) []byte {
	own := *b
	own.Actor = b.User
	dst = protowire.AppendTag(dst, commitEntries, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(sizeBeat(&own, at)+2+protowire.SizeVarint(uint64(sentBy))))
	return appendUint(appendBeat(dst, &own, at), entrySentBy, uint64(sentBy))
}

// AppendBeat appends a heartbeat as an entry of a commit that began at at. An
// actor that is the user, and DefaultSession, are left out.
func AppendBeat(dst []byte, b *Beat, at Millis) []byte {
	dst = protowire.AppendTag(dst, commitEntries, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(sizeBeat(b, at)))
	return appendBeat(dst, b, at)
}

// AppendEvent appends e as an entry of a commit that began at at. The error
// wraps ErrMalformed; dst is returned as it was then.
func AppendEvent(dst []byte, e *Event, key *Key, at Millis) ([]byte, error) {
	start := len(dst)
	dst = protowire.AppendTag(dst, commitEntries, protowire.BytesType)
	body := len(dst)
	dst, err := appendEntry(dst, e, key, at)
	if err != nil {
		return dst[:start], err
	}
	// The length goes before what it measures.
	n := len(dst) - body
	var size [binary.MaxVarintLen32]byte
	return slices.Insert(dst, body, size[:binary.PutUvarint(size[:], uint64(n))]...), nil
}

func appendEntry(dst []byte, e *Event, key *Key, at Millis) ([]byte, error) {
	b := Beat{User: e.User, Session: e.Session, Actor: e.Actor, At: e.At, Every: e.Every, Idle: e.Idle, Leaving: e.Leaving}
	if b.Session == DefaultSession && !e.Type.elides() {
		b.Session = "" // written below as it is
	}
	dst = appendBeat(dst, &b, at)
	if b.Session == "" && e.Session != "" {
		dst = appendString(dst, entrySession, e.Session)
	}
	w := fieldWriter{dst: dst, bad: !utf8.ValidString(e.User) || !utf8.ValidString(e.Session) || !utf8.ValidString(e.Actor)}
	w.code(entryType, slices.Index(entryTypes, e.Type))
	if e.V != Version {
		w.uint(entryVersion, uint64(e.V))
	}
	if key.Given() {
		w.bytes(entryKey, key.ID[:])
		w.bytes(entryRequest, key.Request[:])
	}
	w.text(entryDevice, e.Device)
	w.text(entryClient, e.Client)
	if e.All {
		w.uint(entryAll, 1)
	}
	w.code(entryStatus, slices.Index(entryStatuses, e.Status))
	w.code(entryChange, slices.Index(entryChanges, e.Change))
	w.text(entryReason, e.Reason)
	w.uint(entryUntil, uint64(e.Until))
	w.code(entryCause, slices.Index(entryCauses, e.Cause))
	w.uint(entryLastSeen, uint64(e.LastSeen))
	w.uint(entryJudged, e.Judged)
	w.uint(entryJudgedNth, uint64(e.JudgedNth))
	w.uint(entrySince, uint64(e.Since))
	w.uint(entryBy, e.By)
	w.uint(entryByNth, uint64(e.ByNth))
	w.uint(entryVoids, e.Voids)
	w.uint(entryVoidsNth, uint64(e.VoidsNth))
	w.hex(entryHash, e.Hash)
	w.hex(entrySalt, e.Salt)
	if w.bad {
		return w.dst, fmt.Errorf("%w: it has no form as an entry", ErrMalformed)
	}
	return w.dst, nil
}

// elides reports whether DefaultSession is left out of entries of the type.
func (t Type) elides() bool { return t == Heartbeat || t == Login || t == Online }

// fieldWriter appends the fields of an entry that are not zero.
type fieldWriter struct {
	dst []byte
	bad bool // something could not be written
}

func (w *fieldWriter) uint(num protowire.Number, v uint64) {
	if v != 0 {
		w.dst = appendUint(w.dst, num, v)
	}
}

// code writes an index of one of the tables above.
func (w *fieldWriter) code(num protowire.Number, i int) {
	w.bad = w.bad || i < 0
	w.uint(num, uint64(max(i, 0)))
}

func (w *fieldWriter) text(num protowire.Number, s string) {
	w.bad = w.bad || !utf8.ValidString(s)
	w.dst = appendString(w.dst, num, s)
}

func (w *fieldWriter) bytes(num protowire.Number, b []byte) {
	w.dst = protowire.AppendTag(w.dst, num, protowire.BytesType)
	w.dst = protowire.AppendBytes(w.dst, b)
}

func (w *fieldWriter) hex(num protowire.Number, s string) {
	if s == "" {
		return
	}
	b, err := hex.DecodeString(s)
	w.bad = w.bad || err != nil || hex.EncodeToString(b) != s
	w.bytes(num, b)
}

// Commit is a decoded commit. The zero value is ready; reusing one saves the
// allocation of its slice.
type Commit struct {
	At      Millis
	Node    []byte // points into the message
	Entries []Entry
	// Witnessed is a sequence up to which every heartbeat that changed something
	// has its Online event in the log; 0: this commit does not say.
	Witnessed uint64
	Going     bool // the node stops: it will write no more

	actors [][]byte // by Entry.sentBy-1; they point into the message
}

// Entry is an entry of a decoded commit. It points into the message and lives
// as long as that does.
type Entry struct {
	RawBeat
	raw    []byte
	sentBy uint16 // which of the commit's actors, from 1; 0: Actor says
	plain  bool   // it has the fields of a heartbeat only
	bad    bool   // it is no protobuf message, or names an actor that the commit lacks
}

// Decode replaces the content of c by what data holds. An error, which wraps
// ErrMalformed, means that not even the entries can be told apart; c is empty
// then. What is wrong with single entries, these say themselves.
func (c *Commit) Decode(data []byte) error {
	c.reset()
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 || num > protowire.MaxValidNumber {
			return c.broken()
		}
		data = data[n:]
		if n = c.field(num, typ, data); n < 0 {
			return c.broken()
		}
		data = data[n:]
	}
	// The commit's own time, and its actors, may come after its entries.
	for i := range c.Entries {
		e := &c.Entries[i]
		e.At += c.At
		if n := int(e.sentBy); n > len(c.actors) {
			e.bad = true
		} else if n > 0 {
			e.Actor = c.actors[n-1]
		}
	}
	return nil
}

// field takes one field in and returns its size, negative where it is broken.
func (c *Commit) field(num protowire.Number, typ protowire.Type, data []byte) int {
	switch {
	case num == commitEntries && typ == protowire.BytesType:
		v, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return n
		}
		c.Entries = append(c.Entries, Entry{raw: v, plain: true})
		e := &c.Entries[len(c.Entries)-1]
		e.bad = !e.decode(v)
		return n
	case num == commitAt && typ == protowire.VarintType:
		v, n := protowire.ConsumeVarint(data)
		c.At = Millis(v)
		return n
	case num == commitActor && typ == protowire.BytesType:
		v, n := protowire.ConsumeBytes(data)
		if n >= 0 {
			c.actors = append(c.actors, v)
		}
		return n
	case num == commitGoing && typ == protowire.VarintType:
		v, n := protowire.ConsumeVarint(data)
		c.Going = v != 0
		return n
	case num == commitWitness && typ == protowire.VarintType:
		v, n := protowire.ConsumeVarint(data)
		c.Witnessed = v
		return n
	case num == commitNode && typ == protowire.BytesType:
		v, n := protowire.ConsumeBytes(data)
		c.Node = v
		return n
	}
	return protowire.ConsumeFieldValue(num, typ, data)
}

func (c *Commit) reset() { *c = Commit{Entries: c.Entries[:0], actors: c.actors[:0]} }

func (c *Commit) broken() error {
	c.reset()
	return fmt.Errorf("%w: not a commit", ErrMalformed)
}

// decode reads what a heartbeat may have, and notices whether there is more.
func (e *Entry) decode(data []byte) bool {
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 || num > protowire.MaxValidNumber {
			return false
		}
		data = data[n:]
		e.plain = e.plain && (num <= entryActor || num == entrySentBy)
		if num == entrySentBy && typ == protowire.VarintType {
			v, n := protowire.ConsumeVarint(data)
			if n < 0 || v > math.MaxUint16 {
				return false
			}
			e.sentBy, data = uint16(v), data[n:]
			continue
		}
		if n = e.take(num, typ, data); n < 0 {
			return false
		}
		data = data[n:]
	}
	return true
}

// Plain reports whether e is a heartbeat without a key that can be folded as it
// is. The fold of a busy log asks nothing else of most entries.
func (e *Entry) Plain() bool { return e.plain && !e.bad && e.sound() }

// Raw is the entry's bytes in the message.
func (e *Entry) Raw() []byte { return e.raw }

// Names reports whether e, readable or not, is about user.
func (e *Entry) Names(user string) bool { return !e.bad && string(e.User) == user }

// Event returns the event that e says, without an ID, and its key. Its errors
// wrap ErrMalformed, ErrUnknownType or ErrNewerVersion; with the last two the
// event is returned as far as this version understands it, for display.
func (e *Entry) Event() (Event, Key, error) {
	if e.bad {
		return Event{}, Key{}, fmt.Errorf("%w: not an entry", ErrMalformed)
	}
	r := entryReader{event: Event{Type: Heartbeat, V: Version, User: string(e.User), Session: string(e.Session), At: e.At,
		Actor: string(e.Actor), Idle: e.Idle, Every: e.Every, Leaving: e.Leaving}}
	if !e.plain && !r.read(e.raw) {
		return Event{}, Key{}, fmt.Errorf("%w: not an entry", ErrMalformed)
	}
	if !utf8.Valid(e.User) || !utf8.Valid(e.Session) || !utf8.Valid(e.Actor) {
		r.bad = errNoText
	}
	ev := &r.event
	if ev.Session == "" && ev.Type.elides() {
		ev.Session = DefaultSession
	}
	if ev.Actor == "" {
		ev.Actor = ev.User
	}
	if ev.V > Version {
		return *ev, r.key, fmt.Errorf("%w: %d", ErrNewerVersion, ev.V)
	}
	if r.bad != nil {
		return *ev, r.key, r.bad
	}
	return *ev, r.key, ev.Validate()
}

// DecodeEntry is Event for the bytes of an entry alone, whose commit began at
// at.
func DecodeEntry(raw []byte, at Millis) (Event, error) {
	e := Entry{raw: raw, plain: true}
	e.bad = !e.decode(raw)
	e.At += at
	ev, _, err := e.Event()
	return ev, err
}

// entryReader reads what only some entries have.
type entryReader struct {
	event Event
	key   Key
	bad   error
}

func (r *entryReader) read(data []byte) bool {
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return false
		}
		data = data[n:]
		switch typ {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(data)
			if n < 0 {
				return false
			}
			data = data[n:]
			r.number(num, v)
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(data)
			if n < 0 {
				return false
			}
			data = data[n:]
			r.bytes(num, v)
		default:
			n := protowire.ConsumeFieldValue(num, typ, data)
			if n < 0 {
				return false
			}
			data = data[n:]
		}
	}
	return true
}

func (r *entryReader) number(num protowire.Number, v uint64) {
	e := &r.event
	switch num {
	case entryType, entryVersion, entryStatus, entryChange, entryCause:
		v &= 0xffffffff // as the generated code does: these have 32 bits
	}
	switch num {
	case entryType:
		if v >= uint64(len(entryTypes)) {
			e.Type = Type(fmt.Sprintf("type %d", v))
			r.bad = fmt.Errorf("%w: number %d", ErrUnknownType, v)
			return
		}
		e.Type = entryTypes[v]
	case entryVersion:
		e.V = int(min(v, 1<<31))
	case entryAll:
		e.All = v != 0
	case entryStatus:
		e.Status = lookup(r, entryStatuses, v, "status")
	case entryChange:
		e.Change = lookup(r, entryChanges, v, "change")
	case entryCause:
		e.Cause = lookup(r, entryCauses, v, "cause")
	case entryUntil:
		e.Until = Millis(v)
	case entryLastSeen:
		e.LastSeen = Millis(v)
	case entrySince:
		e.Since = Millis(v)
	case entryJudged:
		e.Judged = v
	case entryJudgedNth:
		e.JudgedNth = uint32(v)
	case entryBy:
		e.By = v
	case entryByNth:
		e.ByNth = uint32(v)
	case entryVoids:
		e.Voids = v
	case entryVoidsNth:
		e.VoidsNth = uint32(v)
	}
}

func lookup[T ~string](r *entryReader, table []T, v uint64, what string) T {
	if v < uint64(len(table)) {
		return table[v]
	}
	r.bad = fmt.Errorf("%w: %s number %d", ErrMalformed, what, v)
	return ""
}

func (r *entryReader) bytes(num protowire.Number, v []byte) {
	e := &r.event
	switch num {
	case entryDevice:
		e.Device = r.text(v)
	case entryClient:
		e.Client = r.text(v)
	case entryReason:
		e.Reason = r.text(v)
	case entryHash:
		e.Hash = hex.EncodeToString(v)
	case entrySalt:
		e.Salt = hex.EncodeToString(v)
	case entryKey:
		r.digest(&r.key.ID, v)
	case entryRequest:
		r.digest(&r.key.Request, v)
	}
}

var errNoText = fmt.Errorf("%w: a text that is no UTF-8", ErrMalformed)

func (r *entryReader) text(v []byte) string {
	if !utf8.Valid(v) {
		r.bad = errNoText
	}
	return string(v)
}

func (r *entryReader) digest(dst *[16]byte, v []byte) {
	if copy(dst[:], v) != len(dst) || len(v) != len(dst) {
		r.bad = fmt.Errorf("%w: a key of %d bytes", ErrMalformed, len(v))
	}
}

// IDAt returns the id of the event at m: a UUIDv7 made of the broker's time and
// the place, so that every reader of a log makes the same.
func IDAt(m Moment) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(m.Time)<<16)
	// 74 bits are left: 54 of the sequence and 20 of the entry.
	id[6] = 0x70 | byte(m.Seq>>50)&0x0f
	id[7] = byte(m.Seq >> 42)
	binary.BigEndian.PutUint64(id[8:], m.Seq<<20&(1<<62-1)|uint64(m.Nth)&(MaxEntries-1)|1<<63)
	return id.String()
}
