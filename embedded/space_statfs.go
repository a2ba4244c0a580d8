//go:build linux || darwin || freebsd

package embedded

import "golang.org/x/sys/unix"

// freeSpace asks the file system that dir is on. ok is false where it does not
// say, or dir is not there.
func freeSpace(dir string) (s space, ok bool) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil || fs.Blocks == 0 {
		return space{}, false
	}
	block := uint64(fs.Bsize)
	return space{free: uint64(max(fs.Bavail, 0)) * block, total: fs.Blocks * block}, true //nolint:unconvert // it is signed on FreeBSD
}
