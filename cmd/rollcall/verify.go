package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

// folding is what the flags say of a command that folds the whole log.
type folding struct {
	either
	progress progress
}

func (f *folding) declare(cmd *cobra.Command) {
	f.either.declare(cmd)
	f.withoutServer(cmd)
	f.progress.declare(cmd)
}

func newVerifyCommand(p *program) *cobra.Command {
	var f folding
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Fold the log anew and compare the views with it",
		Long: `Folds the whole log beside the views and compares what comes out, user for user. Exits with 1 where a view differs, and
names the first user that does. With --server a running node does it, while it goes on serving, and the token must be
an admin's; else the log of --data-dir, or of --nats-url, is opened here. Nothing is changed.`,
		Example: `  rollcall verify --data-dir /var/lib/rollcall
  ROLLCALL_TOKEN_FILE=/etc/rollcall/admin.token rollcall verify --server http://127.0.0.1:8080
  rollcall verify -o json | jq '.[] | select(.equal | not)'`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.verify(cmd.Context(), p) },
	}
	f.declare(cmd)
	return cmd
}

func (f *folding) verify(ctx context.Context, p *program) error {
	node, err := p.atNode(false)
	if err != nil {
		return err
	}
	m := f.progress.meter(p, "verifying")
	var found []mirror.Comparison
	if node {
		found, err = f.verifyNode(ctx, m)
	} else {
		found, err = f.verifyStore(ctx, p, m)
	}
	m.done()
	if err != nil {
		return err
	}
	if err := printAll(p, f.output, comparisonColumns, all(found)); err != nil {
		return err
	}
	return differences(found)
}

func (f *folding) verifyStore(ctx context.Context, p *program, m *meter) (found []mirror.Comparison, err error) {
	err = f.store.in(ctx, p, func(ctx context.Context, d *embedded.Deployment) error {
		found, err = d.Verify(ctx, m.folded)
		return err
	})
	return found, err
}

func (f *folding) verifyNode(ctx context.Context, m *meter) (found []mirror.Comparison, err error) {
	c, err := f.client()
	if err != nil {
		return nil, err
	}
	views, err := c.Verify(ctx, m.foldedThere)
	for _, v := range views {
		found = append(found, mirror.Comparison(v))
	}
	return found, f.explain(err)
}

// foldedThere reports how far a node's mirror is.
func (m *meter) foldedThere(at client.Progress) {
	m.report(step{done: at.Seq, total: at.To, events: at.Events, took: at.Took})
}

// folded reports how far a mirror is.
func (m *meter) folded(at mirror.Progress) {
	m.report(step{done: at.Seq, total: at.To, events: at.Events, took: at.Took})
}

var comparisonColumns = []column[mirror.Comparison]{
	{"view", func(c mirror.Comparison) string { return c.View }},
	{"seq", func(c mirror.Comparison) string { return strconv.FormatUint(c.Seq, 10) }},
	{"users", func(c mirror.Comparison) string { return strconv.Itoa(c.Users) }},
	{"digest", func(c mirror.Comparison) string { return c.Digest }},
	{"result", func(c mirror.Comparison) string {
		if c.Equal {
			return "equal"
		}
		return "differs"
	}},
}

// differences is an error where a view is not what the log leads to.
func differences(found []mirror.Comparison) error {
	var lines []string
	for _, c := range found {
		if !c.Equal {
			lines = append(lines, fmt.Sprintf("view %s differs from the log, user %q first: put it right with `rollcall rebuild %s`", c.View, c.Differs, c.View))
		}
	}
	return when(len(lines) > 0, "%s", strings.Join(lines, "\n"))
}
