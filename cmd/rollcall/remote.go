package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

const defaultServer = "http://" + defaultAddr

// remote is the node that a command talks to, and how it prints what that says.
type remote struct {
	server, token string
	output
}

func (r *remote) declare(cmd *cobra.Command) {
	r.declareServer(cmd.Flags())
	r.output.declare(cmd)
}

func (r *remote) declareServer(flags *pflag.FlagSet) {
	flags.StringVar(&r.server, "server", defaultServer, "URL of the node")
	flags.StringVar(&r.token, "token", "", "token to ask with; better set ROLLCALL_TOKEN or ROLLCALL_TOKEN_FILE")
	settings.Secret(flags, "token")
}

// client connects to nothing yet.
func (r *remote) client() (*client.Client, error) {
	c, err := client.New(client.Config{Server: r.server, Token: r.token, UserAgent: "rollcall/" + buildVersion().Version})
	if err != nil {
		return nil, usagef("--server: %w", err)
	}
	return c, nil
}

// explain makes a sentence of why a call to the node failed, and of what to do.
func (r *remote) explain(err error) error {
	var problem *client.Problem
	var op *net.OpError
	var failed *url.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &problem):
		return r.explainProblem(problem)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted before %s answered", r.server)
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("no node answers at %s (%w): start one with `rollcall serve`, or give its URL with --server", r.server, op.Err)
	case errors.As(err, &failed):
		return fmt.Errorf("asking %s: %w", r.server, failed.Err)
	}
	return fmt.Errorf("asking %s: %w", r.server, err)
}

func (r *remote) explainProblem(p *client.Problem) error {
	switch p.Code {
	case client.CodeMissingToken:
		return usagef("%s wants a token: give one with --token or ROLLCALL_TOKEN (`rollcall token mint` makes one)", r.server)
	case client.CodeExpiredToken:
		return errors.New("the token has expired: get a new one")
	case client.CodeInvalidToken:
		return fmt.Errorf("%s refuses the token: `rollcall token inspect` tells why", r.server)
	case client.CodeNotAllowed:
		return fmt.Errorf("the token may not do that: %w", p)
	}
	return p
}
