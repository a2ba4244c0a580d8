package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
	"github.com/rollcall-dev/rollcall/embedded"
)

// storeFlags are the flags of serve that say where the log is and how it is kept.
var storeFlags = []string{
	"data-dir", "nats-url", "nats-creds", "nats-context", "nats-tls-ca", "replicas",
	"sync", "hot-retention", "audit-retention", "log-format", "log-level",
}

// store is a log that a command opens itself, while no node works on its data directory.
type store struct{ config serveConfig }

// declare adds the flags of serve with those names and storeFlags, as serve has them; but it logs warnings only.
func (s *store) declare(cmd *cobra.Command, more ...string) {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	s.config.declare(flags)
	for _, name := range append(more, storeFlags...) {
		cmd.Flags().AddFlag(flags.Lookup(name))
	}
	s.config.logLevel = "warn"
	cmd.Flags().Lookup("log-level").DefValue = "warn"
	completeWith(cmd, "log-format", "auto", "text", "json")
	completeWith(cmd, "log-level", "debug", "info", "warn", "error")
}

// check returns everything that keeps the log from being opened with these flags, joined.
func (s *store) check() error {
	c := s.config
	err := errors.Join(c.checkNATS(), c.checkRetention(), c.checkDir())
	if err == nil {
		return nil
	}
	return wrongConfig{err}
}

// with opens the log and its views, and runs fn over them once the views have reached the log's end.
func (s *store) with(ctx context.Context, p *program, fn func(context.Context, *embedded.Deployment) error) error {
	if err := s.check(); err != nil {
		return err
	}
	log := newLogger(p.stderr, s.config.logFormat, s.config.logLevel)
	return s.explain(ctx, embedded.Offline(ctx, s.config.toEmbedded(log), fn))
}

// in is with for commands to which a log that is made only now is of no use.
func (s *store) in(ctx context.Context, p *program, fn func(context.Context, *embedded.Deployment) error) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := s.filled(); err != nil {
		return err
	}
	return s.with(ctx, p, fn)
}

// filled is an error where the log would have to be made first.
func (s *store) filled() error {
	if s.external() {
		return nil
	}
	entries, err := os.ReadDir(s.config.dataDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading --data-dir: %w", err)
	}
	return when(len(entries) == 0, "there is no data in %s: give the --data-dir of a node, or --server to ask a running one", s.config.dataDir)
}

// external says whether the log is on NATS servers of somebody's own.
func (s *store) external() bool { return s.config.natsURL != "" || s.config.natsContext != "" }

// explain adds what to do to the errors that are met most.
func (s *store) explain(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, embedded.ErrStoreHeld):
		return fmt.Errorf("%w %s: stop the node that runs on it; verify, rebuild, check-offline and doctor can ask it with --server instead",
			embedded.ErrStoreHeld, s.config.dataDir)
	case err != nil && ctx.Err() != nil:
		return errors.New("interrupted before it was done")
	}
	return err
}

// either is a deployment that a command asks a running node about, or opens itself where none runs.
type either struct {
	remote
	store store
}

// declare adds the flags of both, and those of serve that more names.
func (e *either) declare(cmd *cobra.Command, more ...string) {
	e.remote.declare(cmd)
	e.store.declare(cmd, more...)
}

// withoutServer makes opening the log what happens where no --server is set, and says so.
func (e *either) withoutServer(cmd *cobra.Command) {
	e.server = ""
	server := cmd.Flags().Lookup("server")
	server.DefValue, server.Usage = "", "URL of a running node that does the work; where empty, the log is opened here"
}

// atNode says whether a node is to be asked. What was typed counts more than what the environment and the file say;
// where nothing was typed and no node is named there, it is as byDefault says.
func (p *program) atNode(byDefault bool) (bool, error) {
	typed := ""
	for _, name := range []string{"data-dir", "nats-url", "nats-context"} {
		if p.origins.Of(name) == settings.FromFlag {
			typed = name
		}
	}
	switch server := p.origins.Of("server"); {
	case server == settings.FromFlag && typed != "":
		return false, usagef("--server asks a running node, and --%s opens a log that no node works on: give one of them", typed)
	case typed != "":
		return false, nil
	case server != settings.FromDefault:
		return true, nil
	}
	return byDefault, nil
}
