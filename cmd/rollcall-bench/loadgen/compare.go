package loadgen

import (
	"context"
	"fmt"
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
	// Ratio is the node's rate over the baseline's, CPURatio its CPU time a request over the baseline's, and P99Ratio its
	// p99 over the baseline's. Zero where it cannot be told.
	Ratio    float64 `json:"ratio"`
	CPURatio float64 `json:"cpu_ratio"`
	P99Ratio float64 `json:"p99_ratio"`
	// Bystander is the CPU time that the node spent while the baseline was loaded, warm-up included: what it took away from it.
	Bystander time.Duration `json:"bystander_cpu_ns"`
}

// comparison loads two servers in turn, never both.
type comparison struct {
	baseline, node server
	rounds         int
	load           Config                           // but for the server and the number of connections
	progress       func(format string, args ...any) // told each run
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

// warm loads both once for the warm-up time, before the first round: users who come online are written down, and
// that is not part of what a heartbeat costs.
func (c comparison) warm(ctx context.Context, connections int) error {
	c.load.Connections, c.load.Duration, c.load.Warmup = connections, max(c.load.Warmup, time.Millisecond), 0
	for _, s := range []server{c.baseline, c.node} {
		c.load.URL, c.load.ServerPID = s.url, s.pid
		if _, err := Run(ctx, c.load); err != nil {
			return fmt.Errorf("warming the %s up: %w", s.name, err)
		}
	}
	return nil
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
	return newRound(baseline, node, bystander), nil
}

func (c comparison) run(ctx context.Context, s server) (Result, error) {
	c.load.URL, c.load.ServerPID = s.url, s.pid
	r, err := Run(ctx, c.load)
	if err != nil {
		return Result{}, fmt.Errorf("loading the %s: %w", s.name, err)
	}
	c.progress("%d connections, %s: %.0f a second, p50 %s, p99 %s, %s of CPU each", r.Connections, s.name, r.Rate, r.P50, r.P99, r.CPUEach())
	return r, nil
}

func newRound(baseline, node Result, bystander time.Duration) Round {
	return Round{
		Baseline: baseline, Node: node, Bystander: bystander,
		Ratio:    ratio(node.Rate, baseline.Rate),
		CPURatio: ratio(float64(node.CPUEach()), float64(baseline.CPUEach())),
		P99Ratio: ratio(float64(node.P99), float64(baseline.P99)),
	}
}

// settle blocks until process pid is at rest, but not longer than settleTime or ctx. Without a pid, or where CPU time
// cannot be told, it returns after one look.
func settle(ctx context.Context, pid int) { settleWithin(ctx, pid, settleTime) }

// settleWithin is settle with another bound.
func settleWithin(ctx context.Context, pid int, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
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

// medianOf is the median of what of each round.
func medianOf(rounds []Round, what func(Round) float64) float64 {
	return median(each(rounds, what))
}

// each is what of each round.
func each(rounds []Round, what func(Round) float64) []float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = what(r)
	}
	return values
}
