package events_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

func TestPlacesAreInTheOrderOfTheLog(t *testing.T) {
	inOrder := []events.Place{{}, {Nth: 1}, {Seq: 1}, {Seq: 1, Nth: 1}, {Seq: 1, Nth: math.MaxUint32 - 1}, events.EndOf(1),
		{Seq: 2}, {Seq: 1 << 62, Nth: 3}, events.EndOf(math.MaxUint64)}
	for i, p := range inOrder {
		for j, o := range inOrder {
			if got, want := p.Compare(o), min(max(i-j, -1), 1); got != want || p.Before(o) != (want < 0) {
				t.Errorf("%s against %s: %d, before %v", p, o, got, p.Before(o))
			}
		}
	}
}

// Between a place and the next one there is none.
func TestNextIsTheFirstPlaceAfter(t *testing.T) {
	for p, want := range map[events.Place]events.Place{
		{}: {Nth: 1}, {Seq: 7}: {Seq: 7, Nth: 1}, {Seq: 7, Nth: 5}: {Seq: 7, Nth: 6},
		{Seq: 7, Nth: math.MaxUint32 - 1}: events.EndOf(7), events.EndOf(7): {Seq: 8},
	} {
		if got := p.Next(); got != want || !p.Before(got) {
			t.Errorf("after %s comes %s, want %s", p, got, want)
		}
	}
}

func TestAPlaceIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]events.Place{
		"0": events.EndOf(0), "1234": events.EndOf(1234), "1234.0": {Seq: 1234}, "1234.17": {Seq: 1234, Nth: 17},
		"9223372036854775807.1048575": {Seq: math.MaxInt64, Nth: events.MaxEntries - 1},
	} {
		if got, err := events.ParsePlace(text); err != nil || got != want || got.String() != text {
			t.Errorf("%q read as %+v, %v, and written %q", text, got, err, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := events.Place{Seq: rapid.Uint64Range(0, math.MaxInt64).Draw(t, "seq"), Nth: rapid.Uint32Range(0, math.MaxInt32).Draw(t, "nth")}
		if got, err := events.ParsePlace(p.String()); err != nil || got != p {
			t.Fatalf("%s read as %s, %v", p, got, err)
		}
	})
}

func TestWhatIsNoPlaceIsRefused(t *testing.T) {
	for _, text := range []string{"", ".", "1.", ".1", "-1", "+1", "1.-1", "1.+1", " 1", "1 ", "1.2.3", "1,2", "0x10", "1e3", "a", "1.b",
		"9223372036854775808", "1.2147483648", "18446744073709551616"} {
		if p, err := events.ParsePlace(text); err == nil {
			t.Errorf("%q read as %s", text, p)
		}
	}
}

// Every reader of a log makes the same ids, and no two events have one.
func TestAnIDIsAUUIDv7OfItsPlaceAlone(t *testing.T) {
	times := []events.Millis{0, 1, morning, morning + 1, 253_402_300_799_999}
	nths := []uint32{0, 1, 2, 1 << 10, events.MaxEntries/2 - 1, events.MaxEntries / 2, events.MaxEntries - 2, events.MaxEntries - 1}
	seqs := []uint64{0, 1, 2, 1<<54 - 1}
	for bit := 2; bit < 54; bit++ {
		seqs = append(seqs, 1<<bit-1, 1<<bit, 1<<bit+1)
	}
	slices.Sort(seqs)
	seqs = slices.Compact(seqs)
	seen := map[string]events.Moment{}
	for _, at := range times {
		for _, seq := range seqs {
			last := ""
			for _, nth := range nths {
				m := events.Moment{Seq: seq, Nth: nth, Time: at}
				id := events.IDAt(m)
				if other, known := seen[id]; known {
					t.Fatalf("%+v and %+v are both %s", m, other, id)
				}
				seen[id] = m
				checkIDOf(t, id, m)
				if id <= last {
					t.Fatalf("%s of %+v does not come after %s", id, m, last)
				}
				last = id
				m.Covered, m.Mono = 5, 6 // a reader's own
				if events.IDAt(m) != id {
					t.Fatalf("%+v has two ids", m)
				}
			}
		}
	}
}

func checkIDOf(t *testing.T, id string, m events.Moment) {
	t.Helper()
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 {
		t.Fatalf("%s of %+v: %v, version %d, variant %v", id, m, err, parsed.Version(), parsed.Variant())
	}
	at := uint64(0)
	for _, b := range parsed[:6] {
		at = at<<8 | uint64(b)
	}
	if at != uint64(m.Time) {
		t.Fatalf("%s of %+v says it is of %d", id, m, at)
	}
}
