package loadgen

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	// settleTime is how long the server that is not measured may take to finish what it still does.
	settleTime = 10 * time.Second
	settlePoll = 250 * time.Millisecond
	// atRest is the share of one core below which a server counts as idle.
	atRest = 0.05
)

// server is one side of a comparison.
type server struct {
	name string
	url  string
	pid  int // 0 where it is not known
}

// Round is the baseline and the node, measured one after the other.
type Round struct {
	Baseline Result `json:"baseline"`
	Node     Result `json:"node"`
	// Ratio is the node's rate over the baseline's.
	Ratio float64 `json:"ratio"`
	// Bystander is the CPU time that the node spent while the baseline was loaded, warm-up included: what it took away from it.
	Bystander time.Duration `json:"bystander_cpu_ns"`
}

// comparison loads two servers in turn, never both.
type comparison struct {
	baseline, node server
	rounds         int
	load           Config    // but for the server and the number of connections
	progress       io.Writer // gets a line a run
}

// at runs all rounds with so many connections: baseline, node, baseline, node, so that noise from elsewhere meets both.
func (c comparison) at(ctx context.Context, connections int) ([]Round, error) {
	c.load.Connections = connections
	rounds := make([]Round, c.rounds)
	for i := range rounds {
		var err error
		if rounds[i], err = c.round(ctx); err != nil {
			return nil, fmt.Errorf("%d connections, round %d: %w", connections, i+1, err)
		}
	}
	return rounds, nil
}

func (c comparison) round(ctx context.Context) (Round, error) {
	settle(ctx, c.node.pid)
	before := processCPU(c.node.pid)
	baseline, err := c.run(ctx, c.baseline)
	if err != nil {
		return Round{}, err
	}
	bystander := processCPU(c.node.pid) - before
	settle(ctx, c.baseline.pid)
	node, err := c.run(ctx, c.node)
	if err != nil {
		return Round{}, err
	}
	return Round{Baseline: baseline, Node: node, Ratio: ratio(node.Rate, baseline.Rate), Bystander: bystander}, nil
}

func (c comparison) run(ctx context.Context, s server) (Result, error) {
	c.load.URL, c.load.ServerPID = s.url, s.pid
	r, err := Run(ctx, c.load)
	if err != nil {
		return Result{}, fmt.Errorf("loading the %s: %w", s.name, err)
	}
	fmt.Fprintf(c.progress, "%d connections, %s: %.0f a second\n", r.Connections, s.name, r.Rate)
	return r, nil
}

// settle blocks until process pid is at rest, but not longer than settleTime or ctx. Without a pid, or where CPU time
// cannot be told, it returns after one look.
func settle(ctx context.Context, pid int) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for used := processCPU(pid); used > 0 && sleep(ctx, settlePoll); {
		now := processCPU(pid)
		if (now - used).Seconds() < atRest*settlePoll.Seconds() {
			return
		}
		used = now
	}
}

// ratio is 0 where there is nothing to compare with.
func ratio(node, baseline float64) float64 {
	if baseline == 0 {
		return 0
	}
	return node / baseline
}

// medianRatio is the middle one of the rounds' ratios, or the mean of the middle two; 0 without a round.
func medianRatio(rounds []Round) float64 {
	if len(rounds) == 0 {
		return 0
	}
	ratios := make([]float64, len(rounds))
	for i, r := range rounds {
		ratios[i] = r.Ratio
	}
	slices.Sort(ratios)
	middle := len(ratios) / 2
	if len(ratios)%2 == 1 {
		return ratios[middle]
	}
	return (ratios[middle-1] + ratios[middle]) / 2
}
