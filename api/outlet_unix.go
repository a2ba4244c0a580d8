//go:build unix

package api

import (
	"errors"
	"syscall"
)

// Offer is part of live.Outlet.
func (o *outlet) Offer(b []byte) (n int, err error) {
	if o.raw == nil {
		return 0, nil
	}
	failed := o.raw.Write(func(fd uintptr) bool {
		for {
			if n, err = syscall.Write(int(fd), b); !errors.Is(err, syscall.EINTR) {
				return true // whatever came of it: nothing is waited for
			}
		}
	})
	if errors.Is(err, syscall.EAGAIN) {
		return 0, failed
	}
	return max(n, 0), errors.Join(err, failed)
}

// part ends the answer, as a courtesy.
func (o *outlet) part() {
	if o.raw == nil {
		o.partAnyway()
		return
	}
	_, _ = o.Offer([]byte(lastChunk))
}

// Gone is part of live.Outlet. A client has nothing to say on a stream: what can
// be read is its end, and what stands before that is thrown away, a little at a
// time.
func (o *outlet) Gone() (gone bool) {
	if o.raw == nil {
		return false
	}
	err := o.raw.Read(func(fd uintptr) bool {
		var b [512]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], 0)
		gone = n == 0 && err == nil || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
		return true
	})
	return gone || err != nil
}
