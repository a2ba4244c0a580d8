//go:build unix

package embedded

import "golang.org/x/sys/unix"

// usable asks whether this process may read and write what is at path.
func usable(path string, dir bool) error {
	mode := uint32(unix.R_OK | unix.W_OK)
	if dir {
		mode |= unix.X_OK
	}
	return unix.Access(path, mode)
}
