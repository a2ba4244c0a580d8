package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// addrFile holds the bound address while a node is ready: whoever started it waits for the file. The empty path is no
// file at all.
type addrFile string

// clear removes what a node that was killed has left behind. A file that holds anything else is refused, before it
// would be overwritten.
func (f addrFile) clear() error {
	if f == "" {
		return nil
	}
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--addr-file: %w", err)
	}
	if _, _, err := net.SplitHostPort(strings.TrimSpace(string(text))); err != nil && len(text) > 0 {
		return wrongConfig{fmt.Errorf("--addr-file: %s holds something else than an address: give another path", f)}
	}
	return f.remove()
}

// write puts the address there in one step, so that nobody reads half of it.
func (f addrFile) write(addr string) (err error) {
	if f == "" {
		return nil
	}
	part, err := os.CreateTemp(filepath.Dir(string(f)), ".rollcall-addr-*")
	if err != nil {
		return fmt.Errorf("--addr-file: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(part.Name())
		}
	}()
	_, err = fmt.Fprintln(part, addr)
	if err := errors.Join(err, part.Chmod(0o644), part.Close()); err != nil {
		return fmt.Errorf("--addr-file: %w", err)
	}
	if err = os.Rename(part.Name(), string(f)); err != nil {
		return fmt.Errorf("--addr-file: %w", err)
	}
	return nil
}

// remove takes the file away again.
func (f addrFile) remove() error {
	if f == "" {
		return nil
	}
	if err := os.Remove(string(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--addr-file: %w", err)
	}
	return nil
}
