package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
)

func newStatsCommand(p *program) *cobra.Command {
	r := remote{reads: true}
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count users by status",
		Long:  "Counts the users by status and the live sessions, and tells how far the node's view is behind its log.",
		Example: `  rollcall stats
  rollcall stats -o json | jq .online`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			stats, err := c.Stats(cmd.Context(), 0)
			if err != nil {
				return r.explain(err)
			}
			return printOne(p, r.output, statsColumns, stats)
		},
	}
	r.declare(cmd)
	return cmd
}

var statsColumns = []column[client.Stats]{
	{"users", func(s client.Stats) string { return strconv.Itoa(s.Users) }},
	{"online", func(s client.Stats) string { return strconv.Itoa(s.Online) }},
	{"away", func(s client.Stats) string { return strconv.Itoa(s.Away) }},
	{"busy", func(s client.Stats) string { return strconv.Itoa(s.Busy) }},
	{"offline", func(s client.Stats) string { return strconv.Itoa(s.Offline) }},
	{"sessions", func(s client.Stats) string { return strconv.Itoa(s.Sessions) }},
	{"seq", func(s client.Stats) string { return strconv.FormatUint(s.Seq, 10) }},
	{"lag_seconds", func(s client.Stats) string { return strconv.FormatFloat(s.LagSeconds, 'f', -1, 64) }},
}
