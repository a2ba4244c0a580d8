package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

func newTokenCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make tokens, or tell why one is refused",
		Long:  "Makes and explains tokens on this machine; no node is asked.",
		Example: `  rollcall token mint --secret "$SECRET" --sub alice
  rollcall token inspect --secret "$SECRET" "$TOKEN"`,
	}
	cmd.AddCommand(newTokenMintCommand(p), newTokenInspectCommand(p))
	return cmd
}

// declareSecret adds the short name that the secret has here, besides the one it has for serve.
func declareSecret(flags *pflag.FlagSet, secret *string) {
	flags.StringVar(secret, "secret", "", "HS256 secret, at least 32 bytes; else that of --jwt-secret")
	settings.Secret(flags, "secret")
}

// chooseSecret picks the secret whose origin is stronger, the short name's where both are equal, and checks it under the
// name that it was given by.
func (p *program) chooseSecret(secret, jwtSecret string) (chosen string, err error) {
	for _, kind := range []settings.Origin{settings.FromFlag, settings.FromEnv, settings.FromFile} {
		if p.origins.Of("secret") == kind {
			return secret, auth.CheckSecret("--secret", []byte(secret))
		}
		if p.origins.Of("jwt-secret") == kind {
			return jwtSecret, auth.CheckSecret("--jwt-secret", []byte(jwtSecret))
		}
	}
	return "", nil
}
