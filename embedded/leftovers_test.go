package embedded_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/embedded"
)

// leaveRebuild puts into dir what a rebuild leaves that is killed, and returns where.
func leaveRebuild(t *testing.T, dir string) string {
	t.Helper()
	left := filepath.Join(dir, "views", "rebuilding-123")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "current.db"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	return left
}

func there(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return err == nil
}

func TestRebuildRemovesWhatAKilledOneLeft(t *testing.T) {
	dir := t.TempDir()
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(context.Context, *embedded.Deployment) error { return nil }); err != nil {
		t.Fatal(err)
	}
	left := leaveRebuild(t, dir)
	if _, err := embedded.Rebuild(t.Context(), embedded.Config{DataDir: dir}, "", nil); err != nil {
		t.Fatal(err)
	}
	if there(t, left) || !there(t, filepath.Join(dir, "views", "current.db")) {
		t.Error("what was left is there still, or the views are not")
	}
}

func TestStartRemovesWhatAKilledRebuildLeft(t *testing.T) {
	dir := t.TempDir()
	nothing := func(context.Context, *embedded.Deployment) error { return nil }
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, nothing); err != nil {
		t.Fatal(err)
	}
	left := leaveRebuild(t, dir)
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, nothing); err != nil {
		t.Fatal(err)
	}
	if there(t, left) {
		t.Error("what was left is there still")
	}
}

func TestRebuildBesideARunningDeploymentRemovesNothingOfIts(t *testing.T) {
	dir := t.TempDir()
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(ctx context.Context, _ *embedded.Deployment) error {
		work := leaveRebuild(t, dir)
		if _, err := embedded.Rebuild(ctx, embedded.Config{DataDir: dir}, "", nil); err == nil || !there(t, work) {
			t.Errorf("got %v; its work is there: %t", err, there(t, work))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
