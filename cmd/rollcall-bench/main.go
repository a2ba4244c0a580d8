// Command rollcall-bench measures Rollcall on this machine: it starts nodes and what they are compared with, each a
// process of its own, loads them in turns, and says what was measured and what is wanted. Each command has a file of its
// own; package loadgen does the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

// What scripts may rely on; the same as rollcall's.
const (
	exitFine = 0
	exitNo   = 1 // something went wrong, or is not as wanted
	exitUse  = 2 // wrong use; nothing was begun
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program but for the process around it. It returns the exit code; the end of ctx ends whatever runs.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetArgs(append([]string{}, args...)) // never nil, which would mean the arguments of the process
	began := false
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitFine
	}
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintf(stderr, "rollcall-bench: %s\n", line)
		}
	}
	if !began || errors.Is(err, loadgen.ErrConfig) {
		return exitUse
	}
	return exitNo
}
