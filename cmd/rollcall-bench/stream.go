package main

import (
	"errors"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newStreamCommand() *cobra.Command {
	var (
		s         shared
		b         loadgen.StreamBench
		maxSlowed float64
	)
	cmd := &cobra.Command{
		Use:   "stream",
		Short: "The live stream: what many readers get, what each costs, and what heartbeats cost beside them",
		Long: `Starts a node with --sync always and an empty data directory, makes changes of status, and sends heartbeats of other
users beside them, first without and then with many readers of the live stream, each of whom gets every change. The
readers are a process of their own on this machine. Prints whether each got every change once and in order, how late,
the memory of the node for each, and the latencies of the heartbeats.
Exits with 1 when a reader missed something, or when --max-slowed is missed at p50 or p99.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.complete(cmd); err != nil {
				return err
			}
			b.Place = s.place
			runtime.SetDefaultGOMAXPROCS()
			report, err := b.Run(cmd.Context())
			if err != nil {
				return err
			}
			if err := s.write(cmd.OutOrStdout(), report); err != nil {
				return err
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
	flags.Float64Var(&maxSlowed, "max-slowed", 0, "how many times as long heartbeats may take beside readers; 0 is any")
	s.declare(cmd)
	return cmd
}
