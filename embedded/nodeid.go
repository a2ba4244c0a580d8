package embedded

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// nodeID returns what names the node of the data directory in the log's commits:
// eight characters, made once and kept there, so that a restarted node is the
// same one.
func nodeID(dir string) (string, error) {
	path := filepath.Join(dir, "NODE")
	data, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(data)); err == nil && len(id) == 8 {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the node's name: %w", err)
	}
	var b [4]byte
	rand.Read(b[:])
	id := hex.EncodeToString(b[:])
	if err := os.WriteFile(path, []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing the node's name: %w", err)
	}
	return id, nil
}
