package main

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

func newRebuildCommand(p *program) *cobra.Command {
	var f folding
	cmd := &cobra.Command{
		Use:   "rebuild [current|history]",
		Short: "Fold the log anew and replace the views, or one of them",
		Long: `Folds the whole log and puts the result in the place of the views, or of the one that is named. The log is not changed.
With --server a running node does it and goes on serving meanwhile, and the token must be an admin's; else the log of
--data-dir, or of --nats-url, is opened here. Interrupted, it leaves the views as they were.`,
		Example: `  rollcall rebuild --data-dir /var/lib/rollcall
  rollcall rebuild history --data-dir /var/lib/rollcall
  ROLLCALL_TOKEN_FILE=/etc/rollcall/admin.token rollcall rebuild current --server http://127.0.0.1:8080`,
		ValidArgs: []string{mirror.Current, mirror.History},
		Args:      takesView,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.rebuild(cmd.Context(), p, slices.Concat(args, []string{mirror.Both})[0])
		},
	}
	f.declare(cmd)
	return cmd
}

// takesView accepts one view or none, which stands for both.
func takesView(_ *cobra.Command, args []string) error {
	switch {
	case len(args) > 1:
		return usagef("%q is one argument too many", args[1])
	case len(args) == 1 && args[0] != mirror.Current && args[0] != mirror.History:
		return usagef("there is no view %q: write current or history, or nothing for both", args[0])
	}
	return nil
}

// rebuilt is what became of a view.
type rebuilt struct {
	View    string  `json:"view"`
	Seq     uint64  `json:"seq"` // that it stands at
	Seconds float64 `json:"seconds"`
}

var rebuiltColumns = []column[rebuilt]{
	{"view", func(r rebuilt) string { return r.View }},
	{"seq", func(r rebuilt) string { return strconv.FormatUint(r.Seq, 10) }},
	{"seconds", func(r rebuilt) string { return strconv.FormatFloat(r.Seconds, 'f', 1, 64) }},
	{"result", func(rebuilt) string { return "rebuilt" }},
}

func (f *folding) rebuild(ctx context.Context, p *program, view string) error {
	node, err := p.atNode(false)
	if err != nil {
		return err
	}
	began := time.Now()
	m := f.progress.meter(p, "rebuilding")
	var seq uint64
	if node {
		seq, err = f.rebuildNode(ctx, m, view)
	} else {
		seq, err = f.rebuildStore(ctx, p, m, view)
	}
	m.done()
	if err != nil {
		return err
	}
	done := []rebuilt{}
	for _, name := range []string{mirror.Current, mirror.History} {
		if view == name || view == mirror.Both {
			done = append(done, rebuilt{name, seq, time.Since(began).Seconds()})
		}
	}
	return printAll(p, f.output, rebuiltColumns, all(done))
}

// rebuildGC is the garbage collector's target, in percent, while a rebuild has the process for itself: that keeps it
// small, for some more work. A limit of memory would make the collector run without end where that many users need more.
const rebuildGC = 50

// rebuildStore does not look at the views that are there: they may be damaged.
func (f *folding) rebuildStore(ctx context.Context, p *program, m *meter, view string) (seq uint64, err error) {
	if err := errors.Join(f.store.check(), f.store.filled()); err != nil {
		return 0, err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(rebuildGC))
	log := newLogger(p.stderr, f.store.config.logFormat, f.store.config.logLevel)
	seq, err = embedded.Rebuild(ctx, f.store.config.toEmbedded(log), view, m.folded)
	return seq, f.store.explain(ctx, err)
}

// rebuildNode returns where the views stood afterwards, or later.
func (f *folding) rebuildNode(ctx context.Context, m *meter, view string) (seq uint64, err error) {
	c, err := f.client()
	if err != nil {
		return 0, err
	}
	if err := c.Rebuild(ctx, view, m.foldedThere); err != nil {
		return 0, f.explain(err)
	}
	stats, err := c.Stats(ctx, 0)
	return stats.Seq, f.explain(err)
}
