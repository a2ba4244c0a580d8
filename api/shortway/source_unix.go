//go:build unix

package shortway

import (
	"errors"
	"net"
	"syscall"
)

// wire reads from a socket. While nothing comes there is no buffer: most
// connections wait for most of the time.
type wire struct {
	raw  syscall.RawConn
	once func(fd uintptr) bool // made once, since it escapes
	n    int
	err  error
}

func (w *wire) open(s *source, tcp *net.TCPConn) (err error) {
	w.once = func(fd uintptr) bool {
		for {
			if w.n, w.err = syscall.Read(int(fd), s.room()); !errors.Is(w.err, syscall.EINTR) {
				break
			}
		}
		if errors.Is(w.err, syscall.EAGAIN) {
			s.spare()
			return false // and is called again when something has come
		}
		return true
	}
	w.raw, err = tcp.SyscallConn()
	return err //nolint:wrapcheck // nobody sees it
}

func (w *wire) read() (int, error) {
	w.n, w.err = 0, nil
	if err := w.raw.Read(w.once); err != nil {
		return 0, err //nolint:wrapcheck // as above
	}
	return w.n, w.err
}
