package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/loadgen"
)

func newBenchStreamCommand() *cobra.Command {
	var (
		b         loadgen.StreamBench
		output    string
		maxSlowed float64
	)
	cmd := &cobra.Command{
		Use:   "stream",
		Short: "Measure the live stream: what many readers get, what each costs, and what heartbeats cost beside them",
		Long: `Starts a node with --sync always and an empty data directory, makes changes of status, and sends heartbeats of other
users beside them, first without and then with many readers of the live stream, each of whom gets every change. The
readers are a process of their own on this machine. Prints whether each got every change once and in order, how late,
the memory of the node for each, and the latencies of the heartbeats.
Exits with 1 when a reader missed something, or when --max-slowed is missed at p50 or p99.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if output != "table" && output != "json" {
				return fmt.Errorf("%w: --output is table or json, not %q", loadgen.ErrConfig, output)
			}
			if b.Program, err = os.Executable(); err != nil {
				return fmt.Errorf("finding this program: %w", err)
			}
			b.Stderr = cmd.ErrOrStderr()
			runtime.SetDefaultGOMAXPROCS()
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			report, err := b.Run(ctx)
			if err != nil {
				return err
			}
			if output == "json" {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				err = out.Encode(report)
			} else {
				err = report.WriteTable(cmd.OutOrStdout())
			}
			if err != nil {
				return fmt.Errorf("writing the report: %w", err)
			}
			return errors.Join(report.Lost(), report.Above(maxSlowed))
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&b.Readers, "readers", 5000, "readers of the live stream")
	flags.IntVar(&b.Changes, "changes", 1000, "changes of status a second")
	flags.Float64Var(&b.Beats, "heartbeats", 500, "heartbeats of others a second")
	flags.IntVar(&b.Connections, "connections", 64, "connections that the heartbeats come over")
	flags.DurationVar(&b.Duration, "duration", 10*time.Second, "measured time, once without and once with readers")
	flags.StringVar(&b.Dir, "dir", "", "where the data directory of the node is made (default: the system's for temporary files)")
	flags.Float64Var(&maxSlowed, "max-slowed", 0, "how many times as long heartbeats may take beside readers; 0 is any")
	flags.StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

// newReadStreamsCommand is the readers of bench stream, which starts it in a process of its own.
func newReadStreamsCommand() *cobra.Command {
	var r loadgen.Readers
	cmd := &cobra.Command{
		Use:    "read-streams",
		Short:  "Read a live stream many times",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			runtime.SetDefaultGOMAXPROCS()
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return r.Serve(ctx, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&r.URL, "server", "", "URL of a node on this machine")
	cmd.Flags().IntVar(&r.Count, "readers", 1, "how many readers")
	return cmd
}
