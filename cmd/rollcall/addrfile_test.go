package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAddrFileIsThereOnlyWhileANodeIs(t *testing.T) {
	dir := t.TempDir()
	f := addrFile(filepath.Join(dir, "addr"))
	for _, left := range []string{"", "127.0.0.1:1\n"} {
		if err := os.WriteFile(string(f), []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.clear(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(string(f)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q is still there: %v", left, err)
		}
	}
	if err := errors.Join(f.clear(), f.write("127.0.0.1:2")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(string(f)); err != nil || string(text) != "127.0.0.1:2\n" {
		t.Errorf("got %q, %v", text, err)
	}
	if err := errors.Join(f.remove(), f.remove()); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestAddrFileOverwritesNothingElse(t *testing.T) {
	path := writeFile(t, "notes", "buy milk\n")
	if err := addrFile(path).clear(); !errors.Is(err, errConfig) {
		t.Errorf("got %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "buy milk\n" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestNoAddrFileIsNoError(t *testing.T) {
	if err := errors.Join(addrFile("").clear(), addrFile("").write("a:1"), addrFile("").remove()); err != nil {
		t.Error(err)
	}
}

func TestAddrFileThatCannotBeWrittenIsAnError(t *testing.T) {
	if err := addrFile(filepath.Join(t.TempDir(), "no", "such", "addr")).write("a:1"); err == nil {
		t.Error("no error")
	}
}
