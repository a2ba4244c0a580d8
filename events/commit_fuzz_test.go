package events_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/presencepb"
)

// FuzzCommit holds the codec of commits by hand against the generated one: on
// any bytes, and on a commit of events and a beat made of the other arguments.
func FuzzCommit(f *testing.F) {
	seed := func(data []byte, numbers ...uint64) {
		n := append(slices.Clone(numbers), 1, 2, 3, 4, 5, 6)
		f.Add(data, "alice", "web-1", "gateway", "9f86", int64(morning), int64(-3), n[0], n[1], n[2], byte(n[3]))
	}
	files := goldenSeeds(f)
	for i, data := range files {
		seed(data, uint64(i)*1000)
		seed(data[:len(data)-1], uint64(i))
	}
	for i, entry := range [][]byte{nil, rawEntry(1, "alice", 8, 7), rawEntry(1, "alice", 8, 1, 9, 2), rawEntry(1, "a", 8, 3, 15, 5, 16, 1),
		rawEntry(1, "a", 8, 1<<32|1), rawEntry(1, "a", 8, 1, 9, 1<<32), rawEntry(1, "a", 5, 1<<32), rawEntry(1, "a", 8, 99, 8, 1), rawEntry(1, "a", 10, "short"),
		rawEntry(1, "a", 10, strings.Repeat("k", 16), 11, strings.Repeat("r", 16)), rawEntry(1, "\xff", 7, "\xff"), rawEntry(1, "a", 12, "\xff", 12, "x"),
		rawEntry(8, "a", 1, 7), fieldBeyondTheLast, lastField, {0x0b, 0x0c}, {0x0b}, {0x0a, 0x05}} {
		seed(rawCommit(morning, entry), uint64(i), 1<<63, 1<<32)
		seed(append(rawCommit(0, entry, entry), 0x10, 0x07), 7-uint64(i%8))
	}
	f.Add([]byte{0x0b, 0x0c}, "\xff", "\xff", "\xff", "\xff", int64(1)<<62, int64(-1)<<62, uint64(0), uint64(0), uint64(0), byte(255))
	f.Fuzz(func(t *testing.T, data []byte, a, b, c, salt string, at, after int64, n1, n2, n3 uint64, flags byte) {
		compareCommitReaders(t, data)
		compareEntryWriters(t, events.Millis(at), made(a, b, c, salt, at+after, n1, n2, n3, flags),
			events.Key{ID: [16]byte{flags, byte(n1), 15: byte(n2)}, Request: [16]byte{byte(n3)}},
			events.Beat{User: text(a), Session: text(b), Actor: text(c), At: events.Millis(at + after), Every: uint16(n1), Idle: flags&1 != 0, Leaving: flags&2 != 0})
	})
}

func goldenSeeds(f *testing.F) (seeds [][]byte) {
	whole := events.AppendCommit(nil, morning, "node-1", 4711)
	for _, e := range golden {
		whole = appendEvent(f, whole, e, goldenKey, morning-5)
		seeds = append(seeds, appendEvent(f, events.AppendCommit(nil, morning, "", 0), e, events.Key{}, morning))
	}
	return append(seeds, whole, events.AppendBatch(nil, goldenBeats))
}

// made is an event with something in every field.
func made(a, b, c, salt string, at int64, n1, n2, n3 uint64, flags byte) events.Event {
	pick := func(i uint64, of int) int { return int(i % uint64(of)) }
	types := []events.Type{events.Heartbeat, events.Login, events.Logout, events.Override, events.Offline, events.Online, events.Erased, "waved"}
	statuses := []events.Status{"", events.StatusOnline, events.StatusAway, events.StatusBusy, events.StatusOffline, "asleep"}
	changes := []events.OverrideChange{"", events.OverrideSet, events.OverrideCleared, events.OverrideExpired, "undone"}
	causes := []events.Cause{"", events.CauseTimeout, events.CauseLeft, events.CauseLogin}
	return events.Event{Type: types[pick(n1, len(types))], V: 1 + int(flags&1), User: a, Session: b, Actor: c, At: events.Millis(at),
		Device: c, Client: b, Reason: a, All: flags&2 != 0, Idle: flags&4 != 0, Leaving: flags&8 != 0, Every: uint16(n2),
		Status: statuses[pick(n2, len(statuses))], Change: changes[pick(n3, len(changes))], Cause: causes[pick(n2>>8, len(causes))],
		Until: events.Millis(n1), LastSeen: events.Millis(n2), Since: events.Millis(n3), Judged: n1, By: n2, Voids: n3,
		JudgedNth: uint32(n3), ByNth: uint32(n1), VoidsNth: uint32(n2), Salt: salt, Hash: strings.Repeat(salt, int(flags&3))}
}

