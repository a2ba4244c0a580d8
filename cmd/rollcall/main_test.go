package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be rollcall itself, for the tests that need a process of its own: it is when its first
// argument is a command.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		main()
	}
	goleak.VerifyTestMain(m)
}

const testSecret = "0123456789abcdef0123456789abcdef"

// said is what a run of the program left behind.
type said struct {
	code           int
	stdout, stderr string
}

// call is one run of the program.
type call struct {
	env   []string
	stdin string
}

func (c call) rollcall(t *testing.T, args ...string) said {
	t.Helper()
	return c.within(t.Context(), args...)
}

func (c call) within(ctx context.Context, args ...string) said {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, strings.NewReader(c.stdin), &stdout, &stderr, c.env)
	return said{code, stdout.String(), stderr.String()}
}

// rollcall runs the program with nothing in its environment.
func rollcall(t *testing.T, args ...string) said {
	t.Helper()
	return call{}.rollcall(t, args...)
}

// wants fails the test unless the run ended with code and put the texts on standard error.
func (s said) wants(t *testing.T, code int, texts ...string) said {
	t.Helper()
	if s.code != code {
		t.Errorf("exit code %d, want %d; it said %q", s.code, code, s.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(s.stderr, text) {
			t.Errorf("it said %q, want %q in it", s.stderr, text)
		}
	}
	return s
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// growing is what a running program has written so far.
type growing struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (g *growing) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(p)
}

func (g *growing) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}
