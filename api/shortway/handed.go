package shortway

import (
	"io"
	"net"
	"time"
)

// handed is a connection as net/http gets it: what was read of it comes first.
// SyscallConn passes by that; net/http has read all of it before it gives a
// connection away.
type handed struct {
	*net.TCPConn
	rest []byte    // read already
	due  time.Time // when the head of the first request must be there; zero: the time begins now
}

// Read is part of net.Conn.
func (h *handed) Read(b []byte) (int, error) {
	if len(h.rest) == 0 {
		return h.TCPConn.Read(b) //nolint:wrapcheck // it is the connection's own
	}
	n := copy(b, h.rest)
	if h.rest = h.rest[n:]; len(h.rest) == 0 {
		h.rest = nil
	}
	return n, nil
}

// WriteTo is part of io.WriterTo, which a TCPConn is.
func (h *handed) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{h}) //nolint:wrapcheck // as above
}

// SetReadDeadline is part of net.Conn. The first one is that of the head, whose
// time began before.
func (h *handed) SetReadDeadline(t time.Time) error {
	if !h.due.IsZero() {
		if t.IsZero() || t.After(h.due) {
			t = h.due
		}
		h.due = time.Time{}
	}
	return h.TCPConn.SetReadDeadline(t) //nolint:wrapcheck // as above
}

// SetDeadline is part of net.Conn.
func (h *handed) SetDeadline(t time.Time) error {
	if err := h.SetReadDeadline(t); err != nil {
		return err
	}
	return h.SetWriteDeadline(t)
}
