package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCommandsAreShownAsTheyCanBeTyped(t *testing.T) {
	installed := writeFile(t, "rollcall", "")
	link := filepath.Join(t.TempDir(), "rollcall")
	if err := os.Symlink(installed, link); err != nil {
		t.Fatal(err)
	}
	other := writeFile(t, "rollcall", "")
	for name, test := range map[string]struct {
		exe, found string
		sources    bool
		want       string
	}{
		"installed":              {installed, installed, false, "rollcall"},
		"installed by a link":    {installed, link, true, "rollcall"},
		"run by go":              {"/var/go-build1/b001/exe/rollcall", "", true, "go run ./cmd/rollcall"},
		"run by go, another too": {"/var/go-build1/b001/exe/rollcall", other, true, "go run ./cmd/rollcall"},
		"run by go elsewhere":    {"/var/go-build1/b001/exe/rollcall", "", false, "/var/go-build1/b001/exe/rollcall"},
		"built":                  {installed, "", true, installed},
		"built, another found":   {installed, other, false, installed},
		"a path to be quoted":    {"/my files/rollcall", "", false, "rollcall"},
	} {
		if got := invocationOf(test.exe, test.found, test.sources); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
