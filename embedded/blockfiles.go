package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// blockFiles puts the messages of a stream on disk. Under an fsync interval the
// server has written them when it acknowledges them, and fsyncs them later; what
// is made of them, a view or a copy, must not outlive them in a power cut.
// It does nothing on Windows, where a directory cannot be fsynced.
type blockFiles struct {
	store  string // the server's
	stream string

	mu     sync.Mutex
	synced map[string]stamp // path → as it was when it was last fsynced
}

// stamp is by what one knows that a file has been written to.
type stamp struct {
	size    int64
	changed time.Time
}

// durable returns what makes the log durable, nil where an acknowledgement says
// that it is, or where the log is not on this machine.
func (c Config) durable() func() error {
	if c.external() || c.Sync == syncAlways {
		return nil
	}
	return (&blockFiles{store: c.storeDir(), stream: events.StreamHot}).sync
}

// archiveDurable returns what makes the archive durable, nil where it is not on
// this machine. The server writes it a few milliseconds after it acknowledges it,
// so what was archived when the log was trimmed last is surely in its files.
func (c Config) archiveDurable() func() error {
	if c.external() {
		return nil
	}
	return (&blockFiles{store: c.storeDir(), stream: events.StreamArchive}).sync
}

// sync returns when everything is on disk that was in the files when it was called.
func (h *blockFiles) sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	dirs, err := fs.Glob(os.DirFS(h.store), "jetstream/*/streams/"+h.stream+"/msgs")
	if err != nil {
		return err
	}
	if len(dirs) == 0 {
		return fmt.Errorf("the files of the stream %s are not where they are looked for, in %s", h.stream, h.store)
	}
	synced := make(map[string]stamp, len(h.synced))
	for _, dir := range dirs {
		if err := h.syncDir(filepath.Join(h.store, filepath.FromSlash(dir)), synced); err != nil {
			return err
		}
	}
	h.synced = synced
	return nil
}

// syncDir fsyncs what has changed in dir, and notes in synced what is there.
func (h *blockFiles) syncDir(dir string, synced map[string]stamp) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	added := false
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".blk") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err == nil {
			s := stamp{info.Size(), info.ModTime()}
			was, known := h.synced[path]
			if !known || was != s {
				err = syncFile(path)
			}
			added = added || !known
			synced[path] = s
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // the server may have removed it meanwhile
			return err
		}
	}
	if added {
		return syncFile(dir)
	}
	return nil
}
