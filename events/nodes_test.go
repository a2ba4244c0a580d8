package events_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

func TestNodes_Counted(t *testing.T) {
	const second = 1000
	var n events.Nodes
	a := n.Hear([]byte("a"), 46*second, false)
	b := n.Hear([]byte("b"), 46*second, false)
	if a == 0 || b == 0 || a == b || n.Hear(nil, 46*second, false) != 0 {
		t.Fatalf("numbers %d and %d", a, b)
	}
	check := func(what string, node uint16, heard, now, from, to int64) {
		t.Helper()
		if f, u := n.Counted(node, heard, now); f != from || u != to {
			t.Errorf("%s: counts from %d to %d, want %d to %d", what, f, u, from, to)
		}
	}
	n.Hear([]byte("a"), 50*second, false)
	n.Hear([]byte("b"), 50*second, false)
	check("both are there", a, 40*second, 54*second, 40*second, 54*second)
	for now := int64(55); now <= 100; now += 5 {
		n.Hear([]byte("b"), now*second, false)
	}
	check("a is missing", a, 40*second, 100*second, 40*second, 50*second)
	check("b is there", b, 40*second, 100*second, 40*second, 100*second)
	check("nobody knows which", 0, 40*second, 100*second, 40*second, 100*second)
	check("nobody waits longer than ten minutes", a, 40*second, 651*second, 40*second, 651*second)
	n.Hear([]byte("a"), 110*second, false)
	check("a is back: the whole limit from then", a, 40*second, 111*second, 110*second, 111*second)
	for _, now := range []int64{105, 110} {
		n.Hear([]byte("b"), now*second, false)
	}
	n.Hear([]byte("b"), 112*second, true)
	check("b has said that it goes", b, 105*second, 160*second, 105*second, 160*second)
	n.Restore(n.All())
	if again := n.Hear([]byte("a"), 113*second, false); again != a {
		t.Errorf("a is %d now, was %d", again, a)
	}
	if c := n.Hear([]byte("c"), 113*second+3600*second+1, false); c != a && c != b {
		t.Errorf("a number that nobody needs any more is not given out again: %d", c)
	}
}
