package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// buildDir is where the rollcall that the tests measure is built.
var buildDir string

// TestMain lets the test binary be rollcall-bench itself, for the processes that a bench starts: it is when its first
// argument is a command.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		main()
	}
	var err error
	if buildDir, err = os.MkdirTemp("", "rollcall-bench-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(buildDir)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// buildRollcall builds the program that is measured, once.
var buildRollcall = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "rollcall")
	if out, err := exec.Command("go", "build", "-o", path, "../rollcall").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building rollcall: %w: %s", err, out)
	}
	return path, nil
})

// said is what a run of the program left behind.
type said struct {
	code           int
	stdout, stderr string
}

// bench runs the program.
func bench(t *testing.T, args ...string) said {
	t.Helper()
	path, err := buildRollcall()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if len(args) > 0 {
		args = slices.Insert(slices.Clone(args), 1, "--rollcall", path, "--dir", t.TempDir()) // what the test says comes last and counts
	}
	code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	return said{code, stdout.String(), stderr.String()}
}

// wants fails the test unless the run ended with code.
func (s said) wants(t *testing.T, code int) said {
	t.Helper()
	if s.code != code {
		t.Fatalf("exit code %d, want %d; it said %s", s.code, code, s.stderr)
	}
	return s
}
