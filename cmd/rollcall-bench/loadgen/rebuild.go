package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
)

const (
	// wantedRebuild is what is wanted of a rebuild, of reading the same messages,
	// with up to manyUsers users, and wantedRebuildMany with more.
	wantedRebuild     = 0.5
	wantedRebuildMany = 0.35
	manyUsers         = 200_000
	// wantedRebuildPeak is the most resident memory, in MB.
	wantedRebuildPeak = 1500
)

// RebuildBench compares `rollcall rebuild` on a store whose node is stopped with
// reading the same messages and doing nothing with them.
type RebuildBench struct {
	Place
	// Users have come online, and Beats heartbeats of theirs followed, in batches.
	Users, Beats int
	Rounds       int
}

// Run returns ErrConfig before anything is started.
func (b RebuildBench) Run(ctx context.Context) (Findings, error) {
	if err := positive(named{"--users", int64(b.Users)}, named{"--rounds", int64(b.Rounds)}); err != nil {
		return Findings{}, err
	}
	if b.Beats < 0 {
		return Findings{}, fmt.Errorf("%w: --beats cannot be negative", ErrConfig)
	}
	return b.find(ctx, b.measure)
}

func (b RebuildBench) measure(ctx context.Context, l launcher, f *Findings) error {
	secret := newSecret()
	if err := b.fill(ctx, l, secret); err != nil {
		return err
	}
	data := l.dataDir("node")
	store := filepath.Join(data, "nats")
	var drains, drainCPU, rebuilds, rebuildCPU, peaks, ratios []float64
	var read Drained
	for range b.Rounds {
		raw, err := l.finish(ctx, l.self, "drain", "--dir", store)
		if err == nil {
			err = json.Unmarshal(raw.out, &read)
		}
		if err != nil {
			return fmt.Errorf("reading the store raw: %w", err)
		}
		l.say("%d messages read raw in %.2f s", read.Messages, raw.took.Seconds())
		rebuilt, err := l.finish(ctx, l.rollcall, "rebuild", "--data-dir", data, "--progress", "none")
		if err != nil {
			return err
		}
		l.say("rebuilt in %.2f s, %.0f MB at most", rebuilt.took.Seconds(), float64(rebuilt.peak)/1e6)
		drains, drainCPU = append(drains, raw.took.Seconds()), append(drainCPU, raw.cpu.Seconds())
		rebuilds, rebuildCPU = append(rebuilds, rebuilt.took.Seconds()), append(rebuildCPU, rebuilt.cpu.Seconds())
		ratios = append(ratios, ratio(raw.took.Seconds(), rebuilt.took.Seconds()))
		peaks = append(peaks, float64(rebuilt.peak)/1e6)
	}
	if read.Messages == 0 {
		f.fault("the store holds no message")
	}
	f.Setup = fmt.Sprintf("%d users, %d heartbeats after their first; %d messages of %.0f MB; both times from the start of a process to its end",
		b.Users, b.Beats, read.Messages, float64(read.Bytes)/1e6)
	f.add("read raw", "s", drains...)
	f.add("read raw, CPU", "s", drainCPU...)
	f.add("rebuild", "s", rebuilds...)
	f.add("rebuild, CPU", "s", rebuildCPU...)
	of := f.add("speed of the rebuild, of reading raw", "", ratios...)
	peak := f.add("rebuild, resident at most", "MB", peaks...)
	wanted := wantedRebuild
	if b.Users > manyUsers {
		wanted = wantedRebuildMany
	}
	f.Rows = []Row{
		atLeast(fmt.Sprintf("rebuild of both views, %d users", b.Users), "the same messages read raw", of, wanted),
		atMost("its resident memory at most", "", peak, "MB", wantedRebuildPeak),
	}
	return b.check(ctx, l, f, secret)
}

// fill makes the store and stops its node.
func (b RebuildBench) fill(ctx context.Context, l launcher, secret []byte) error {
	node, err := l.startNode(ctx, "node", secret, "--timeout", keepLive)
	if err != nil {
		return err
	}
	err = b.beat(ctx, l, node, secret)
	return errors.Join(err, node.stop())
}

func (b RebuildBench) beat(ctx context.Context, l launcher, node *process, secret []byte) error {
	if _, err := l.fillLive(ctx, node, secret, b.Users); err != nil {
		return err
	}
	a, err := newAsker(node.url, secret)
	if err != nil {
		return err
	}
	for left := b.Beats; left > 0; left -= b.Users {
		if err := a.beats(ctx, min(left, b.Users)); err != nil {
			return err
		}
	}
	settleWithin(ctx, node.pid, restTime)
	return nil
}

// check holds the views that were rebuilt against what was sent.
func (b RebuildBench) check(ctx context.Context, l launcher, f *Findings, secret []byte) (err error) {
	node, err := l.startNode(ctx, "node", secret, "--timeout", keepLive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	return errors.Join(f.knows(ctx, node, secret, int64(b.Users)), f.showsOnline(ctx, node, secret, b.Users))
}
