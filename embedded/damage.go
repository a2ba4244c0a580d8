package embedded

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// blockSizes are the files that hold a store's messages: path → bytes.
type blockSizes map[string]int64

// measureBlocks returns the sizes of the files that hold the log and the archive
// in the server's store at dir.
func measureBlocks(dir string) (blockSizes, error) {
	sizes := blockSizes{}
	for _, stream := range []string{events.StreamHot, events.StreamArchive} {
		found, err := fs.Glob(os.DirFS(dir), "jetstream/*/streams/"+stream+"/msgs/*.blk")
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			path := filepath.Join(dir, filepath.FromSlash(name))
			info, err := os.Stat(path)
			if err != nil {
				return nil, err
			}
			sizes[path] = info.Size()
		}
	}
	return sizes, nil
}

// tellCut says what a server that has started has cut off: it drops, without a
// word, what comes after the first thing in a file that it cannot read.
func (was blockSizes) tellCut(log *slog.Logger) error {
	for path, size := range was {
		info, err := os.Stat(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		left := int64(0)
		if err == nil {
			left = info.Size()
		}
		if left < size {
			log.Error("a file of the log could not be read to its end and was cut: after a power failure that is what was being written then, "+
				"else acknowledged events are lost: check the disk, and compare with rollcall verify", "file", path, "bytes", size, "left", left)
		}
	}
	return nil
}

// checkWhole refuses a log whose end cannot be read, and tells of one with holes.
func (n *Node) checkWhole(ctx context.Context, j *journal.Journal) error {
	if err := j.CheckEnd(ctx); err != nil {
		return err
	}
	err := j.CheckHoles(ctx)
	if errors.Is(err, journal.ErrHoles) {
		n.cfg.Logger.Error("the log is damaged", "error", err)
		return nil
	}
	return err
}