// compareCommitReaders holds Decode against the generated code. Whether Decode
// must accept data is asked of a twin in which entries, and texts, are bytes:
// what is wrong with one entry must not cost the others.
func compareCommitReaders(t *testing.T, data []byte) {
	var c events.Commit
	err := c.Decode(data)
	twin := dynamicpb.NewMessage(commitTwin)
	if refused := proto.Unmarshal(data, twin); (err == nil) != (refused == nil) {
		t.Fatalf("%x: Decode says %v, the generic code %v", data, err, refused)
	}
	if err != nil {
		if !errors.Is(err, events.ErrMalformed) || len(c.Entries) != 0 {
			t.Fatalf("%x: %v, left %d entries", data, err, len(c.Entries))
		}
		return
	}
	raws := twin.Get(commitTwin.Fields().ByName("entries")).List()
	if raws.Len() != len(c.Entries) {
		t.Fatalf("%x: %d entries, the generic code has %d", data, len(c.Entries), raws.Len())
	}
	for i := range c.Entries {
		if raw := raws.Get(i).Bytes(); string(raw) != string(c.Entries[i].Raw()) {
			t.Fatalf("%x: entry %d is %x, the generic code says %x", data, i, c.Entries[i].Raw(), raw)
		}
		compareEntryReaders(t, &c, i)
	}
	var pb presencepb.Commit
	if proto.Unmarshal(data, &pb) == nil && (int64(c.At) != pb.GetAt() || string(c.Node) != pb.GetNode() || c.Witnessed != pb.GetWitnessed()) {
		t.Fatalf("%x: %v by %q, witnessed %d; generated code says %d, %q, %d", data, c.At, c.Node, c.Witnessed, pb.GetAt(), pb.GetNode(), pb.GetWitnessed())
	}
}

// compareEntryReaders: an entry is read as the generated code reads it, and what
// that cannot read is an error. What is in an entry twice must be sound both
// times; the last one counts.
func compareEntryReaders(t *testing.T, c *events.Commit, i int) {
	e := &c.Entries[i]
	got, key, err := e.Event()
	twin := proto.Unmarshal(e.Raw(), dynamicpb.NewMessage(entryTwin))
	if read := e.Names(string(e.User)); read != (twin == nil) {
		t.Fatalf("%x: read %v, the generic code says %v", e.Raw(), read, twin)
	}
	var pb presencepb.Entry
	refused := proto.Unmarshal(e.Raw(), &pb)
	if refused != nil {
		if err == nil && !overwritten(e.Raw()) {
			t.Fatalf("%x read as %+v; the generated code says %v", e.Raw(), got, refused)
		}
		return
	}
	want, wantKey, sound := eventFrom(&pb, c.At)
	switch {
	case err == nil && (!sound || got != want || key != wantKey):
		t.Fatalf("%x read as %+v, %v; generated code says %+v, %v, sound %v", e.Raw(), got, key, want, wantKey, sound)
	case err != nil && !errors.Is(err, events.ErrMalformed) && !errors.Is(err, events.ErrUnknownType) && !errors.Is(err, events.ErrNewerVersion):
		t.Fatalf("%x: %v wraps none of the three", e.Raw(), err)
	case e.Plain() && (want.Type != events.Heartbeat || key.Given() || want.V != events.Version || e.Beat().Event() != want):
		t.Fatalf("%x is plain, and read as %+v", e.Raw(), want)
	}
	// In the form in which the generated code writes it both must agree.
	canonical, err := proto.Marshal(&pb)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := events.DecodeEntry(canonical, c.At); (err == nil) != sound || err == nil && got != want {
		t.Fatalf("%x read as %+v, %v; generated code says %+v, sound %v", canonical, got, err, want, sound)
	}
}

// overwritten reports whether raw is sound once what a later field overwrites is
// left out: the generated code refuses a text that is no UTF-8 even there.
func overwritten(raw []byte) bool {
	twin := dynamicpb.NewMessage(entryTwin)
	return proto.Unmarshal(raw, twin) == nil && allText(twin)
}

func allText(m protoreflect.Message) bool {
	for _, name := range []protoreflect.Name{"user", "session", "actor", "device", "client", "reason"} {
		if !utf8.Valid(m.Get(m.Descriptor().Fields().ByName(name)).Bytes()) {
			return false
		}
	}
	return true
}

