package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rollcall-dev/rollcall/api/client"
)

func newEraseCommand(p *program) *cobra.Command {
	var r remote
	var yes bool
	cmd := &cobra.Command{
		Use:   "erase USER",
		Short: "Make the log and the views forget a user, for good",
		Long: `Removes the events of a user from the log and the user from all views. There is no way back. Heartbeats, which travel in
batches with those of others, leave with the age of the hot stream. What stays is a salted hash of the id, so that no
replay brings the user back. Asks before it does so, unless --yes is given. Exits with 1 for a user whom the log has
never named. The token must be an admin's.`,
		Example: `  rollcall erase alice
  rollcall erase alice --yes -o json`,
		Args: takes("USER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.confirm(yes, fmt.Sprintf("Erase %q from the log and the views of %s, for good?", args[0], r.server)); err != nil {
				return err
			}
			return r.erase(cmd.Context(), p, args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	r.declare(cmd)
	return cmd
}

func (r *remote) erase(ctx context.Context, p *program, user string) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	done, err := c.Erase(ctx, user)
	if err != nil {
		return r.explainUser(user, err)
	}
	return printOne(p, r.output, erasedColumns, done)
}

var erasedColumns = []column[client.Erased]{
	{"user", func(e client.Erased) string { return e.User }},
	{"events_erased", func(e client.Erased) string { return strconv.Itoa(e.Events) }},
	{"seq", func(e client.Erased) string { return strconv.FormatUint(e.Seq, 10) }},
}

// confirm is nil if whoever called says yes to the question, or said so with --yes.
func (p *program) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if f, ok := p.stdin.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return usagef("there is nobody to ask at this input: give --yes to do it without being asked")
	}
	fmt.Fprintf(p.stderr, "%s Write yes: ", printable(question))
	return agreed(p.stdin)
}

// agreed is nil if the first line of r is yes.
func agreed(r io.Reader) error {
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil && err != io.EOF {
		return fmt.Errorf("reading the answer: %w", err)
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return when(answer != "yes", "nothing was done: the answer was not yes")
}
