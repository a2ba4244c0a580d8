package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// ErrRights means that this process may not use what is in the data directory.
var ErrRights = errors.New("the data directory cannot be used by this process")

// checkRights returns an error that wraps ErrRights where something below dir
// may not be read and written. The NATS server would wait for it, or leave a
// stream out; a node that goes on without it would find its log missing.
func checkRights(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = usable(path, e.IsDir())
		}
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist): // removed meanwhile
			return nil
		case errors.Is(err, fs.ErrPermission):
			return fmt.Errorf("%w: %s: %w: give the directory to the user that the node runs as", ErrRights, path, fs.ErrPermission)
		}
		return fmt.Errorf("looking at the data directory: %w", err)
	})
}
