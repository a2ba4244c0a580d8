package main

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

// heartbeatBench is what the flags of heartbeat say.
type heartbeatBench struct {
	shared
	loadgen.Bench
	secret   string
	minRatio map[string]string // connections → ratio
}

func newHeartbeatCommand() *cobra.Command {
	var b heartbeatBench
	cmd := &cobra.Command{
		Use:   "heartbeat",
		Short: "Heartbeats that a node acknowledges, against a handler that only answers 204",
		Long: `Sends heartbeats with tokens of many users over keep-alive connections, in turn to a chi handler that only answers
204 and to a node, each a process of its own on this machine, and prints both rates and the node's share, both latencies
and the processor time of both for each request. Without --server a node is started for it with --sync always and an
empty data directory, and ended again. With --known it is a full node against an empty one instead.
Exits with 1 when a ratio of --min-ratio is missed, when a node of its own did not answer every heartbeat with 204 or,
with --check, a row is not met.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.measure(cmd) },
	}
	flags := cmd.Flags()
	flags.IntSliceVar(&b.Connections, "connections", []int{64, 256, 1024}, "numbers of connections to measure with")
	flags.IntVar(&b.Users, "users", 5000, "users that the heartbeats come from")
	flags.DurationVar(&b.Duration, "duration", 10*time.Second, "measured time of one run")
	flags.IntVar(&b.Rounds, "rounds", 3, "runs of each server for each number of connections")
	flags.Float64Var(&b.Rate, "rate", 0, "heartbeats a second to send; 0 is as many as are answered")
	flags.StringVar(&b.Sync, "sync", "always", "the node's --sync")
	flags.IntVar(&b.Known, "known", 0, "other users that the node knows; it is then compared with an empty node")
	flags.IntVar(&b.Live, "live", 0, "how many of --known have a live session")
	flags.StringVar(&b.Server, "server", "", "URL of a running node on this machine, instead of starting one")
	flags.StringVar(&b.secret, "jwt-secret", "", "HS256 secret of --server")
	flags.StringToStringVar(&b.minRatio, "min-ratio", nil, "smallest median ratio by connections, as 64=0.45,256=0.65")
	b.declare(cmd)
	return cmd
}

// measure runs the bench, prints, and then says what was missed: an ErrBelow, ErrUnacknowledged or ErrUnmet.
func (b *heartbeatBench) measure(cmd *cobra.Command) (err error) {
	if b.MinRatio, err = parseRatios(b.minRatio); err != nil {
		return err
	}
	if err := b.complete(cmd); err != nil {
		return err
	}
	b.Place, b.Secret = b.place, []byte(b.secret)
	runtime.SetDefaultGOMAXPROCS() // a GOMAXPROCS in the environment must not hold the generator back
	report, err := b.Run(cmd.Context())
	if err != nil {
		return err
	}
	if err := b.write(cmd.OutOrStdout(), report); err != nil {
		return err
	}
	if b.Server == "" {
		err = report.Unacknowledged()
	}
	return errors.Join(err, report.Below(), b.unmet(report.Rows))
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
