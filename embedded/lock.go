package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrStoreHeld means that another process works on the data directory.
var ErrStoreHeld = errors.New("another process is working on this data directory")

// lockStore takes the data directory for this process: the NATS server does not
// notice a second one. The lock ends with the process, however it ends.
func lockStore(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	path := filepath.Join(dir, "LOCK")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	held, err := flock(f)
	if err != nil || held {
		_ = f.Close()
		if held {
			return nil, fmt.Errorf("%w: %s: stop it, or give this one a data directory of its own", ErrStoreHeld, dir)
		}
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	return f.Close, nil
}
