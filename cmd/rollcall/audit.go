package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
)

// auditQuery is what the flags of audit say.
type auditQuery struct {
	remote
	span       span
	user       string
	types      []string
	after      string
	heartbeats bool
	follow     bool
}

func newAuditCommand(p *program) *cobra.Command {
	var q auditQuery
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Print the events of the log, and go on with what comes",
		Long: `Prints the events of the log, oldest first: who did what, when, and what it changed. Events that cannot be decoded are
shown as what they are. Heartbeats are left out unless --heartbeats asks for them; they are there for as long
as --hot-retention of the node says, at least. With --follow it goes on until Ctrl-C. The token must be an admin's.`,
		Example: `  rollcall audit --since 2h
  rollcall audit --user alice --type login,logout
  rollcall audit --follow --after-seq 1234 -o ndjson
  rollcall audit --type override -o csv > overrides.csv`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return q.print(cmd.Context(), p) },
	}
	flags := cmd.Flags()
	flags.StringVar(&q.user, "user", "", "only events of this user")
	flags.StringSliceVar(&q.types, "type", nil, "only events of these types, separated by commas or repeated")
	completeWith(cmd, "type", eventTypes...)
	flags.StringVar(&q.after, "after-seq", "", "only events after this place in the log, as 1234 or 1234.17")
	flags.BoolVar(&q.heartbeats, "heartbeats", false, "heartbeats too, one by one")
	flags.BoolVarP(&q.follow, "follow", "f", false, "go on with what comes, until Ctrl-C")
	q.span.declare(cmd, "")
	q.declare(cmd)
	return cmd
}

func (q *auditQuery) print(ctx context.Context, p *program) error {
	from, to, err := q.span.bounds(time.Now())
	switch {
	case err != nil:
		return err
	case q.follow && !to.IsZero():
		return usagef("--follow has no end: leave out --until")
	case q.follow && q.format == "json":
		return usagef("--follow has no end and a JSON array needs one: write -o ndjson")
	}
	c, err := q.client()
	if err != nil {
		return err
	}
	asked := client.AuditQuery{User: q.user, Types: q.types, From: from, To: to, After: q.after, Heartbeats: q.heartbeats, Follow: q.follow}
	found := q.events(c.Events(ctx, asked))
	if !q.follow {
		return q.explain(printAll(p, q.output, eventColumns, found))
	}
	err = printLive(p, q.output, eventColumns, eventWidths, found)
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // Ctrl-C is how it ends
	case err == nil:
		return fmt.Errorf("%s goes on no longer: the token has expired, or the node stops; go on with --after-seq %s", q.server, q.after)
	}
	return q.explain(err)
}

// events keeps in q.after where they are.
func (q *auditQuery) events(found iter.Seq2[client.Event, error]) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		for e, err := range found {
			q.after = e.Place()
			if !yield(event{e}, err) {
				return
			}
		}
	}
}

// printLive is printAll for what has no end: each item is written as it comes. In a table the columns are as wide as
// widths say, and what is longer pushes the rest aside.
func printLive[T any](p *program, o output, columns []column[T], widths []int, items iter.Seq2[T, error]) error {
	switch o.format {
	case "ndjson":
		return writeLines(p.stdout, items)
	case "csv":
		return writeRows(p.stdout, columns, items)
	}
	return writeTicker(p, columns, widths, items)
}
