package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "rollcall-bench",
		Short: "Measure what a node of Rollcall can take on this machine",
		Long: `Starts nodes of Rollcall and what they are compared with, each a process of its own on this machine with an empty data
directory, loads them in turns and ends them again. Progress goes to standard error; at the end comes, for each row of
what is wanted of a node, a line "row | reference | measured | wanted | met".`,
		Example: `  rollcall-bench heartbeat                               heartbeats against a handler that does nothing
  rollcall-bench heartbeat --known 1000000 --live 200000 a full node against an empty one
  rollcall-bench storm --check                           exits with 1 where a row is not met`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Usage()
			return fmt.Errorf("%w: a command is needed", loadgen.ErrConfig)
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(newHeartbeatCommand(), newLoginCommand(), newBulkCommand(), newStormCommand(), newMemoryCommand(), newRestartCommand(),
		newRebuildCommand(), newQueryCommand(), newSteadyCommand(), newGrowthCommand(), newStreamCommand())
	root.AddCommand(newServe204Command(), newServeNATSCommand(), newDrainCommand(), newReadStreamsCommand())
	return root
}
