//go:build unix

package loadgen

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// readReady waits until something has come, and only then takes a buffer: readers by the thousand that wait need none,
// and those that read share a few that stay in the cache.
func readReady(conn net.Conn, feed func([]byte) error) error {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Read(func(fd uintptr) (done bool) {
		b := buffers.Get().(*[]byte)
		defer buffers.Put(b)
		n, err := syscall.Read(int(fd), *b)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			return false
		case errors.Is(err, syscall.EINTR):
			return true
		case err != nil:
			failed = err
		case n == 0:
			failed = io.EOF
		default:
			failed = feed((*b)[:n])
		}
		return true
	})
	return errors.Join(failed, err)
}
