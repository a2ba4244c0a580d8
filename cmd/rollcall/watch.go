package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
)

// watchQuery is what the flags of watch say.
type watchQuery struct {
	remote
	users idList
}

func newWatchCommand(p *program) *cobra.Command {
	q := watchQuery{remote: remote{reads: true}}
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print every change of status as it happens",
		Long: `Prints a line for each user who comes, goes, turns away or busy, until Ctrl-C. It connects again by itself, and misses
nothing meanwhile that the node still has. The token must be one of a reader, a service or an admin; users may watch
themselves.`,
		Example: `  rollcall watch
  rollcall watch --user alice,bob
  rollcall watch --user uid=jane,ou=people --user uid=john,ou=people
  rollcall watch -o ndjson | jq -r 'select(.cause == "timeout").user'`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("user") && !nameable(q.users.ids()) {
				return usagef("--user has an empty id in it: leave it out to watch everybody")
			}
			return q.watch(cmd.Context(), p)
		},
	}
	cmd.Flags().Var(&q.users, "user", "only these users, separated by commas; repeated, each is one id, commas and all")
	q.declareServer(cmd.Flags())
	declareChoice(cmd, &q.format, "output", "o", "form of what is printed", "table", "ndjson")
	return cmd
}

// nameable says whether users are some who can be watched by name.
func nameable(users []string) bool {
	return len(users) > 0 && !slices.Contains(users, "")
}

func (q *watchQuery) watch(ctx context.Context, p *program) error {
	return q.follow(ctx, q.users.ids(), p.sayTrouble, func(u client.Update) error { return printUpdate(p, q.format, u) })
}

// sayTrouble is what follow tells where there is no screen to show it on.
func (p *program) sayTrouble(trouble string) {
	if trouble == "" {
		trouble = "watching again"
	}
	p.say("%s", trouble)
}

// follow calls show with what comes until ctx ends, which is no error. A node that does not answer at all is one. tell
// is called when the stream breaks off, and with "" when it goes on.
func (r *remote) follow(ctx context.Context, users []string, tell func(trouble string), show func(client.Update) error) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun, broken := false, false
	lost := func(err error, wait time.Duration) {
		if !begun {
			cancel(err)
			return
		}
		broken = true
		tell(fmt.Sprintf("the stream broke off (%v): trying again in %s", err, brief(wait.Round(100*time.Millisecond))))
	}
	connected := func() {
		if broken {
			broken = false
			tell("")
		}
	}
	for u, err := range c.Watch(ctx, client.WatchOptions{Users: users, Connected: connected, Lost: lost}) {
		begun = true
		if err != nil {
			return r.explain(err)
		}
		if err := show(u); err != nil {
			return err
		}
	}
	if err := context.Cause(ctx); !begun && err != nil && ctx.Err() != err { //nolint:errorlint // the very one: nobody gave a cause
		return r.explain(err)
	}
	return nil
}

// printUpdate writes a change in words, or as JSON. A snapshot is not a change: it is counted on standard error.
func printUpdate(p *program, format string, u client.Update) error {
	switch u := u.(type) {
	case client.Snapshot:
		p.say("watching; %s", counted(len(u.Users), "user is", "users are")+" known to the stream so far")
	case client.Reset:
		p.say("changes were missed that the node does not have any more")
	case client.Change:
		if format == "ndjson" {
			return json.NewEncoder(p.stdout).Encode(u)
		}
		_, err := fmt.Fprintln(p.stdout, sentence(u, p.colored()))
		return err
	}
	return nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// sentence is a change in words, with the local time of day.
func sentence(c client.Change, colored bool) string {
	status := fmt.Sprintf("%-7s", c.Status)
	if colored {
		status = "\x1b[" + colors[string(c.Status)] + "m" + status + "\x1b[0m"
	}
	words := doing(c)
	if c.Actor != "" && c.Actor != c.User && (c.Cause == "override" || c.Cause == "override_cleared") {
		words += ", by " + printable(c.Actor)
	}
	return fmt.Sprintf("%s  %s  %s %s", c.Since.Local().Format(time.TimeOnly), status, printable(c.User), words)
}

// doing says what happened to a user.
func doing(c client.Change) string {
	switch c.Cause {
	case "login":
		return "logged in"
	case "logout":
		return "logged out"
	case "timeout":
		return "has not been heard of since " + c.LastSeen.Local().Format(time.TimeOnly)
	case "left":
		return "closed the page"
	case "idle":
		return "does nothing any more"
	case "override":
		return "was set to " + string(c.Status)
	case "override_cleared":
		return "is no longer overridden"
	case "override_expired":
		return "is no longer overridden: its time was up"
	case "erased":
		return "was erased"
	case "heartbeat":
		if c.From == client.StatusAway {
			return "is back at it"
		}
		if c.Status == client.StatusAway {
			return "is there, and does nothing"
		}
		return "is there"
	}
	return "is " + string(c.Status)
}
