package events_test

import (
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

// FuzzBatch holds the codec by hand against the generated one: on any bytes,
// and on a batch of beats made of the other arguments.
func FuzzBatch(f *testing.F) {
	golden := events.AppendBatch(nil, goldenBeats)
	f.Add(golden, "alice", "web-1", "gateway", int64(morning), int64(-3), uint16(30), byte(7))
	f.Add(golden[:len(golden)-1], "", "", "", int64(0), int64(0), uint16(0), byte(0))
	f.Add([]byte{0x0a, 0x00}, "a", "default", "a", int64(-1), int64(1)<<62, uint16(65535), byte(255))
	f.Add([]byte{0x0a, 0x03, 0x0a, 0x01, 0xff}, "\xff", "\xff", "\xff", int64(1)<<62, int64(-1)<<62, uint16(1), byte(2))
	f.Add([]byte{0x0a, 0x06, 0x28, 0x80, 0x80, 0x80, 0x80, 0x10}, "u", "s", "", int64(1), int64(1), uint16(128), byte(4)) // every: 1<<32
	f.Add([]byte{0x0b, 0x0c}, "u", strings.Repeat("s", 129), "", int64(1), int64(1), uint16(128), byte(4))                // a group
	f.Add([]byte{0x80, 0x80, 0x80, 0x80, 0x10, 0x00}, "u", "", "a", int64(1), int64(1), uint16(127), byte(1))             // field 1<<29
	f.Add([]byte{0x0a, 0x06, 0x80, 0x80, 0x80, 0x80, 0x10, 0x00}, "u", "", "a", int64(1), int64(1), uint16(127), byte(1)) // the same in a beat
	f.Add([]byte{0x0a, 0x06, 0x0a, 0x01, 'u', 0x12, 0x01, 0xff}, "u", "", "a", int64(1), int64(1), uint16(127), byte(1))
	f.Add([]byte{0x10, 0x07, 0x0a, 0x06, 0x0a, 0x01, 'u', 0x3a, 0x01, 0xff}, "u", "", "a", int64(1), int64(1), uint16(127), byte(1))
	f.Fuzz(func(t *testing.T, data []byte, user, session, actor string, at, after int64, every uint16, flags byte) {
		compareReaders(t, data)
		checkDecode(t, data)
		compareWriters(t, []events.Beat{
			{User: text(user), Session: text(session), Actor: text(actor), At: events.Millis(at), Every: every, Idle: flags&1 != 0, Leaving: flags&2 != 0},
			{User: text(session), Session: text(actor), Actor: text(session), At: events.Millis(at + after), Idle: flags&4 != 0, Leaving: flags&8 != 0},
			{User: text(actor), Session: events.DefaultSession, At: events.Millis(at - after), Every: uint16(flags)},
		})
	})
}

// text makes s what a proto3 string may hold.
func text(s string) string { return strings.ToValidUTF8(s, "?") }

// compareReaders holds Walk against the generated code. They differ in one
// point: the generated code refuses a string that is not UTF-8, which Walk
// leaves to Decode, and does so even where a later field overwrites it. So
// whether Walk must accept data is asked of a twin of the message whose
// strings are bytes.
func compareReaders(t *testing.T, data []byte) {
	var batch events.Batch
	err := batch.Walk(data)
	if twin := proto.Unmarshal(data, dynamicpb.NewMessage(bytesTwin)); (err == nil) != (twin == nil) {
		t.Fatalf("%x: Walk says %v, the generic code %v", data, err, twin)
	}
	if err != nil && !errors.Is(err, events.ErrMalformed) {
		t.Fatalf("%x: %v", data, err)
	}
	var pb presencepb.HeartbeatBatch
	if proto.Unmarshal(data, &pb) != nil {
		return
	}
	if diff := cmp.Diff(beatsFrom(&pb), beatsOf(&batch)); diff != "" {
		t.Fatalf("%x (-generated +by hand):\n%s", data, diff)
	}
	if int64(batch.At) != pb.GetAt() {
		t.Fatalf("%x: opened at %d, generated code says %d", data, batch.At, pb.GetAt())
	}
}

// checkDecode: Decode takes what Walk takes, if each beat names a user and all
// its ids are sound; else it leaves nothing.
func checkDecode(t *testing.T, data []byte) {
	var walked, batch events.Batch
	want := walked.Walk(data) == nil
	for _, b := range beatsOf(&walked) {
		want = want && fits(b) && utf8.ValidString(b.User) && utf8.ValidString(b.Session) && utf8.ValidString(b.Actor)
	}
	err := batch.Decode(data)
	if (err == nil) != want || err != nil && !errors.Is(err, events.ErrMalformed) {
		t.Fatalf("%x: Decode says %v of %+v", data, err, walked)
	}
	if err != nil {
		walked.At, walked.Beats = 0, nil
	}
	if diff := cmp.Diff(beatsOf(&walked), beatsOf(&batch)); diff != "" || walked.At != batch.At {
		t.Fatalf("%x: %v, at %v, (-want +got):\n%s", data, err, batch.At, diff)
	}
}

// compareWriters takes beats through each codec and out of the other.
func compareWriters(t *testing.T, beats []events.Beat) {
	var pb presencepb.HeartbeatBatch
	if err := proto.Unmarshal(events.AppendBatch(nil, beats), &pb); err != nil {
		t.Fatalf("generated code on %+v: %v", beats, err)
	}
	if diff := cmp.Diff(unfolded(beats), unfolded(beatsFrom(&pb))); diff != "" {
		t.Fatalf("written by hand, read by the generated code:\n%s", diff)
	}
	data, err := proto.Marshal(&pb)
	if err != nil {
		t.Fatal(err)
	}
	var batch events.Batch
	if err := batch.Walk(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(unfolded(beats), unfolded(beatsOf(&batch))); diff != "" {
		t.Fatalf("written by the generated code, read by hand:\n%s", diff)
	}
	allFit := !slices.ContainsFunc(beats, func(b events.Beat) bool { return !fits(b) })
	if err := batch.Decode(data); (err == nil) != allFit {
		t.Fatalf("Decode of %+v: %v", beats, err)
	}
}

// fits reports whether the ids of b are as long as they may be.
func fits(b events.Beat) bool {
	return b.User != "" && len(b.User) <= events.MaxIDBytes && len(b.Session) <= events.MaxIDBytes
}

// beatsFrom is what the generated code has read. A declared interval beyond 16
// bits is out of any range; the code by hand keeps it at the largest.
func beatsFrom(pb *presencepb.HeartbeatBatch) []events.Beat {
	var beats []events.Beat
	for _, b := range pb.GetBeats() {
		beats = append(beats, events.Beat{User: b.GetUser(), Session: b.GetSession(), Actor: b.GetActor(),
			At: events.Millis(pb.GetAt() + b.GetAfter()), Every: uint16(min(b.GetEvery(), 0xffff)), Idle: b.GetIdle(), Leaving: b.GetLeaving()})
	}
	return beats
}

var bytesTwin = newBytesTwin()

func newBytesTwin() protoreflect.MessageDescriptor {
	file := protodesc.ToFileDescriptorProto((*presencepb.HeartbeatBatch)(nil).ProtoReflect().Descriptor().ParentFile())
	for _, message := range file.GetMessageType() {
		for _, field := range message.GetField() {
			if field.GetType() == descriptorpb.FieldDescriptorProto_TYPE_STRING {
				field.Type = descriptorpb.FieldDescriptorProto_TYPE_BYTES.Enum()
			}
		}
	}
	twin, err := protodesc.NewFile(file, nil)
	if err != nil {
		panic(err)
	}
	return twin.Messages().ByName("HeartbeatBatch")
}
