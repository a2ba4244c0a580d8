package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// invocation is what to type for this program: its name where the shell finds it under that, `go run` where that is how
// it runs, else its path.
func invocation() string {
	exe, err := os.Executable()
	if err != nil {
		return "rollcall"
	}
	found, _ := exec.LookPath("rollcall") // "" where there is none
	_, err = os.Stat(filepath.Join("cmd", "rollcall", "main.go"))
	return invocationOf(exe, found, err == nil)
}

// invocationOf decides by the path of the program, that of the one the shell finds, and whether our sources are here.
func invocationOf(exe, found string, sources bool) string {
	switch {
	case found != "" && sameFile(exe, found):
		return "rollcall"
	case sources && strings.Contains(exe, "go-build"): // go run builds in a place of this name, and may keep it in one
		return "go run ./cmd/rollcall"
	case strings.ContainsAny(exe, " '\"\\$`"):
		return "rollcall" // nothing that can be copied as it is
	}
	return exe
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
