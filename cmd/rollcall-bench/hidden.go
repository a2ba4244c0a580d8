package main

import (
	"context"
	"encoding/json"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

// hidden is a command that the benches start in a process of its own.
func hidden(use, short string, run func(ctx context.Context, cmd *cobra.Command) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		runtime.SetDefaultGOMAXPROCS()
		return run(cmd.Context(), cmd)
	}}
}

// newServe204Command is what nodes are measured against.
func newServe204Command() *cobra.Command {
	var addr, addrFile string
	cmd := hidden("serve-204", "Answer every heartbeat with 204 and do nothing else", func(ctx context.Context, _ *cobra.Command) error {
		return loadgen.ServeBaseline(ctx, addr, addrFile)
	})
	declareAddr(cmd, &addr, &addrFile)
	return cmd
}

// newServeNATSCommand is the NATS server that streams of events are measured against.
func newServeNATSCommand() *cobra.Command {
	var addr, addrFile, dir string
	cmd := hidden("serve-nats", "Run a NATS server with JetStream", func(ctx context.Context, _ *cobra.Command) error {
		return loadgen.ServeNATS(ctx, addr, addrFile, dir)
	})
	declareAddr(cmd, &addr, &addrFile)
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the streams")
	return cmd
}

func declareAddr(cmd *cobra.Command, addr, file *string) {
	cmd.Flags().StringVar(addr, "addr", "127.0.0.1:0", "loopback address to listen at")
	cmd.Flags().StringVar(file, "addr-file", "", "file that gets the bound address")
}

// newDrainCommand is what a rebuild is measured against.
func newDrainCommand() *cobra.Command {
	var dir string
	cmd := hidden("drain", "Read every message of the streams of a stopped node", func(ctx context.Context, cmd *cobra.Command) error {
		drained, err := loadgen.Drain(ctx, dir)
		if err != nil {
			return err
		}
		return json.NewEncoder(cmd.OutOrStdout()).Encode(drained)
	})
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the streams")
	return cmd
}

// newReadStreamsCommand is the readers of a live stream.
func newReadStreamsCommand() *cobra.Command {
	var r loadgen.Readers
	cmd := hidden("read-streams", "Read a live stream many times", func(ctx context.Context, cmd *cobra.Command) error {
		return r.Serve(ctx, cmd.InOrStdin(), cmd.OutOrStdout())
	})
	cmd.Flags().StringVar(&r.URL, "server", "", "URL of a node on this machine")
	cmd.Flags().IntVar(&r.Count, "readers", 1, "how many readers")
	cmd.Flags().Uint64Var(&r.After, "after", 0, "sequence after which every change is read, and no snapshot")
	return cmd
}
