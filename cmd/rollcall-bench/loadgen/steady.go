package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// wantedSteady is the most that the p99.9 of heartbeats may be of the handler's.
const wantedSteady = 1.5

// SteadyBench compares the latencies of heartbeats at a rate that a node can
// hold, with everything else going on beside them, with those of the Baseline.
type SteadyBench struct {
	Place
	// Rate heartbeats are sent a second, by Connections connections.
	Rate        float64
	Connections int
	// Sessions are live besides those that beat.
	Sessions int
	// Changes of status are made a second, half of them at once, twice a second.
	Changes int
	// Streams are read meanwhile; each gets every change.
	Streams  int
	Duration time.Duration
	Rounds   int
}

// Run returns ErrConfig before anything is started.
func (b SteadyBench) Run(ctx context.Context) (Findings, error) {
	if err := positive(named{"--connections", int64(b.Connections)}, named{"--sessions", int64(b.Sessions)}, named{"--changes", int64(b.Changes)},
		named{"--streams", int64(b.Streams)}, named{"--duration", int64(b.Duration)}, named{"--rounds", int64(b.Rounds)}); err != nil {
		return Findings{}, err
	}
	if b.Rate <= 0 {
		return Findings{}, fmt.Errorf("%w: --rate must be more than zero", ErrConfig)
	}
	return b.find(ctx, b.measure)
}

func (b SteadyBench) measure(ctx context.Context, l launcher, f *Findings) (err error) {
	handler, err := l.startBaseline(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, handler.stop()) }()
	secret := newSecret()
	node, err := l.startNode(ctx, "node", secret, "--timeout", keepLive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	if _, err := l.fillLive(ctx, node, secret, b.Sessions); err != nil {
		return err
	}
	a, err := newAsker(node.url, secret)
	if err != nil {
		return err
	}
	c := &changer{url: node.url, token: a.token, perSecond: b.Changes}
	if err := errors.Join(c.logIn(ctx, beatUsers), c.send(ctx, changeUsers)); err != nil {
		return err
	}
	settleWithin(ctx, node.pid, restTime)
	tokens, err := Tokens(secret, beatUsers, time.Now())
	if err != nil {
		return err
	}
	load := Config{Connections: b.Connections, Warmup: min(maxWarmup, b.Duration/4), Duration: b.Duration, Tokens: tokens, Rate: b.Rate}
	var rounds []Round
	for i := range b.Rounds {
		r, err := b.round(ctx, l, f, load, handler, node, a, c)
		if err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		rounds = append(rounds, r)
	}
	f.Setup = fmt.Sprintf("%.0f heartbeats a second over %d connections, %s a run; at the node %d sessions, %d changes a second in bursts of %d, %d streams",
		b.Rate, b.Connections, b.Duration, b.Sessions, b.Changes, burst(b.Changes), b.Streams)
	f.addRounds("204 handler", "node", rounds)
	tail := f.add("node, of 204 handler: p99.9", "", each(rounds, func(r Round) float64 { return ratio(float64(r.Node.P999), float64(r.Baseline.P999)) })...)
	f.Rows = []Row{atMost(fmt.Sprintf("p99.9 of %.0f heartbeats a second, everything on", b.Rate), "204 handler", tail, "x", wantedSteady)}
	return nil
}

// round measures the handler, then the node with changes and streams.
func (b SteadyBench) round(ctx context.Context, l launcher, f *Findings, load Config, handler, node *process, a asker, c *changer) (Round, error) {
	settle(ctx, node.pid)
	bystander := processCPU(node.pid)
	load.URL, load.ServerPID = handler.url, handler.pid
	baseline, err := Run(ctx, load)
	if err != nil {
		return Round{}, err
	}
	bystander = processCPU(node.pid) - bystander
	l.say("204 handler: p99 %s, p99.9 %s, max %s", baseline.P99, baseline.P999, baseline.Max)
	at, err := a.standing(ctx)
	if err != nil {
		return Round{}, err
	}
	readers, err := l.startReaders(ctx, node.url, a.token, b.Streams, at.Seq)
	if err != nil {
		return Round{}, err
	}
	defer readers.kill()
	done := c.done
	load.URL, load.ServerPID = node.url, node.pid
	loaded, err := b.beside(ctx, c, load)
	if err != nil {
		return Round{}, err
	}
	l.say("node: p99 %s, p99.9 %s, max %s", loaded.P99, loaded.P999, loaded.Max)
	got, err := readers.finish(c.last)
	if err != nil {
		return Round{}, err
	}
	f.refused("204 handler", baseline, http.StatusNoContent)
	f.refused("node", loaded, http.StatusNoContent)
	if baseline.Unsent+loaded.Unsent > 0 {
		f.fault("%d heartbeats at the handler and %d at the node were never sent: they were that far behind", baseline.Unsent, loaded.Unsent)
	}
	if changes := c.done - done; got.Cut+got.Behind > 0 || got.Fewest < changes {
		f.fault("of %d changes each stream got %d at least; %d were cut, %d were behind: %s", changes, got.Fewest, got.Cut, got.Behind, got.Fault)
	}
	return newRound(baseline, loaded, bystander), nil
}

// beside sends heartbeats while changes are made in bursts.
func (b SteadyBench) beside(ctx context.Context, c *changer, load Config) (r Result, err error) {
	group, ctx := errgroup.WithContext(ctx)
	changing, stop := context.WithCancel(ctx)
	group.Go(func() error { return c.bursts(changing) })
	group.Go(func() error {
		defer stop()
		r, err = Run(ctx, load)
		return err
	})
	err = group.Wait()
	return r, err
}
