package live

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/current"
)

// told is a change that tells itself apart from others.
func told(seq uint64, nth int) events.Change {
	return events.Change{User: fmt.Sprintf("u%d.%d", seq, nth), To: events.Shown{Seq: seq}}
}

// tell makes h take changes, up to the sequence upTo.
func tell(h *Hub, upTo uint64, changes ...events.Change) {
	var happened []current.Happening
	for _, c := range changes {
		happened = append(happened, current.Happening{Change: c})
	}
	h.take(happened, upTo)
}

// quiet is a hub over no view, of which nothing runs.
func quiet(keep int) *Hub {
	h := NewHub(nil, func(entries []Entry) any { return len(entries) })
	h.keep = keep
	return h
}

// TestWhoResumesGetsExactlyWhatCameAfter puts random changes, several of them
// sometimes of one event, and resumes at random places: either what follows is
// all there, or the hub says that it is not.
func TestWhoResumesGetsExactlyWhatCameAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.IntRange(1, 20).Draw(t, "keep")
		h := quiet(keep)
		var all []Place
		seq := uint64(0)
		for range rapid.IntRange(0, 40).Draw(t, "puts") {
			var changes []events.Change
			for range rapid.IntRange(0, 4).Draw(t, "events") {
				seq += uint64(rapid.IntRange(1, 3).Draw(t, "gap"))
				n := rapid.IntRange(1, 3).Draw(t, "changes")
				for nth := 1; nth <= n; nth++ {
					changes = append(changes, told(seq, nth))
					p := Place{Seq: seq, Nth: nth}
					if nth == n {
						p.Nth = 0
					}
					all = append(all, p)
				}
			}
			tell(h, seq, changes...)
			if rapid.Bool().Draw(t, "woken") {
				h.wake()
			}
		}
		at := Place{Seq: uint64(rapid.IntRange(0, int(seq)+1).Draw(t, "at")), Nth: rapid.IntRange(0, 3).Draw(t, "nth")}
		var want []Place
		for _, p := range all {
			if !p.reached(at) {
				want = append(want, p)
			}
		}
		r, err := h.Resume(at, nil)
		if err != nil {
			if !errors.Is(err, ErrPast) {
				t.Fatal(err)
			}
			if at.Nth == 0 && at.Seq <= seq && len(want) < keep {
				t.Fatalf("%+v is refused, and only %d changes came after it", at, len(want))
			}
			return
		}
		defer r.Close()
		h.wake()
		var got []Place
		for {
			p, _, err := r.take()
			if errors.Is(err, ErrSlow) && len(want) >= keep {
				return // what was open has driven it out
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Block == nil {
				break
			}
			for _, e := range p.Entries[p.From:] {
				got = append(got, e.Place)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("behind %+v (-want +got):\n%s", at, diff)
		}
	})
}

func TestWhoFallsBehindIsToldSo(t *testing.T) {
	h := quiet(100)
	r, err := h.Resume(Place{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for seq := range uint64(2000) {
		tell(h, seq+1, told(seq+1, 1))
		h.wake()
	}
	if _, err := r.Next(t.Context()); !errors.Is(err, ErrSlow) {
		t.Errorf("got %v, want ErrSlow", err)
	}
	if h.kept < 100 || h.kept > 100+blockMost {
		t.Errorf("%d changes are kept, want about 100", h.kept)
	}
}

// TestTheHubKnowsWhereItCame, though the view has told it something between the
// tap and the hub's taking note of it: nobody may resume before.
func TestTheHubKnowsWhereItCame(t *testing.T) {
	for name, changes := range map[string][]events.Change{"a change": {told(8, 1)}, "no change": nil} {
		t.Run(name, func(t *testing.T) {
			h := quiet(100)
			tell(h, 9, changes...)
			h.attached(5)
			if _, err := h.Resume(Place{Seq: 4}, nil); !errors.Is(err, ErrPast) {
				t.Errorf("behind 4: %v, want ErrPast: what 5 changed is not known", err)
			}
			h.wake()
			for _, seq := range []uint64{5, 9} {
				r, err := h.Resume(Place{Seq: seq}, nil)
				if err != nil {
					t.Fatalf("behind %d: %v", seq, err)
				}
				if p, _, err := r.take(); err != nil || (p.Block != nil) != (changes != nil && seq == 5) {
					t.Errorf("behind %d: %+v, %v", seq, p, err)
				}
				r.Close()
			}
		})
	}
}

func TestNextWaitsForAChangeAndForTheContext(t *testing.T) {
	h := quiet(100)
	r, err := h.Resume(Place{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	go func() {
		p, err := r.Next(ctx)
		if err == nil && len(p.Entries) != 1 {
			err = fmt.Errorf("%d entries", len(p.Entries))
		}
		got <- err
	}()
	tell(h, 1, told(1, 1))
	h.wake()
	if err := <-got; err != nil {
		t.Error(err)
	}
	go func() {
		_, err := r.Next(ctx)
		got <- err
	}()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestABlockIsEncodedOnce(t *testing.T) {
	times := 0
	h := NewHub(nil, func([]Entry) any { times++; return times })
	tell(h, 2, told(1, 1), told(2, 1))
	h.wake()
	for range 3 {
		r, err := h.Resume(Place{Seq: rand.Uint64N(2)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := r.Next(t.Context()); err != nil || p.Text() != 1 {
			t.Errorf("got %v, %v, want what was made first", p.Text(), err)
		}
		r.Close()
	}
}
