package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/minio/highwayhash"
)

// syncStreamFiles puts on disk which streams the server's store at dir has.
// Under an fsync interval the server leaves the files that say so to the kernel,
// and a power cut in the first half minute would take whole streams with it. It
// does nothing on Windows, where a directory cannot be fsynced.
func syncStreamFiles(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && (e.IsDir() || strings.HasPrefix(e.Name(), "meta.")) {
			err = syncFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the server has removed it meanwhile
		}
		return err
	})
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// mendStreamFiles makes up for an update of a stream's settings that was cut
// off. The server at dir writes them to meta.inf and then their checksum to
// meta.sum; after a kill in between it would leave the whole stream out. Settings
// that cannot be read are left as they are.
func mendStreamFiles(dir string, log *slog.Logger) error {
	found, err := fs.Glob(os.DirFS(dir), "jetstream/*/streams/*/meta.inf")
	if err != nil {
		return err
	}
	for _, name := range found {
		path := filepath.Join(dir, filepath.FromSlash(name))
		stream := filepath.Base(filepath.Dir(path))
		settings, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var s struct{ Name string }
		if json.Unmarshal(settings, &s) != nil || s.Name != stream {
			continue
		}
		key := sha256.Sum256([]byte(stream))
		h, err := highwayhash.New64(key[:])
		if err != nil {
			return err
		}
		h.Write(settings)
		sum := hex.EncodeToString(h.Sum(nil))
		path = filepath.Join(filepath.Dir(path), "meta.sum")
		if have, err := os.ReadFile(path); err == nil && string(have) == sum {
			continue
		}
		log.Warn("an update of a stream's settings was cut off before its end and is completed", "stream", stream)
		if err := os.WriteFile(path, []byte(sum), 0o600); err != nil {
			return err
		}
	}
	return nil
}
