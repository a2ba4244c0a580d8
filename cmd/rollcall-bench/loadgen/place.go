package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Place says what a bench works with; every bench has one.
type Place struct {
	// Rollcall is the program that is measured: "serve" of it is a node.
	Rollcall string
	// Self is this program, for the processes that it needs beside itself:
	// the handler that answers 204, a NATS server, readers.
	Self string
	// Dir is where the directory of a run is made, which is removed after it;
	// the system's directory for temporary files where empty.
	Dir string
	// Serve are further flags of every node that is started, after those that
	// the bench gives.
	Serve []string
	// Stderr gets a line for each step and what the servers say; nothing is
	// written where nil.
	Stderr io.Writer
}

// within calls run with a launcher whose files are in a directory that is there
// only meanwhile. The context that run gets ends when one of the launcher's
// processes ends by itself.
func (p Place) within(ctx context.Context, run func(ctx context.Context, l launcher) error) error {
	if p.Stderr == nil {
		p.Stderr = io.Discard
	}
	dir, err := os.MkdirTemp(p.Dir, "rollcall-bench-")
	if err != nil {
		return fmt.Errorf("making a directory for the run: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err = run(ctx, launcher{
		rollcall: p.Rollcall, self: p.Self, serve: p.Serve, dir: dir, stderr: &said{w: p.Stderr}, ended: cancel,
	})
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrEnded) && !errors.Is(err, ErrEnded) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// find is within for a bench that makes findings.
func (p Place) find(ctx context.Context, measure func(ctx context.Context, l launcher, f *Findings) error) (f Findings, err error) {
	err = p.within(ctx, func(ctx context.Context, l launcher) error {
		f.Circumstances = circumstances(l.dir)
		return measure(ctx, l, &f)
	})
	return f, err
}

// keepLive is the --timeout of a node whose sessions are to stay live for as
// long as a bench takes.
const keepLive = "3h"

// positive returns an ErrConfig for the first of the named values that is less
// than 1.
func positive(values ...named) error {
	for _, v := range values {
		if v.value < 1 {
			return fmt.Errorf("%w: %s must be more than zero", ErrConfig, v.name)
		}
	}
	return nil
}

type named struct {
	name  string
	value int64
}
