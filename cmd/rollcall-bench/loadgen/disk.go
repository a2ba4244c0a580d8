package loadgen

import (
	"io/fs"
	"path/filepath"
)

// logBytes is the size of the log's messages of the node with that data
// directory: of the block files of all streams.
func logBytes(dir string) int64 {
	return diskBytes(dir, func(name string) bool { return filepath.Ext(name) == ".blk" })
}

// diskBytes is the size of the files below dir whose names count. A file that is
// removed meanwhile is left out.
func diskBytes(dir string, counts func(name string) bool) (total int64) {
	add := func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && counts(e.Name()) {
			if info, err := e.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	}
	_ = filepath.WalkDir(dir, add) // it fails only where add does
	return total
}
