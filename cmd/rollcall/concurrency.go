package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

// concurrencyQuery is what the flags of concurrency say.
type concurrencyQuery struct {
	remote
	span span
	step time.Duration
}

func newConcurrencyCommand(p *program) *cobra.Command {
	var q concurrencyQuery
	cmd := &cobra.Command{
		Use:   "concurrency",
		Short: "Count who was online, over time",
		Long: `Prints for each step how many users were online when it began, and how many at most within it. The token must be an
admin's.`,
		Example: `  rollcall concurrency
  rollcall concurrency --since 168h --step 1h -o csv > week.csv
  rollcall concurrency -o json | jq 'max_by(.peak)'`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return q.print(cmd.Context(), p) },
	}
	q.span.declare(cmd, "24h")
	settings.Duration(cmd.Flags(), &q.step, "step", "5m", "time between two points")
	q.declare(cmd)
	return cmd
}

func (q *concurrencyQuery) print(ctx context.Context, p *program) error {
	now := time.Now()
	from, to, err := q.span.bounds(now)
	switch {
	case err != nil:
		return err
	case from.IsZero():
		return usagef("--since is empty: give how long ago, like 24h")
	case q.step < time.Second:
		return usagef("--step %s is too short: give 1s at least", q.step)
	}
	c, err := q.client()
	if err != nil {
		return err
	}
	found, err := c.Concurrency(ctx, client.Stretch{From: from, To: to, Step: q.step})
	if err != nil {
		return q.explain(err)
	}
	if err := printAll(p, q.output, pointColumns, all(found.Points)); err != nil {
		return err
	}
	p.sayIncomplete(found.Complete)
	return nil
}

var pointColumns = []column[client.Point]{
	{"at", func(p client.Point) string { return moment(p.At) }},
	{"online", func(p client.Point) string { return strconv.Itoa(p.Online) }},
	{"peak", func(p client.Point) string { return strconv.Itoa(p.Peak) }},
}
