//go:build !unix

package loadgen

import "net"

// readReady reads once.
func readReady(conn net.Conn, feed func([]byte) error) error {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	n, err := conn.Read(*b)
	if n > 0 {
		if err := feed((*b)[:n]); err != nil {
			return err
		}
	}
	return err
}
