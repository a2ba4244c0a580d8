package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

// minting is what the flags of token mint say.
type minting struct {
	secret, jwtSecret string
	claims            auth.MintClaims
}

func newTokenMintCommand(p *program) *cobra.Command {
	var m minting
	cmd := &cobra.Command{
		Use:   "mint",
		Short: "Print a new token, and nothing else",
		Long: `Prints a token signed with HS256, for scripts, tests and first steps; in production your login service makes them.
The secret can also come from ROLLCALL_SECRET or ROLLCALL_JWT_SECRET, or from the file that one of these with _FILE at
its end names.`,
		Example: `  rollcall token mint --secret "$SECRET" --sub alice
  rollcall token mint --sub alice --session web-1 --ttl 15m
  rollcall token mint --sub root --role admin
  rollcall token mint --sub shop --scope "presence:read presence:write"`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error { return m.print(p) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	declareSecret(flags, &m.secret)
	flags.StringVar(&m.claims.User, "sub", "", "user id that the token speaks for")
	flags.StringVar(&m.claims.Role, "role", "", "claim role; admin may do everything")
	flags.StringVar(&m.claims.Scope, "scope", "", "claim scope: presence:read, presence:write, presence:admin")
	flags.StringVar(&m.claims.Session, "session", "", "claim sid: session that its heartbeats are for")
	settings.Duration(flags, &m.claims.TTL, "ttl", "1h", "time until it expires")
	m.declareRest(cmd)
	completeWith(cmd, "scope", "presence:read", "presence:write", "presence:admin")
	completeWith(cmd, "role", "admin")
	return cmd
}

// declareRest adds what a node may ask of tokens, under the names it has for serve: one file can set up both.
func (m *minting) declareRest(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&m.jwtSecret, "jwt-secret", "", "the same as --secret, as serve calls it")
	settings.Secret(flags, "jwt-secret")
	flags.StringVar(&m.claims.UserClaim, "jwt-user-claim", "sub", "claim that holds the user id")
	flags.StringVar(&m.claims.Issuer, "jwt-issuer", "", "claim iss")
	flags.StringVar(&m.claims.Audience, "jwt-audience", "", "claim aud")
}

func (m *minting) print(p *program) error {
	secret, err := p.chooseSecret(m.secret, m.jwtSecret)
	switch {
	case m.claims.User == "":
		return usagef("--sub is missing: give the user id that the token is for")
	case secret == "":
		return usagef("--secret is missing: give the secret that the node was started with")
	case m.claims.TTL < time.Second:
		return usagef("--ttl %s is too short: give 1s at least", m.claims.TTL)
	case err != nil:
		return usage{err}
	}
	token, err := auth.Mint([]byte(secret), m.claims)
	if err != nil {
		return usage{err}
	}
	_, err = fmt.Fprintln(p.stdout, token)
	return err
}
