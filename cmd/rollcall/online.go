package main

import (
	"context"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
)

// maxPage is how many users are asked for at once; the contract allows no more.
const maxPage = 1000

// onlineQuery is what the flags of online say.
type onlineQuery struct {
	remote
	status string
	limit  int
	live   bool      // go on with what changes
	then   time.Time // as it was then; zero: now
}

func newOnlineCommand(p *program) *cobra.Command {
	q := onlineQuery{remote: remote{reads: true}}
	cmd := &cobra.Command{
		Use:   "online",
		Short: "List who is online, or in another status",
		Long: `Lists the users with a status, online where none is given, in the order of their ids, however many they are. The token
must be one of a reader, a service or an admin.`,
		Example: `  rollcall online
  rollcall online --status busy
  rollcall online --status all -o csv > everybody.csv
  rollcall online --limit 20
  rollcall online --watch`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.live {
				return q.watch(cmd.Context(), p)
			}
			return q.print(cmd.Context(), p)
		},
	}
	q.flags(cmd)
	cmd.Flags().BoolVarP(&q.live, "watch", "w", false, "go on with what changes, until Ctrl-C: a list on a terminal, else a line a change")
	return cmd
}

func (q *onlineQuery) flags(cmd *cobra.Command) {
	q.declare(cmd)
	declareChoice(cmd, &q.status, "status", "", "status to list", append(statusWords(), "all")...)
	cmd.Flags().IntVar(&q.limit, "limit", 0, "most users to list; 0 is all")
}

func (q *onlineQuery) print(ctx context.Context, p *program) error {
	if q.limit < 0 {
		return usagef("--limit %d cannot be: give how many users to list, or 0 for all", q.limit)
	}
	c, err := q.client()
	if err != nil {
		return err
	}
	t := &tally{complete: true}
	columns := presenceColumns
	if !q.then.IsZero() {
		columns = thenColumns
	}
	if err := printAll(p, q.output, columns, q.users(ctx, c, t)); err != nil {
		return q.explain(err)
	}
	if t.listed < t.total {
		p.say("%d of %d users", t.listed, t.total)
	}
	p.sayIncomplete(t.complete)
	return nil
}

// tally counts what was listed.
type tally struct {
	listed, total int
	complete      bool
}

// users yields those asked for, page after page.
func (q *onlineQuery) users(ctx context.Context, c *client.Client, t *tally) iter.Seq2[client.Presence, error] {
	list := client.List{Status: client.Status(q.status), Limit: maxPage}
	if q.status == "all" {
		list.Status = ""
	}
	if q.limit > 0 {
		list.Limit = min(q.limit, maxPage)
	}
	return func(yield func(client.Presence, error) bool) {
		for page, err := range q.pages(ctx, c, list, t) {
			if err != nil {
				yield(client.Presence{}, err)
				return
			}
			t.total = page.Total
			for _, user := range page.Users {
				t.listed++
				if !yield(user, nil) || t.listed == q.limit {
					return
				}
			}
		}
	}
}

// pages yields them as they are, or as they were then.
func (q *onlineQuery) pages(ctx context.Context, c *client.Client, list client.List, t *tally) iter.Seq2[client.Page, error] {
	if q.then.IsZero() {
		return c.Pages(ctx, list)
	}
	return func(yield func(client.Page, error) bool) {
		for more := true; more; more = list.Cursor != "" {
			page, err := c.UsersAt(ctx, q.then, list)
			t.complete = page.Complete
			if !yield(page.Page, err) || err != nil {
				return
			}
			list.Cursor = page.Next
		}
	}
}
