//go:build !unix

package shortway

import "net"

// wire reads from a connection.
type wire struct {
	s   *source
	tcp *net.TCPConn
}

func (w *wire) open(s *source, tcp *net.TCPConn) error {
	w.s, w.tcp = s, tcp
	return nil
}

func (w *wire) read() (int, error) { return w.tcp.Read(w.s.room()) } //nolint:wrapcheck // nobody sees it
