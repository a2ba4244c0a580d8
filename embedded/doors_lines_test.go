package embedded

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// exhausted is a listener of a process without a free file, once, and then closed.
type exhausted struct{ accepted int }

func (e *exhausted) Accept() (net.Conn, error) {
	if e.accepted++; e.accepted > 1 {
		return nil, net.ErrClosed
	}
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
}

func (*exhausted) Close() error   { return nil }
func (*exhausted) Addr() net.Addr { return &net.TCPAddr{} }

func TestLinesOfTheHTTPServerAreLogLines(t *testing.T) {
	var text bytes.Buffer
	s := newHTTPServer(Config{Logger: slog.New(slog.NewJSONHandler(&text, nil))}, http.NotFoundHandler())
	if err := s.Serve(&exhausted{}); !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
	if line := text.String(); !strings.Contains(line, `"level":"WARN"`) || !strings.Contains(line, `"msg":"http: Accept error`) {
		t.Errorf("it logged %q", line)
	}
}
