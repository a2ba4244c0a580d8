package loadgen

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// wantedRestart is what is wanted of a start after a kill, in seconds.
const wantedRestart = 3

// RestartBench measures how long a node takes until it is ready after it was
// killed.
type RestartBench struct {
	Place
	// Users are live. Beats is for how long heartbeats are sent before the kill,
	// by Connections connections, while the views are saved only every Checkpoint:
	// what is not saved is folded again.
	Users       int
	Beats       time.Duration
	Connections int
	Checkpoint  time.Duration
	Rounds      int
}

// Run returns ErrConfig before anything is started.
func (b RestartBench) Run(ctx context.Context) (Findings, error) {
	if err := positive(named{"--users", int64(b.Users)}, named{"--beats", int64(b.Beats)}, named{"--connections", int64(b.Connections)},
		named{"--checkpoint", int64(b.Checkpoint)}, named{"--rounds", int64(b.Rounds)}); err != nil {
		return Findings{}, err
	}
	return b.find(ctx, b.measure)
}

func (b RestartBench) measure(ctx context.Context, l launcher, f *Findings) error {
	secret := newSecret()
	if err := b.fill(ctx, l, secret); err != nil {
		return err
	}
	var killed, stopped []time.Duration
	var cpu, beats []float64
	for range b.Rounds {
		n, err := b.beatAndKill(ctx, l, f, secret)
		if err != nil {
			return err
		}
		after, err := b.restart(ctx, l, f, secret)
		if err != nil {
			return err
		}
		l.say("ready %s after a kill, %s of CPU", after.ready.Round(time.Millisecond), after.readyCPU)
		clean, err := b.restart(ctx, l, f, secret)
		if err != nil {
			return err
		}
		l.say("ready %s after a stop, %s of CPU", clean.ready.Round(time.Millisecond), clean.readyCPU)
		killed, stopped = append(killed, after.ready), append(stopped, clean.ready)
		cpu, beats = append(cpu, after.readyCPU.Seconds()), append(beats, float64(n))
	}
	f.Setup = fmt.Sprintf("%d users, heartbeats for %s over %d connections, saved every %s; ready is the first 200 of /readyz after the process was started",
		b.Users, b.Beats, b.Connections, b.Checkpoint)
	f.add("heartbeats before the kill", "heartbeats", beats...)
	ready := f.addTime("ready after kill -9", killed...)
	f.add("node's CPU until then", "s", cpu...)
	f.addTime("ready after a stop", stopped...)
	f.Rows = []Row{atMost(fmt.Sprintf("restart after kill -9, %d users, heartbeats of %s", b.Users, b.Beats), "", ready/1000, "s", wantedRestart)}
	return nil
}

// fill makes the users live at a node and stops it, so that its views are saved.
func (b RestartBench) fill(ctx context.Context, l launcher, secret []byte) error {
	node, err := l.startNode(ctx, "node", secret, "--timeout", keepLive)
	if err != nil {
		return err
	}
	if _, err = l.fillLive(ctx, node, secret, b.Users); err == nil {
		settleWithin(ctx, node.pid, restTime)
	}
	return errors.Join(err, node.stop())
}

// beatAndKill returns how many heartbeats were acknowledged before the kill.
func (b RestartBench) beatAndKill(ctx context.Context, l launcher, f *Findings, secret []byte) (int64, error) {
	node, err := l.startNode(ctx, "node", secret, "--timeout", keepLive, "--checkpoint", b.Checkpoint.String())
	if err != nil {
		return 0, err
	}
	defer node.kill()
	tokens, err := Tokens(secret, beatUsers, time.Now())
	if err != nil {
		return 0, err
	}
	r, err := Run(ctx, Config{URL: node.url, Connections: b.Connections, Duration: b.Beats, Tokens: tokens, ServerPID: node.pid})
	if err != nil {
		return 0, err
	}
	l.say("%.0f heartbeats a second, then kill -9", r.Rate)
	f.refused("heartbeats before the kill", r, 204)
	return r.Statuses[204], nil
}

// restart starts the node where it ended, and stops it again. What it returns
// has ended.
func (b RestartBench) restart(ctx context.Context, l launcher, f *Findings, secret []byte) (*process, error) {
	node, err := l.startNode(ctx, "node", secret, "--timeout", keepLive)
	if err != nil {
		return nil, err
	}
	return node, errors.Join(f.showsOnline(ctx, node, secret, b.Users), node.stop())
}
