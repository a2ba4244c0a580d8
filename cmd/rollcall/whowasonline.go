package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
)

// momentQuery is what the flags of who-was-online say.
type momentQuery struct {
	onlineQuery
	at string
}

func newWhoWasOnlineCommand(p *program) *cobra.Command {
	var q momentQuery
	cmd := &cobra.Command{
		Use:   "who-was-online --at TIME",
		Short: "List who was online at a moment of the past, or in another status",
		Long: `Lists the users who had a status at a moment, online where none is given, in the order of their ids. The token must be
an admin's. Where the log does not reach back far enough to tell, a note on standard error says so.`,
		Example: `  rollcall who-was-online --at 2h
  rollcall who-was-online --at 2026-11-23T09:00:00Z -o csv
  rollcall who-was-online --at 24h --status all`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return q.print(cmd.Context(), p) },
	}
	cmd.Flags().StringVar(&q.at, "at", "", "when, as a time like 2026-12-24T18:00:00Z, or how long ago, like 2h")
	q.flags(cmd)
	return cmd
}

func (q *momentQuery) print(ctx context.Context, p *program) error {
	if q.at == "" {
		return usagef("--at is missing: give a time like 2026-12-24T18:00:00Z, or how long ago, like 2h")
	}
	at, err := instant("--at", q.at, time.Now())
	if err != nil {
		return err
	}
	q.then = at
	return q.onlineQuery.print(ctx, p)
}

// thenColumns show what is known of a user in the past in one line.
var thenColumns = []column[client.Presence]{
	{"user", func(p client.Presence) string { return p.User }},
	{"status", func(p client.Presence) string { return string(p.Status) }},
	{"since", func(p client.Presence) string { return moment(p.Since) }},
	{"last_seen", func(p client.Presence) string { return moment(p.LastSeen) }},
}
