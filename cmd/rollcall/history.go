package main

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
)

// historyQuery is what the flags of history say.
type historyQuery struct {
	remote
	span span
}

func newHistoryCommand(p *program) *cobra.Command {
	var q historyQuery
	cmd := &cobra.Command{
		Use:   "history USER",
		Short: "Show what a user has been, when, and why",
		Long: `Lists the intervals of a user's status, oldest first, with what began each and who did, and says how long the user was
online. Exits with 1 for a user whom the log has never named. The token must be an admin's.`,
		Example: `  rollcall history alice
  rollcall history alice --since 24h
  rollcall history alice --since 2026-11-23T08:00:00Z --until 2026-11-23T18:00:00Z -o csv`,
		Args: takes("USER"),
		RunE: func(cmd *cobra.Command, args []string) error { return q.print(cmd.Context(), p, args[0]) },
	}
	q.span.declare(cmd, "")
	q.declare(cmd)
	return cmd
}

func (q *historyQuery) print(ctx context.Context, p *program, user string) error {
	now := time.Now()
	from, to, err := q.span.bounds(now)
	if err != nil {
		return err
	}
	c, err := q.client()
	if err != nil {
		return err
	}
	h := &heard{now: now, drawn: q.format == "table" && terminal(p.stdout)}
	asked := client.HistoryQuery{From: from, To: to, Limit: maxPage}
	if err := printAll(p, q.output, intervalColumns(now), h.intervals(ctx, c, user, asked)); err != nil {
		return q.explainUser(user, err)
	}
	if h.drawn {
		fmt.Fprintln(p.stdout, timeline(h.drawing, from, to, now, timelineWidth, p.colored()))
	}
	p.say("online for %s", brief(h.online))
	p.sayIncomplete(h.complete)
	return nil
}

// sayIncomplete says of an answer about the past that it may lack something.
func (p *program) sayIncomplete(complete bool) {
	if !complete {
		p.say("this is not complete: the log does not reach back far enough")
	}
}

// explainUser is explain, but for a user whom the log has never named.
func (r *remote) explainUser(user string, err error) error {
	if client.HasCode(err, client.CodeUnknownUser) {
		return fmt.Errorf("the log has never named %q: check how it is written", user)
	}
	return r.explain(err)
}

// heard is what the pages of a history say besides their intervals.
type heard struct {
	now      time.Time
	online   time.Duration
	complete bool
	drawn    bool              // keep the intervals for drawing
	drawing  []client.Interval // so kept
}

// intervals yields those of all pages.
func (h *heard) intervals(ctx context.Context, c *client.Client, user string, asked client.HistoryQuery) iter.Seq2[client.Interval, error] {
	return func(yield func(client.Interval, error) bool) {
		for more := true; more; more = asked.Cursor != "" {
			page, err := c.History(ctx, user, asked)
			if err != nil {
				yield(client.Interval{}, err)
				return
			}
			if !h.page(page, yield) {
				return
			}
			asked.Cursor = page.Next
		}
	}
}

func (h *heard) page(page client.History, yield func(client.Interval, error) bool) bool {
	h.online, h.complete = time.Duration(page.OnlineSeconds)*time.Second, page.Complete
	if h.drawn {
		h.drawing = append(h.drawing, page.Intervals...)
	}
	for _, i := range page.Intervals {
		if !yield(i, nil) {
			return false
		}
	}
	return true
}

func intervalColumns(now time.Time) []column[client.Interval] {
	return []column[client.Interval]{
		{"status", func(i client.Interval) string { return string(i.Status) }},
		{"from", func(i client.Interval) string { return moment(i.From) }},
		{"to", func(i client.Interval) string { return moment(i.To) }},
		{"duration", func(i client.Interval) string { return lasted(i, now) }},
		{"cause", func(i client.Interval) string { return i.Cause }},
		{"actor", func(i client.Interval) string { return i.Actor }},
		{"seq", func(i client.Interval) string { return strconv.FormatUint(i.Seq, 10) }},
	}
}

// lasted is how long i was, to now where it goes on.
func lasted(i client.Interval, now time.Time) string {
	to := i.To
	if to.IsZero() {
		to = now
	}
	return brief(max(0, to.Sub(i.From)).Round(time.Second))
}
