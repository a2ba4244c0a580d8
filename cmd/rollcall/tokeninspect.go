package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/auth"
)

const (
	jwksWait  = 10 * time.Second      // so long the keys of a JWKS URL may take to come
	jwksPoll  = 10 * time.Millisecond // how often it is looked whether they have
	maxPasted = 64 << 10              // bytes read from standard input; far more than any token
)

// inspection is what the flags of token inspect say.
type inspection struct {
	output
	config     serveConfig // its token flags only
	secret     string
	unverified bool
}

func newTokenInspectCommand(p *program) *cobra.Command {
	var i inspection
	cmd := &cobra.Command{
		Use:   "inspect [TOKEN]",
		Short: "Print what a token says, and why it would be refused",
		Long: `Prints the header and the claims of a token and every reason for which a node with these flags would refuse it.
Without TOKEN it is read from standard input. Exits with 1 unless the token is proven good: give what the node has to
verify it with, or --unverified to look at what it says only.`,
		Example: `  rollcall token inspect --secret "$SECRET" "$TOKEN"
  rollcall token inspect --jwks-url https://login.example.com/keys < token.txt
  rollcall token inspect --unverified "$TOKEN" -o json | jq .claims`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return i.run(cmd.Context(), p, args) },
	}
	cmd.Flags().SortFlags = false
	declareSecret(cmd.Flags(), &i.secret)
	i.config.declareTokens(cmd.Flags())
	cmd.Flags().BoolVar(&i.unverified, "unverified", false, "do not ask for the signature to be proven")
	i.declare(cmd)
	return cmd
}

func (i *inspection) run(ctx context.Context, p *program, args []string) error {
	token, err := readToken(p, args)
	if err != nil {
		return err
	}
	if i.config.jwtSecret, err = p.chooseSecret(i.secret, i.config.jwtSecret); err != nil {
		return wrongConfig{err}
	}
	found, err := i.explain(ctx, token)
	if err != nil {
		return err
	}
	if err := i.show(p, found); err != nil {
		return err
	}
	switch {
	case len(found.Refusals) > 0:
		return fmt.Errorf("the token would be refused: %s", strings.Join(found.Refusals, "; "))
	case !found.Explanation.Accepted() && !i.unverified:
		return errors.New("the signature was not checked: give --secret, --jwt-key-file or --jwks-url, or --unverified to do without")
	}
	return nil
}

// readToken takes the argument, else standard input; what is around a token when it is pasted goes.
func readToken(p *program, args []string) (string, error) {
	var token string
	if len(args) == 1 && args[0] != "-" {
		token = args[0]
	} else if text, err := io.ReadAll(io.LimitReader(p.stdin, maxPasted)); err != nil {
		return "", fmt.Errorf("reading the token from standard input: %w", err)
	} else {
		token = string(text)
	}
	token = strings.TrimSpace(token)
	if len(token) > len("Bearer ") && strings.EqualFold(token[:len("Bearer ")], "Bearer ") {
		token = strings.TrimSpace(token[len("Bearer "):])
	}
	if token == "" {
		return "", usagef("TOKEN is missing")
	}
	return token, nil
}

// explained is what inspect prints.
type explained struct {
	auth.Explanation
	Accepted bool `json:"accepted"`
}

func (i *inspection) explain(ctx context.Context, token string) (explained, error) {
	if i.config.keyless() {
		return explained{Explanation: auth.Inspect(token, nil, time.Now())}, nil
	}
	v, err := auth.New(i.config.auth())
	if err != nil {
		return explained{}, wrongConfig{err}
	}
	ctx, cancel := context.WithTimeout(ctx, jwksWait)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	awaitKeys(ctx, v)
	e := v.Explain(token)
	cancel()
	return explained{Explanation: e, Accepted: e.Accepted()}, <-done
}

// awaitKeys waits until the keys are there or ctx ends; a token can be explained without them.
func awaitKeys(ctx context.Context, v *auth.Verifier) {
	tick := time.NewTicker(jwksPoll)
	defer tick.Stop()
	for v.Ready() != nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (i *inspection) show(p *program, e explained) error {
	if i.format == "json" || i.format == "ndjson" {
		return printOne(p, i.output, nil, e)
	}
	return printAll(p, i.output, factColumns, all(e.facts()))
}

// fact is a line of an explanation.
type fact struct{ name, value string }

var factColumns = []column[fact]{
	{"what", func(f fact) string { return f.name }},
	{"value", func(f fact) string { return f.value }},
}

func (e explained) facts() []fact {
	verdict := "accepted"
	switch {
	case len(e.Refusals) > 0:
		verdict = "refused"
	case !e.Accepted:
		verdict = "not checked"
	}
	facts := []fact{
		{"header", string(e.Header)},
		{"claims", string(e.Claims)},
		{"user", e.User},
		{"session", e.Session},
		{"roles", e.Roles},
		{"expires", moment(e.Expires)},
		{"signature", string(e.Signature)},
		{"verdict", verdict},
	}
	for _, reason := range e.Refusals {
		facts = append(facts, fact{"because", reason})
	}
	return facts
}
