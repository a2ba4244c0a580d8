package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
	"github.com/rollcall-dev/rollcall/embedded"
)

// What scripts may rely on.
const (
	exitFine = 0
	exitNo   = 1 // the answer is no: a check failed, a user is unknown, a node did not answer
	exitUse  = 2 // wrong use or configuration
)

// program is one run of rollcall.
type program struct {
	env            []string // NAME=value
	stdin          io.Reader
	stdout, stderr io.Writer // data, and everything else

	known       settings.Known
	origins     settings.Origins // of the flags of the command that runs
	flags       *pflag.FlagSet   // of the command that runs
	settingsErr error            // what was wrong with them, for a command that says so itself
	ran         bool             // the command's own code was reached: no error after that is about how it was called
}

// run is the whole program but for the process around it. It returns the exit code; the end of ctx ends whatever runs.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	p := &program{env: env, stdin: stdin, stdout: stdout, stderr: stderr, known: settings.Known{}}
	root := newRootCommand(p)
	root.SetArgs(append([]string{}, args...)) // never nil, which would mean the arguments of the process
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitFine
	}
	return p.fail(cmd, err)
}

// usage is an error about how a command was called.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

func usagef(format string, args ...any) error { return usage{fmt.Errorf(format, args...)} }

// fail says what went wrong and returns the exit code for it.
func (p *program) fail(cmd *cobra.Command, err error) int {
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintf(p.stderr, "rollcall: %s\n", line)
		}
	}
	if !p.wrongUse(err) {
		return exitNo
	}
	if !configuration(err) {
		fmt.Fprintf(p.stderr, "rollcall: see `%s --help`\n", cmd.CommandPath())
	}
	return exitUse
}

func (p *program) wrongUse(err error) bool {
	return !p.ran || configuration(err) || errors.As(err, &usage{})
}

func configuration(err error) bool {
	for _, wrong := range []error{settings.ErrSettings, errConfig, embedded.ErrConfig} {
		if errors.Is(err, wrong) {
			return true
		}
	}
	return false
}

// say writes a remark that is no data.
func (p *program) say(format string, args ...any) {
	fmt.Fprintf(p.stderr, "rollcall: "+format+"\n", args...)
}
