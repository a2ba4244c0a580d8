package shortway

import (
	"io"
	"net"
	"sync"
)

// bufferSize bounds the head of a heartbeat. A longer one is net/http's, which
// takes more.
const bufferSize = 4 << 10

type buffer [bufferSize]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// source holds what has come over a connection and has not been dropped. What it
// holds is buf[from:to].
type source struct {
	wire     wire
	buf      *buffer // nil: it holds nothing
	from, to int
}

// open makes s read from tcp.
func (s *source) open(tcp *net.TCPConn) error { return s.wire.open(s, tcp) }

// bytes returns what s holds, until the next call of more.
func (s *source) bytes() []byte {
	if s.buf == nil {
		return nil
	}
	return s.buf[s.from:s.to]
}

// full reports whether s can hold no more.
func (s *source) full() bool { return s.to-s.from == bufferSize }

// drop forgets the first n bytes.
func (s *source) drop(n int) {
	if s.from += n; s.from == s.to {
		s.from, s.to = 0, 0
	}
}

// more reads once, waiting for it. s must not be full. It returns io.EOF at the
// end.
func (s *source) more() error {
	if s.from > 0 {
		s.to = copy(s.buf[:], s.buf[s.from:s.to])
		s.from = 0
	}
	n, err := s.wire.read()
	if err == nil && n == 0 {
		err = io.EOF
	}
	s.to += max(n, 0)
	return err
}

// room returns where more is to be put.
func (s *source) room() []byte {
	if s.buf == nil {
		s.buf = buffers.Get().(*buffer)
	}
	return s.buf[s.to:]
}

// spare gives the buffer back if there is nothing in it.
func (s *source) spare() {
	if s.buf != nil && s.to == 0 {
		buffers.Put(s.buf)
		s.buf = nil
	}
}

// close gives back what s has; it holds nothing after that.
func (s *source) close() {
	s.from, s.to = 0, 0
	s.spare()
}
