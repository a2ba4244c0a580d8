package embedded_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
)

// TestASettingCutOffHidesNoStream: the server writes a stream's settings, and
// then their checksum; here only the first has happened.
func TestASettingCutOffHidesNoStream(t *testing.T) {
	dir := t.TempDir()
	alice := token(t, auth.MintClaims{User: "alice"})
	n := run(t, embedded.Config{DataDir: dir})
	n.call(alice, "POST", "/v1/login", "", nil)
	n.stop()
	found, err := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "*", "streams", events.StreamHot, "meta.inf"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v %v", found, err)
	}
	settings, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(settings, []byte("Rollcall"), []byte("rollcall"), 1)
	if bytes.Equal(changed, settings) {
		t.Fatalf("no description: %s", settings)
	}
	if err := os.WriteFile(found[0], changed, 0o600); err != nil {
		t.Fatal(err)
	}
	n = run(t, embedded.Config{DataDir: dir})
	var p presence
	if code, _ := n.call(alice, "GET", "/v1/me", "", &p); code != 200 || p.Status != "online" {
		t.Errorf("%d %+v", code, p)
	}
}
