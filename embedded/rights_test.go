//go:build linux

package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rollcall-dev/rollcall/embedded"
)

// withoutPrivileges runs fn on a thread to which rights of files mean something
// even if it is root's. The thread ends with it.
func withoutPrivileges(t *testing.T, fn func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for ever: nobody else may get this thread
		h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var caps [2]unix.CapUserData
		if err := unix.Capget(&h, &caps[0]); err != nil {
			done <- err
			return
		}
		for _, c := range []uint{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH} {
			caps[0].Permitted &^= 1 << c
			caps[0].Effective &^= 1 << c
		}
		if err := unix.Capset(&h, &caps[0]); err != nil {
			done <- err
			return
		}
		done <- fn()
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("it hangs")
		return nil
	}
}

// TestAStoreWithoutRightsIsSaid takes the rights to one thing after the other
// away from a store with events in it.
func TestAStoreWithoutRightsIsSaid(t *testing.T) {
	dir := t.TempDir()
	n := run(t, embedded.Config{DataDir: dir})
	n.online(token(t, claimsOf("alice")))
	n.stop()
	streams := filepath.Join(dir, "nats", "jetstream", "$G", "streams")
	for _, path := range []string{filepath.Join(dir, "nats"), filepath.Join(streams, "PRESENCE"), filepath.Join(streams, "PRESENCE", "meta.inf"),
		filepath.Join(dir, "views", "current.db")} {
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		node, err := embedded.New(embedded.Config{DataDir: dir, JWTSecret: secret, Addr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		err = withoutPrivileges(t, func() error { return node.Run(t.Context()) })
		if !errors.Is(err, embedded.ErrRights) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "give the directory to the user") {
			t.Errorf("%s: %v", path, err)
		}
		if err := os.Chmod(path, before.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAStoreThatCannotBeIsSaidAtOnce holds that the node does not wait for a
// server that has said in its log why it will never be ready.
func TestAStoreThatCannotBeIsSaidAtOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nats"), []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stop := begin(t, embedded.Config{DataDir: dir})
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	select {
	case err := <-ended:
		if err == nil || strings.Contains(err.Error(), "in time") {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for the server")
	}
}
