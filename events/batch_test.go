package events_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rollcall-dev/rollcall/events"
)

func TestTheEmptyBatchIsNoMessage(t *testing.T) {
	if got := events.AppendBatch(nil, nil); got != nil {
		t.Errorf("got %x", got)
	}
	var batch events.Batch
	if err := batch.Decode(nil); err != nil || len(batch.Beats) != 0 {
		t.Errorf("got %v, %v", batch, err)
	}
}

func TestABatchCountsWholeOrNotAtAll(t *testing.T) {
	sound := events.AppendBatch(nil, goldenBeats)
	long := strings.Repeat("u", events.MaxIDBytes+1)
	for name, data := range map[string][]byte{
		"cut short":               sound[:len(sound)-1],
		"no user":                 events.AppendBatch(nil, []events.Beat{goldenBeats[0], {At: morning}}),
		"user too long":           events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: long}}),
		"session too long":        events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: "u", Session: long}}),
		"user that is no text":    events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: "\xff"}}),
		"session that is no text": events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: "u", Session: "\xff"}}),
		"actor that is no text":   events.AppendBatch(nil, []events.Beat{goldenBeats[0], {User: "u", Actor: "\xff"}}),
		"a field beyond the last": append(bytes.Clone(sound), fieldBeyondTheLast...),
		"one in a beat":           append([]byte{0x0a, 0x09, 0x0a, 0x01, 'u'}, fieldBeyondTheLast...),
	} {
		t.Run(name, func(t *testing.T) {
			var batch events.Batch
			if err := batch.Decode(sound); err != nil {
				t.Fatal(err)
			}
			if err := batch.Decode(data); !errors.Is(err, events.ErrMalformed) {
				t.Errorf("got %v, want %v", err, events.ErrMalformed)
			}
			if len(batch.Beats) != 0 || batch.At != 0 {
				t.Errorf("left %d beats, at %v", len(batch.Beats), batch.At)
			}
		})
	}
}

// A number that no field can have, 1<<29, and the last that one can, each with
// the value 0.
var (
	fieldBeyondTheLast = []byte{0x80, 0x80, 0x80, 0x80, 0x10, 0x00}
	lastField          = []byte{0xf8, 0xff, 0xff, 0xff, 0x0f, 0x00}
)

func TestFieldsThatNobodyKnowsAreSteppedOver(t *testing.T) {
	beat := append([]byte{0x0a, 0x01, 'u'}, lastField...)
	data := append(append([]byte{0x0a, byte(len(beat))}, beat...), lastField...)
	var batch events.Batch
	if err := batch.Decode(data); err != nil || len(batch.Beats) != 1 || string(batch.Beats[0].User) != "u" {
		t.Errorf("read as %+v, %v", batch, err)
	}
}

func TestADeclaredIntervalBeyond16BitsStaysTheLongest(t *testing.T) {
	for every, want := range map[uint64]uint16{65_534: 65_534, 65_535: 65_535, 65_536: 65_535, 1<<32 - 1: 65_535, 1 << 32: 0, 1<<32 + 30: 30} {
		beat := protowire.AppendVarint([]byte{0x0a, 0x01, 'u', 0x28}, every)
		var batch events.Batch
		if err := batch.Decode(append([]byte{0x0a, byte(len(beat))}, beat...)); err != nil || batch.Beats[0].Every != want {
			t.Errorf("%d read as %+v, %v", every, batch, err)
		}
	}
}
