//go:build unix

package embedded

import "syscall"

// mostConnections is how many connections the process may have: all the files it
// may open but an eighth, and 128 at least, which the store, the views and the
// process itself have. 0: there is no limit that matters.
func mostConnections() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > 1<<24 { //nolint:unconvert // it is signed on some systems
		return 0
	}
	files := int(limit.Cur) // bounded above
	return max(files-max(128, files/8)-spareConnections, 16)
}
