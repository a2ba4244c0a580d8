package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/timeouts"
)

func newCheckOfflineCommand(p *program) *cobra.Command {
	var e either
	var emit bool
	cmd := &cobra.Command{
		Use:   "check-offline",
		Short: "List the sessions that are overdue, or write down that they ended",
		Long: `Lists the sessions whose timeout has passed without an offline event. On a node that writes timeouts down itself there
are none, but for a moment. With --emit they are written down now: run that from cron, every minute say, against a
node that was started with --timeout-consumer=false. The token must be an admin's.

With --data-dir, --nats-url or --nats-context on the command line no node is asked: that log is opened here. Time in
which nothing ran is nobody's silence, so that a log which was at rest has few who are overdue.`,
		Example: `  rollcall check-offline
  * * * * *  ROLLCALL_TOKEN_FILE=/etc/rollcall/admin.token rollcall check-offline --emit
  rollcall check-offline --emit --nats-url nats://nats-1 --timeout 2m`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return e.checkOffline(cmd.Context(), p, emit) },
	}
	cmd.Flags().BoolVar(&emit, "emit", false, "write down that these sessions ended, and print how many")
	e.declare(cmd, "timeout", "leave-grace")
	return cmd
}

func (e *either) checkOffline(ctx context.Context, p *program, emit bool) error {
	node, err := p.atNode(true)
	if err != nil {
		return err
	}
	check := e.checkStore
	if node {
		check = e.checkNode
	}
	overdue, n, err := check(ctx, p, emit)
	switch {
	case err != nil:
		return err
	case emit:
		return printOne(p, e.output, emittedColumns, emitted{n})
	}
	return printAll(p, e.output, overdueColumns, all(overdue))
}

// checkNode has a node list who is overdue or, to emit, end them.
func (e *either) checkNode(ctx context.Context, _ *program, emit bool) (overdue []client.Overdue, ended int, err error) {
	c, err := e.client()
	if err != nil {
		return nil, 0, err
	}
	if emit {
		ended, err = c.EmitOverdue(ctx)
	} else {
		overdue, err = c.Overdue(ctx)
	}
	return overdue, ended, e.explain(err)
}

// checkStore does the same here.
func (e *either) checkStore(ctx context.Context, p *program, emit bool) (overdue []client.Overdue, ended int, err error) {
	err = e.store.in(ctx, p, func(ctx context.Context, d *embedded.Deployment) error {
		if emit {
			ended, err = d.EmitOverdue(ctx)
			return err
		}
		found, err := d.Overdue(ctx)
		for _, o := range found {
			overdue = append(overdue, overdueOf(o))
		}
		return err
	})
	return overdue, ended, err
}

func overdueOf(o timeouts.Overdue) client.Overdue {
	return client.Overdue{User: o.User, Session: o.Session, LastSeen: timeOf(o.LastSeen), DueSince: timeOf(o.Since)}
}

// timeOf is the zero time for none.
func timeOf(at events.Millis) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return at.Time()
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
