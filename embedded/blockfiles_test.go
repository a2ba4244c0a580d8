package embedded

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

// TestTheLogsFilesAreFoundWhateverTheDirectoryIsCalled: what is not found would not be put on disk.
func TestTheLogsFilesAreFoundWhateverTheDirectoryIsCalled(t *testing.T) {
	for _, name := range []string{"plain", "a[b]c", "data[1", "st*r", "wh?t"} {
		store := filepath.Join(t.TempDir(), name)
		h := &blockFiles{store: store, stream: events.StreamHot}
		if err := h.sync(); err == nil {
			t.Errorf("%s: nothing is there, and that is fine", name)
		}
		msgs := filepath.Join(store, "jetstream", "$G", "streams", events.StreamHot, "msgs")
		if err := os.MkdirAll(msgs, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"1.blk", "2.blk", "index.db"} {
			if err := os.WriteFile(filepath.Join(msgs, file), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.sync(); err != nil || len(h.synced) != 2 {
			t.Errorf("%s: %v, %d files", name, err, len(h.synced))
		}
	}
}
