package embedded

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// passing is an error of the operating system that has let a write of the store
// fail, and is over some time by itself: what was written before is whole, what
// failed was acknowledged to nobody, and the server can begin again over the
// same files.
//
// EIO is none, nor is a file system that has become read-only, which follows
// from it: what an fsync has lost once the kernel takes for written afterwards,
// so a server that is started again would read, and acknowledge upon, what is on
// no disk.
type passing struct{ errno syscall.Errno }

// errnosPassing are all that pass.
var errnosPassing = []syscall.Errno{
	syscall.ENOSPC, // the disk is full
	syscall.EDQUOT, // a quota is used up
	syscall.EMFILE, // the process has too many open files
	syscall.ENFILE, // the machine has
	syscall.ENOMEM, // the kernel has no memory for it
}

func (p passing) Error() string {
	if p.errno == syscall.ENOSPC {
		return "a write failed because the disk was full"
	}
	return "a write failed: " + p.errno.Error()
}

// full reports whether room is what was missing.
func (p passing) full() bool { return p.errno == syscall.ENOSPC || p.errno == syscall.EDQUOT }

// storeError returns the passing that the server's words name, else errBadStore.
// The server keeps no error, only the text.
func storeError(text string) error {
	for _, errno := range errnosPassing {
		if strings.Contains(text, errno.Error()) {
			return passing{errno}
		}
	}
	return errBadStore
}

const (
	// trialBytes and trialFiles are what a server that starts needs for sure.
	trialBytes = 1 << 20
	trialFiles = 32
)

// tryStore writes to the file system of dir and opens some files, as a server
// that is started there would, and returns what it failed with.
func tryStore(dir string) (err error) {
	var open []*os.File
	defer func() {
		for _, f := range open {
			err = errors.Join(err, f.Close())
		}
	}()
	f, err := os.CreateTemp(dir, ".trial-*")
	if err != nil {
		return fmt.Errorf("trying the store: %w", err)
	}
	open = append(open, f)
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	if _, err := f.Write(make([]byte, trialBytes)); err != nil {
		return fmt.Errorf("trying the store: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("trying the store: %w", err)
	}
	for range trialFiles {
		f, err := os.Open(dir)
		if err != nil {
			return fmt.Errorf("trying the store: %w", err)
		}
		open = append(open, f)
	}
	return nil
}
