package live

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
)

// long are changes of a commit at seq.
func long(seq uint64, n int) (changes []events.Change) {
	for nth := range n {
		changes = append(changes, told(seq, nth+1))
	}
	return changes
}

// rest reads all that r gets.
func rest(t *testing.T, r *Reader) (got []string, err error) {
	t.Helper()
	for {
		p, _, err := r.take()
		if err != nil || p.Block == nil {
			return got, err
		}
		if len(p.Entries) > blockMost {
			t.Fatalf("a block of %d", len(p.Entries))
		}
		for _, e := range p.Entries[p.From:] {
			got = append(got, fmt.Sprintf("%d.%d %s", e.Place.Seq, e.Place.Nth, e.User))
		}
	}
}

// TestACommitOfManyBlocksIsResumedAnywhere, without a gap or a repeat, also where
// the place is the end of a block, and where another commit shares one.
func TestACommitOfManyBlocksIsResumedAnywhere(t *testing.T) {
	const n = 2*blockMost + 300
	for name, together := range map[string]bool{"in a batch of its own": false, "with its neighbours in one batch": true} {
		t.Run(name, func(t *testing.T) {
			h := quiet(1 << 16)
			before, commit, after := long(3, 2), long(5, n), long(8, 3)
			if together {
				tell(h, 9, append(append(before, commit...), after...)...)
			} else {
				tell(h, 4, before...)
				tell(h, 5, commit...)
				tell(h, 9, after...)
			}
			h.wake()
			var want []string
			var places []Place
			for _, c := range []struct {
				seq uint64
				n   int
			}{{3, 2}, {5, n}, {8, 3}} {
				for nth := 1; nth <= c.n; nth++ {
					p := Place{Seq: c.seq, Nth: nth}
					if nth == c.n {
						p.Nth = 0 // the last one's place is that of the whole commit
					}
					places = append(places, p)
					want = append(want, fmt.Sprintf("%d.%d %s", p.Seq, p.Nth, told(c.seq, nth).User))
				}
			}
			for i, p := range places {
				r, err := h.Resume(p, nil)
				if err != nil {
					t.Fatalf("after %+v: %v", p, err)
				}
				got, err := rest(t, r)
				r.Close()
				if err != nil {
					t.Fatalf("after %+v: %v", p, err)
				}
				if diff := cmp.Diff(want[i+1:], got); len(want[i+1:])+len(got) > 0 && diff != "" {
					t.Fatalf("after %+v: %s", p, diff)
				}
			}
		})
	}
}

// TestACommitOfWhichABlockHasGone: within it nobody can resume, or they get all
// that is left of it; after it everybody can.
func TestACommitOfWhichABlockHasGone(t *testing.T) {
	const n = 3 * blockMost
	h := quiet(blockMost)
	tell(h, 5, long(5, n)...)
	h.wake()
	tell(h, 7, long(7, 2)...)
	h.wake()
	for nth := range n {
		r, err := h.Resume(Place{Seq: 5, Nth: nth}, nil)
		if nth == 0 {
			if err != nil {
				t.Fatalf("after the whole commit: %v", err)
			}
			got, err := rest(t, r)
			if diff := cmp.Diff([]string{"7.1 u7.1", "7.0 u7.2"}, got); err != nil || diff != "" {
				t.Errorf("%v: %s", err, diff)
			}
			r.Close()
			continue
		}
		if err == nil {
			got, err := rest(t, r)
			if err != nil || len(got) != n-nth+2 {
				t.Fatalf("after 5.%d: %d changes, %v; want %d", nth, len(got), err, n-nth+2)
			}
			r.Close()
		} else if !errors.Is(err, ErrPast) {
			t.Fatal(err)
		}
	}
	if _, err := h.Resume(Place{Seq: 4}, nil); !errors.Is(err, ErrPast) {
		t.Errorf("before the commit: %v", err)
	}
}
