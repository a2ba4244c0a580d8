package shortway

import (
	"net"
	"testing"
)

// TestStrangersGoBeforeThoseWhoBeat: a connection that has brought nothing yet is
// closed, one that beats is not.
func TestStrangersGoBeforeThoseWhoBeat(t *testing.T) {
	l := &Listener{open: map[*connection]struct{}{}}
	pair := func(known bool) *connection {
		t.Helper()
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer inner.Close()
		theirs, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		ours, err := inner.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { theirs.Close(); ours.Close() })
		c := &connection{l: l, tcp: ours.(*net.TCPConn)}
		c.known.Store(known)
		l.open[c] = struct{}{}
		return c
	}
	beats, stranger := pair(true), pair(false)
	if !l.CloseStranger() || stranger.state.Load() != dismissed || beats.state.Load() != waiting {
		t.Errorf("the stranger is in state %d, the other in %d", stranger.state.Load(), beats.state.Load())
	}
	if l.CloseStranger() {
		t.Error("one that beats was closed")
	}
}
