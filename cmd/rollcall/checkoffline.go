package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
)

func newCheckOfflineCommand(p *program) *cobra.Command {
	var r remote
	var emit bool
	cmd := &cobra.Command{
		Use:   "check-offline",
		Short: "List the sessions that are overdue, or write down that they ended",
		Long: `Lists the sessions whose timeout has passed without an offline event. On a node that writes timeouts down itself there
are none, but for a moment. With --emit the node writes them down now: run that from cron, every minute say, against a
node that was started with --timeout-consumer=false. The token must be an admin's.`,
		Example: `  rollcall check-offline
  * * * * *  ROLLCALL_TOKEN_FILE=/etc/rollcall/admin.token rollcall check-offline --emit`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return r.checkOffline(cmd.Context(), p, emit) },
	}
	cmd.Flags().BoolVar(&emit, "emit", false, "write down that these sessions ended, and print how many")
	r.declare(cmd)
	return cmd
}

func (r *remote) checkOffline(ctx context.Context, p *program, emit bool) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	if emit {
		n, err := c.EmitOverdue(ctx)
		if err != nil {
			return r.explain(err)
		}
		return printOne(p, r.output, emittedColumns, emitted{n})
	}
	overdue, err := c.Overdue(ctx)
	if err != nil {
		return r.explain(err)
	}
	return printAll(p, r.output, overdueColumns, all(overdue))
}

type emitted struct {
	Emitted int `json:"emitted"`
}

var emittedColumns = []column[emitted]{
	{"emitted", func(e emitted) string { return strconv.Itoa(e.Emitted) }},
}

var overdueColumns = []column[client.Overdue]{
	{"user", func(o client.Overdue) string { return o.User }},
	{"session", func(o client.Overdue) string { return o.Session }},
	{"last_seen", func(o client.Overdue) string { return moment(o.LastSeen) }},
	{"due_since", func(o client.Overdue) string { return moment(o.DueSince) }},
}
