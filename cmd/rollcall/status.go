package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
)

func newStatusCommand(p *program) *cobra.Command {
	r := remote{reads: true}
	cmd := &cobra.Command{
		Use:   "status USER",
		Short: "Show the present status of a user",
		Long: `Shows the status of a user, and since when. With the token of the user itself, a service or an admin the sessions and
the override are shown too. Exits with 1 for a user whom the log has never named: unknown is not offline.`,
		Example: `  rollcall status alice
  rollcall status alice -o json | jq -r .status`,
		Args: takes("USER"),
		RunE: func(cmd *cobra.Command, args []string) error { return r.status(cmd, p, args[0]) },
	}
	r.declare(cmd)
	return cmd
}

func (r *remote) status(cmd *cobra.Command, p *program, user string) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	presence, err := c.Status(cmd.Context(), user, 0)
	if client.HasCode(err, client.CodeUnknownUser) {
		return fmt.Errorf("the log has never named %q: check how it is written", user)
	}
	if err != nil {
		return r.explain(err)
	}
	return printOne(p, r.output, presenceColumns, presence)
}
