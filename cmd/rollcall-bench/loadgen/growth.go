package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// GrowthBench measures how a node fares with more and more users.
type GrowthBench struct {
	Place
	// Sizes are the numbers of users, each live at a node of its own.
	Sizes       []int
	Connections int
	Duration    time.Duration
	Rounds      int
}

// Run returns ErrConfig before anything is started.
func (b GrowthBench) Run(ctx context.Context) (Findings, error) {
	values := []named{{"--connections", int64(b.Connections)}, {"--duration", int64(b.Duration)}, {"--rounds", int64(b.Rounds)}, {"the number of --users", int64(len(b.Sizes))}}
	for _, n := range b.Sizes {
		values = append(values, named{"--users", int64(n)})
	}
	if err := positive(values...); err != nil {
		return Findings{}, err
	}
	return b.find(ctx, b.measure)
}

func (b GrowthBench) measure(ctx context.Context, l launcher, f *Findings) (err error) {
	handler, err := l.startBaseline(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, handler.stop()) }()
	f.Setup = fmt.Sprintf("heartbeats of %d users over %d connections, %s a run, beside live sessions of others", beatUsers, b.Connections, b.Duration)
	for _, n := range b.Sizes {
		if err := b.at(ctx, l, f, handler, n); err != nil {
			return fmt.Errorf("%d users: %w", n, err)
		}
	}
	return nil
}

// at measures with n users.
func (b GrowthBench) at(ctx context.Context, l launcher, f *Findings, handler *process, n int) (err error) {
	name := fmt.Sprintf("node of %d", n)
	secret := newSecret()
	node, err := l.startNode(ctx, name, secret, "--timeout", keepLive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	filled, err := l.fillLive(ctx, node, secret, n)
	if err != nil {
		return err
	}
	settleWithin(ctx, node.pid, restTime)
	f.add(fmt.Sprintf("%d users: first heartbeats acknowledged", n), "/s", float64(n)/filled.acknowledged.Seconds())
	f.add(fmt.Sprintf("%d users: online events written", n), "/s", float64(n)/filled.written.Seconds())
	f.addMemory(fmt.Sprintf("%d users", n), memoryOf(node.pid), n)
	disk := diskBytes(l.dataDir(name), func(string) bool { return true })
	f.add(fmt.Sprintf("%d users: disk", n), "MB", float64(disk)/1e6)
	f.add(fmt.Sprintf("%d users: disk, each", n), "B", float64(disk)/float64(n))
	a, err := newAsker(node.url, secret)
	if err != nil {
		return err
	}
	before, err := a.metrics(ctx)
	if err != nil {
		return err
	}
	if err := b.beats(ctx, l, f, handler, node, secret, n); err != nil {
		return err
	}
	after, err := a.metrics(ctx)
	if err != nil {
		return err
	}
	f.addCheckpoints(l, n, before, after)
	return f.showsOnline(ctx, node, secret, n)
}

// beats takes the rate of heartbeats beside the handler's.
func (b GrowthBench) beats(ctx context.Context, l launcher, f *Findings, handler, node *process, secret []byte, n int) error {
	tokens, err := Tokens(secret, beatUsers, time.Now())
	if err != nil {
		return err
	}
	c := comparison{
		baseline: handler.server, node: node.server, rounds: b.Rounds, progress: l.say,
		load: Config{Warmup: min(maxWarmup, b.Duration/4), Duration: b.Duration, Tokens: tokens},
	}
	if err := c.warm(ctx, b.Connections); err != nil {
		return err
	}
	rounds, err := c.at(ctx, b.Connections)
	if err != nil {
		return err
	}
	for i, r := range rounds {
		f.refused(fmt.Sprintf("%d users, round %d", n, i+1), r.Node, http.StatusNoContent)
	}
	f.addRounds(fmt.Sprintf("%d users: 204 handler", n), fmt.Sprintf("%d users: node", n), rounds)
	return nil
}

// addCheckpoints takes how long the views took to be saved meanwhile, where the
// node tells.
func (f *Findings) addCheckpoints(l launcher, n int, before, after metrics) {
	was, err := before.spread(metricCheckpoint)
	now, err2 := after.spread(metricCheckpoint)
	switch {
	case errors.Join(err, err2) != nil:
		l.say("this node does not tell how long a checkpoint takes: there is no %s", metricCheckpoint)
	case now.count == was.count:
		l.say("there was no checkpoint meanwhile: measure for longer, or with --serve-flag=--checkpoint=1s")
	default:
		f.add(fmt.Sprintf("%d users: a checkpoint, mean of %d", n, now.count-was.count), "ms", 1000*now.meanSince(was))
	}
}