// eventFrom is what the generated code has read, and whether it is an event
// that this version takes.
func eventFrom(pb *presencepb.Entry, at events.Millis) (events.Event, events.Key, bool) {
	types := map[presencepb.Type]events.Type{presencepb.Type_HEARTBEAT: events.Heartbeat, presencepb.Type_LOGIN: events.Login, presencepb.Type_LOGOUT: events.Logout,
		presencepb.Type_OVERRIDE: events.Override, presencepb.Type_OFFLINE: events.Offline, presencepb.Type_ONLINE: events.Online, presencepb.Type_ERASED: events.Erased}
	statuses := map[presencepb.Status]events.Status{presencepb.Status_NO_STATUS: "", presencepb.Status_STATUS_ONLINE: events.StatusOnline, presencepb.Status_STATUS_AWAY: events.StatusAway,
		presencepb.Status_STATUS_BUSY: events.StatusBusy, presencepb.Status_STATUS_OFFLINE: events.StatusOffline}
	changes := map[presencepb.Change]events.OverrideChange{presencepb.Change_NO_CHANGE: "", presencepb.Change_SET: events.OverrideSet,
		presencepb.Change_CLEARED: events.OverrideCleared, presencepb.Change_EXPIRED: events.OverrideExpired}
	causes := map[presencepb.Cause]events.Cause{presencepb.Cause_NO_CAUSE: "", presencepb.Cause_TIMEOUT: events.CauseTimeout, presencepb.Cause_LEFT: events.CauseLeft}
	typ, known := types[pb.GetType()]
	status, listed := statuses[pb.GetStatus()]
	change, there := changes[pb.GetChange()]
	cause, named := causes[pb.GetCause()]
	sound := known && listed && there && named
	e := events.Event{Type: typ, V: int(pb.GetV()), User: pb.GetUser(), Session: pb.GetSession(), Actor: pb.GetActor(), At: at + events.Millis(pb.GetAfter()),
		Idle: pb.GetIdle(), Every: uint16(min(pb.GetEvery(), 0xffff)), Leaving: pb.GetLeaving(), Device: pb.GetDevice(), Client: pb.GetClient(), All: pb.GetAll(),
		Status: status, Change: change, Reason: pb.GetReason(), Until: events.Millis(pb.GetUntil()), Cause: cause, LastSeen: events.Millis(pb.GetLastSeen()),
		Judged: pb.GetJudged(), JudgedNth: pb.GetJudgedNth(), Since: events.Millis(pb.GetSince()), By: pb.GetBy(), ByNth: pb.GetByNth(),
		Voids: pb.GetVoids(), VoidsNth: pb.GetVoidsNth(), Hash: hex.EncodeToString(pb.GetHash()), Salt: hex.EncodeToString(pb.GetSalt())}
	if e.V == 0 {
		e.V = events.Version
	}
	if e.Session == "" && slices.Contains([]events.Type{events.Heartbeat, events.Login, events.Online}, typ) {
		e.Session = events.DefaultSession
	}
	if e.Actor == "" {
		e.Actor = e.User
	}
	var key events.Key
	for _, digest := range []struct{ from, to []byte }{{pb.GetKey(), key.ID[:]}, {pb.GetRequest(), key.Request[:]}} {
		sound = sound && (len(digest.from) == 0 || len(digest.from) == len(digest.to))
		copy(digest.to, digest.from)
	}
	return e, key, sound && e.Validate() == nil
}

// compareEntryWriters takes an event and a beat through the codec by hand, out of
// the generated code, and through that back into the one by hand.
func compareEntryWriters(t *testing.T, at events.Millis, e events.Event, key events.Key, b events.Beat) {
	data := events.AppendBeat(events.AppendCommit(nil, at, "node", uint64(e.At)), &b, at)
	before := len(data)
	data, err := events.AppendEvent(data, &e, &key, at)
	if err != nil && (!errors.Is(err, events.ErrMalformed) || len(data) != before || e.Type != "waved" && writable(&e)) {
		t.Fatalf("%+v: %v", e, err)
	}
	var pb presencepb.Commit
	if err := proto.Unmarshal(data, &pb); err != nil {
		t.Fatalf("generated code on %+v and %+v: %v", e, b, err)
	}
	if pb.GetAt() != int64(at) || pb.GetNode() != "node" || pb.GetWitnessed() != uint64(e.At) {
		t.Fatalf("%x read by the generated code as %v", data, &pb)
	}
	want := []events.Event{b.Event()}
	if err == nil {
		want = append(want, readableOnline(e))
	}
	if len(pb.GetEntries()) != len(want) {
		t.Fatalf("%x: %d entries, want %d", data, len(pb.GetEntries()), len(want))
	}
	for i, entry := range pb.GetEntries() {
		got, gotKey, _ := eventFrom(entry, at)
		if diff := cmp.Diff(want[i], got); diff != "" || i == 1 && key.Given() && gotKey != key {
			t.Fatalf("written by hand, read by the generated code (-want +got):\n%s", diff)
		}
	}
	again, err := proto.Marshal(&pb)
	if err != nil {
		t.Fatal(err)
	}
	compareCommitReaders(t, data)
	compareCommitReaders(t, again)
}

// readableOnline is readable for events that Validate need not take.
func readableOnline(e events.Event) events.Event {
	if e.Type == events.Online && e.Session == "" {
		e.Session = events.DefaultSession
	}
	return readable(e)
}

var commitTwin, entryTwin = newTwins()

// newTwins returns descriptors of a Commit whose entries are bytes, and of an
// Entry whose texts are.
func newTwins() (commit, entry protoreflect.MessageDescriptor) {
	file := protodesc.ToFileDescriptorProto((*presencepb.Commit)(nil).ProtoReflect().Descriptor().ParentFile())
	for _, message := range file.GetMessageType() {
		for _, field := range message.GetField() {
			entries := message.GetName() == "Commit" && field.GetName() == "entries"
			if entries || field.GetType() == descriptorpb.FieldDescriptorProto_TYPE_STRING {
				field.Type, field.TypeName = descriptorpb.FieldDescriptorProto_TYPE_BYTES.Enum(), nil
			}
		}
	}
	twin, err := protodesc.NewFile(file, nil)
	if err != nil {
		panic(err)
	}
	return twin.Messages().ByName("Commit"), twin.Messages().ByName("Entry")
}
