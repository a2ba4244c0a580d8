package projections

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// drawPlaces draws places of a few commits: those of records, and those of
// heartbeats that witnesses stand for, each in order.
func drawPlaces(t *rapid.T) (records, beats []events.Place) {
	seq := uint64(0)
	for range rapid.IntRange(0, 40).Draw(t, "commits") {
		seq += uint64(rapid.IntRange(1, 3).Draw(t, "gap"))
		for nth := range uint32(rapid.IntRange(1, 6).Draw(t, "entries")) {
			p := events.Place{Seq: seq, Nth: nth}
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				records = append(records, p)
			case 1:
				beats = append(beats, p)
			}
		}
	}
	return records, beats
}

// displaced returns beats out of order, none by more places than by.
func displaced(t *rapid.T, beats []events.Place, by int) []events.Event {
	type keyed struct {
		key int
		e   events.Event
	}
	var all []keyed
	for i, p := range beats {
		all = append(all, keyed{i + rapid.IntRange(0, by).Draw(t, "late by"), events.Event{Type: events.Online, By: p.Seq, ByNth: p.Nth}})
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	var out []events.Event
	for _, k := range all {
		out = append(out, k.e)
	}
	return out
}

// cut cuts list into parts at random.
func cut[T any](t *rapid.T, list []T) (parts [][]T) {
	for len(list) > 0 {
		n := rapid.IntRange(1, min(len(list), 9)).Draw(t, "part")
		parts, list = append(parts, list[:n]), list[n:]
	}
	return parts
}

// merged runs the merge, and fails unless each batch ends with a whole commit.
func merged(t *rapid.T, records []events.Place, online []events.Event, most int) (got []events.Place, late int) {
	parts := cut(t, online)
	ahead := make(chan []events.Event, len(parts))
	for _, p := range parts {
		ahead <- p
	}
	close(ahead)
	end := uint64(0)
	m := &merging{witnesses: witnesses{ahead: ahead, most: most}, fn: func(batch []Old) error {
		if len(batch) == 0 {
			t.Fatal("an empty batch")
		}
		if first := batch[0].seq(); first <= end && len(got) > 0 {
			t.Fatalf("the commit %d goes on in the next batch", first)
		}
		for i := range batch {
			var p events.Place
			if batch[i].Witness != nil {
				p = batch[i].Witness.ByPlace()
			} else {
				p = batch[i].Place
			}
			got = append(got, p)
		}
		end = batch[len(batch)-1].seq()
		return nil
	}}
	for _, part := range cut(t, records) {
		var batch []journal.Record
		for _, p := range part {
			batch = append(batch, journal.Record{Place: p})
		}
		if err := m.take(batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.finish(events.Place{Seq: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	return got, m.late
}

// TestWitnessesAreMergedAsASortWould, as long as they are out of order by no more
// than is held.
func TestWitnessesAreMergedAsASortWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records, beats := drawPlaces(t)
		most := rapid.IntRange(1, 6).Draw(t, "held")
		got, late := merged(t, records, displaced(t, beats, most-1), most)
		want := slices.Concat(records, beats)
		slices.SortFunc(want, events.Place.Compare)
		if late > 0 || !slices.Equal(got, want) {
			t.Fatalf("%d late\ngot  %v\nwant %v", late, got, want)
		}
	})
}

// TestAWitnessThatComesTooLateIsNoticed: whatever the order, it is right or said
// to be wrong.
func TestAWitnessThatComesTooLateIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records, beats := drawPlaces(t)
		most := rapid.IntRange(1, 3).Draw(t, "held")
		// Batches must not save it: what a batch brings is held whatever it is.
		var online []events.Event
		for _, p := range rapid.Permutation(beats).Draw(t, "order") {
			online = append(online, events.Event{Type: events.Online, By: p.Seq, ByNth: p.Nth})
		}
		ahead := make(chan []events.Event, len(online))
		for i := range online {
			ahead <- online[i : i+1]
		}
		close(ahead)
		var got []events.Place
		m := &merging{witnesses: witnesses{ahead: ahead, most: most}, fn: func(batch []Old) error {
			for i := range batch {
				if w := batch[i].Witness; w != nil {
					got = append(got, w.ByPlace())
				} else {
					got = append(got, batch[i].Place)
				}
			}
			return nil
		}}
		for _, p := range records {
			if err := m.take([]journal.Record{{Place: p}}); err != nil {
				t.Fatal(err)
			}
			if len(m.heap) > most {
				t.Fatalf("%d are held, at most %d may be", len(m.heap), most)
			}
		}
		if err := m.finish(events.Place{Seq: 1 << 40}); err != nil {
			t.Fatal(err)
		}
		if sorted := slices.IsSortedFunc(got, events.Place.Compare); m.late == 0 && (!sorted || len(got) != len(records)+len(beats)) {
			t.Fatalf("nobody says that it is out of order: %v", got)
		}
	})
}

// TestTheRestIsGivenInWholeCommits: more witnesses after the last record than go
// into one batch.
func TestTheRestIsGivenInWholeCommits(t *testing.T) {
	var beats []events.Event
	for seq := uint64(1); seq <= 3; seq++ {
		for nth := range uint32(finishBatch - 1) {
			beats = append(beats, events.Event{Type: events.Online, By: seq, ByNth: nth})
		}
	}
	ahead := make(chan []events.Event, 1)
	ahead <- beats
	close(ahead)
	var got []string
	m := &merging{witnesses: witnesses{ahead: ahead, most: maxDisplaced}, fn: func(batch []Old) error {
		got = append(got, fmt.Sprintf("%d-%d: %d", batch[0].seq(), batch[len(batch)-1].seq(), len(batch)))
		return nil
	}}
	if err := m.finish(events.Place{Seq: 4}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1-2: 2046", "3-3: 1023"}; !slices.Equal(got, want) {
		t.Errorf("given %v, want %v", got, want)
	}
}
