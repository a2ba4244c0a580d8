package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

const defaultServer = "http://" + defaultAddr

// remote is the node that a command talks to, and how it prints what that says.
type remote struct {
	server, token string
	reads         bool // a reader's token will do; else it takes an admin's
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
		return r.explainRights()
	}
	if p.Code == client.CodeInvalidParameter || p.Status == http.StatusUnprocessableEntity {
		return usage{notTaken(p)}
	}
	return p
}

// explainRights says which token may do what this one may not.
func (r *remote) explainRights() error {
	if r.reads {
		return errors.New("the token may not do that: take one with the scope presence:read, presence:write or presence:admin, for without it speaks for its own user only")
	}
	return errors.New("the token may not do that: take one with the scope presence:admin, or with the claim that --admin-claim of the node names (role=admin where it is not set)")
}

// notTaken says which flag or argument a node did not take.
func notTaken(p *client.Problem) error {
	if len(p.Errors) == 0 {
		return p
	}
	var said []string
	for _, e := range p.Errors {
		said = append(said, fmt.Sprintf("the node takes no such %s: %s", typedAs(e.Location), e.Message))
	}
	return errors.New(strings.Join(said, "; "))
}

// typedAs is what somebody typed who sent what stands at that location of a request.
func typedAs(location string) string {
	switch location {
	case "path.user":
		return "USER"
	case "body.status":
		return "STATUS"
	case "query.users":
		return "--user"
	case "query.from":
		return "--since"
	case "query.to":
		return "--until"
	}
	_, name, _ := strings.Cut(location, ".")
	return "--" + strings.ReplaceAll(name, "_", "-")
}
