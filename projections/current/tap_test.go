package current_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/current"
)

// erasureOf makes every fold forget user.
func erasureOf(user string) keyed {
	const salt = "00112233445566778899aabbccddeeff"
	return keyed{Event: events.Event{Type: events.Erased, Actor: "root", Salt: salt, Hash: events.HashID(salt, user)}}
}

// told is what a tap was told at once.
type told struct {
	Happened []string
	UpTo     uint64
}

func listen(v *current.View) *[]told {
	var got []told
	v.Tap(&current.Tap{Put: func(happened []current.Happening, upTo uint64) {
		one := told{UpTo: upTo}
		for i := range happened {
			h := &happened[i]
			text := h.To.Place().String() + " " + h.User + " " + string(h.From.Status) + " " + string(h.To.Status)
			if h.Erased {
				text += " erased"
			}
			one.Happened = append(one.Happened, text)
		}
		got = append(got, one)
	}, Flush: func(uint64) error { return nil }})
	return &got
}

// TestACommitIsToldAtOnceAndInOrder: an erasure in its middle comes between the
// changes before and after it, of the same user too.
func TestACommitIsToldAtOnceAndInOrder(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "current.db"))
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	got := listen(v)
	apply(t, v,
		commitOf(t, 1, 1, login("ann", 0), login("bob", 0)),
		commitOf(t, 2, 2, logout("bob", 0), logout("ann", 0), login("ann", 0), erasureOf("ann"), erasureOf("nobody"), login("ann", 0), logout("ann", 0)))
	apply(t, v, commitOf(t, 3, 3, erasureOf("ann")), commitOf(t, 4, 4))
	want := []told{
		{[]string{"1.0 ann offline online", "1.1 bob offline online",
			"2.0 bob online offline", "2.1 ann online offline", "2.2 ann offline online", "2.3 ann online offline erased",
			"2.5 ann offline online", "2.6 ann online offline"}, 2},
		{[]string{"3.0 ann offline offline erased"}, 4},
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
}

// TestWitnessesAloneMoveTheView: after the last record of the archive there may
// be some, and what is folded of them must not be folded again.
func TestWitnessesAloneMoveTheView(t *testing.T) {
	path := filepath.Join(t.TempDir(), "current.db")
	v := open(t, path)
	got := listen(v)
	witness := func(seq uint64, idle bool) projections.Old {
		e := witnessOf("s", events.Place{Seq: seq}, idle).Event
		e.Actor = e.User
		return projections.Old{Witness: &e}
	}
	v.Replay()
	if err := v.ApplyOld([]projections.Old{witness(10, false), witness(11, true), witness(12, false)}); err != nil {
		t.Fatal(err)
	}
	want := []told{{[]string{"10.0 ann offline online", "11.0 ann online away", "12.0 ann away online"}, 12}}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
	if v = reopen(t, v, path, true); v.Seq() != 12 || !v.Replaying() {
		t.Errorf("at %d, replaying %t; want 12 and true", v.Seq(), v.Replaying())
	}
	v.Skip(13)
	if v = reopen(t, v, path, true); v.Seq() != 12 || v.Replaying() || v.Horizon() != 13 {
		t.Errorf("at %d, replaying %t, horizon %d; want 12, false and 13", v.Seq(), v.Replaying(), v.Horizon())
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}
