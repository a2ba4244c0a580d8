package shortway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// connected returns both ends of a TCP connection.
func connected(t *testing.T) (server, client *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = s.Close() })
	return s.(*net.TCPConn), c.(*net.TCPConn)
}

// TestTheTimeOfAHeadIsNotGivenTwice: what was read comes, and then the end of
// the time that had begun; later times are net/http's own.
func TestTheTimeOfAHeadIsNotGivenTwice(t *testing.T) {
	server, client := connected(t)
	h := &handed{TCPConn: server, rest: []byte("abc"), due: time.Now().Add(-time.Second)}
	if err := h.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2)
	for _, want := range []string{"ab", "c"} {
		if n, err := h.Read(b); err != nil || string(b[:n]) != want {
			t.Errorf("%q, %v", b[:n], err)
		}
	}
	if _, err := h.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if err := h.SetDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, _ = client.Write([]byte("de"))
	if _, err := io.ReadFull(h, b); err != nil || string(b) != "de" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestWhatWasReadIsCopiedToo(t *testing.T) {
	server, client := connected(t)
	_, _ = client.Write([]byte("def"))
	_ = client.CloseWrite()
	var got bytes.Buffer
	if _, err := io.Copy(&got, &handed{TCPConn: server, rest: []byte("abc")}); err != nil || got.String() != "abcdef" {
		t.Errorf("%q, %v", got.String(), err)
	}
}
