package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/loadgen"
)

func newBenchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what a node can take on this machine",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newBenchHeartbeatCommand(), newBenchStreamCommand(), newServe204Command(), newReadStreamsCommand())
	return cmd
}

// heartbeatBench is what the flags of bench heartbeat say.
type heartbeatBench struct {
	loadgen.Bench
	secret   string
	minRatio map[string]string // connections → ratio
	output   string
}

func newBenchHeartbeatCommand() *cobra.Command {
	var b heartbeatBench
	cmd := &cobra.Command{
		Use:   "heartbeat",
		Short: "Compare the heartbeats that a node acknowledges with a handler that only answers 204",
		Long: `Sends heartbeats with tokens of many users over keep-alive connections, in turn to a chi handler that only answers
204 and to a node, each a process of its own on this machine, and prints both rates and the node's share.
Without --server a node is started for it with --sync always and an empty data directory, and ended again.
Exits with 1 when a wanted ratio is missed, or when a node of its own did not answer every heartbeat with 204.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.measure(cmd) },
	}
	flags := cmd.Flags()
	flags.IntSliceVar(&b.Connections, "connections", []int{64, 256}, "numbers of connections to measure with")
	flags.IntVar(&b.Users, "users", 5000, "users that the heartbeats come from")
	flags.DurationVar(&b.Duration, "duration", 10*time.Second, "measured time of one run")
	flags.IntVar(&b.Rounds, "rounds", 3, "runs of each server for each number of connections")
	flags.Float64Var(&b.Rate, "rate", 0, "heartbeats a second to send; 0 is as many as are answered")
	flags.StringVar(&b.Server, "server", "", "URL of a running node on this machine, instead of starting one")
	flags.StringVar(&b.secret, "jwt-secret", "", "HS256 secret of --server")
	flags.StringVar(&b.Dir, "dir", "", "where the data directory of the node is made (default: the system's for temporary files)")
	flags.StringToStringVar(&b.minRatio, "min-ratio", nil, "smallest median ratio by connections, as 64=0.45,256=0.65")
	flags.StringVarP(&b.output, "output", "o", "table", "table or json")
	return cmd
}

// measure runs the bench, prints, and then says what was missed: an ErrBelow or ErrUnacknowledged.
func (b *heartbeatBench) measure(cmd *cobra.Command) error {
	if err := b.complete(cmd); err != nil {
		return err
	}
	runtime.SetDefaultGOMAXPROCS() // a GOMAXPROCS in the environment must not hold the generator back
	ctx, stop := untilSignal(cmd.Context())
	defer stop()
	report, err := b.Run(ctx)
	if err != nil {
		return err
	}
	if err := writeBenchReport(cmd.OutOrStdout(), b.output, report); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if b.Server == "" {
		err = report.Unacknowledged()
	}
	return errors.Join(err, report.Below())
}

// complete fills in what is no flag of its own. It returns a loadgen.ErrConfig for a flag that cannot be.
func (b *heartbeatBench) complete(cmd *cobra.Command) (err error) {
	if b.output != "table" && b.output != "json" {
		return fmt.Errorf("%w: --output is table or json, not %q", loadgen.ErrConfig, b.output)
	}
	if b.MinRatio, err = parseRatios(b.minRatio); err != nil {
		return err
	}
	b.Secret = []byte(b.secret)
	b.Stderr = cmd.ErrOrStderr()
	if b.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	return nil
}

func parseRatios(pairs map[string]string) (map[int]float64, error) {
	ratios := make(map[int]float64, len(pairs))
	for connections, ratio := range pairs {
		n, err := strconv.Atoi(connections)
		if err != nil {
			return nil, fmt.Errorf("%w: --min-ratio: %q is no number of connections", loadgen.ErrConfig, connections)
		}
		if ratios[n], err = strconv.ParseFloat(ratio, 64); err != nil || !(ratios[n] >= 0) { // not a NaN either
			return nil, fmt.Errorf("%w: --min-ratio: %q is no ratio", loadgen.ErrConfig, ratio)
		}
	}
	return ratios, nil
}

func writeBenchReport(w io.Writer, format string, report loadgen.Report) error {
	if format == "table" {
		return report.WriteTable(w)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(report)
}

// newServe204Command is the baseline of bench heartbeat, which starts it in a process of its own.
func newServe204Command() *cobra.Command {
	var addr, addrFile string
	cmd := &cobra.Command{
		Use:    "serve-204",
		Short:  "Answer every heartbeat with 204 and do nothing else",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			runtime.SetDefaultGOMAXPROCS()
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return loadgen.ServeBaseline(ctx, addr, addrFile)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:0", "loopback address to listen at")
	cmd.Flags().StringVar(&addrFile, "addr-file", "", "file that gets the bound address")
	return cmd
}

// untilSignal ends with ctx, a Ctrl-C or a SIGTERM; whoever runs the command need not have arranged for that.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}
