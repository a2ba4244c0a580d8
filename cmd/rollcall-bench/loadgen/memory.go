package loadgen

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What is wanted of a node's memory and of its log, in bytes.
const (
	wantedSession = 1000 // resident, of the whole process, a live session
	wantedKnown   = 300  // … a known user who is offline
	wantedBeat    = 20   // in the hot stream, a heartbeat
)

const (
	// beatConnections is how many connections heartbeats come over where a bench
	// is about something else, beatUsers how many users they come from.
	beatConnections = 256
	beatUsers       = 5000
	// restTime bounds the wait until a node that was filled has nothing to do.
	restTime = 3 * time.Minute
)

// MemoryBench measures what a live session, and a known user who is offline,
// take of a node's memory, and a heartbeat of its log.
type MemoryBench struct {
	Place
	// Live have a live session at one node, Known are known and offline at
	// another; where either is 0 it is left out.
	Live, Known int
	// Rest passes after a node has nothing left to do until it is measured.
	Rest time.Duration
	// Duration is for how long heartbeats are sent whose bytes are counted.
	Duration time.Duration
}

// Run returns ErrConfig before anything is started.
func (b MemoryBench) Run(ctx context.Context) (Findings, error) {
	if b.Live < 0 || b.Known < 0 || b.Live+b.Known == 0 || b.Rest < 0 {
		return Findings{}, fmt.Errorf("%w: --live or --known must be more than zero", ErrConfig)
	}
	if err := positive(named{"--duration", int64(b.Duration)}); err != nil {
		return Findings{}, err
	}
	return b.find(ctx, func(ctx context.Context, l launcher, f *Findings) error {
		f.Setup = fmt.Sprintf("%d live at one node, %d known at another, measured %s after they had nothing left to do", b.Live, b.Known, b.Rest)
		if b.Live > 0 {
			if err := b.live(ctx, l, f); err != nil {
				return err
			}
		}
		if b.Known > 0 {
			return b.known(ctx, l, f)
		}
		return nil
	})
}

func (b MemoryBench) live(ctx context.Context, l launcher, f *Findings) (err error) {
	secret := newSecret()
	node, err := l.startNode(ctx, "node", secret, "--timeout", keepLive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	f.addMemory("empty node", memoryOf(node.pid), 0)
	if _, err := l.fillLive(ctx, node, secret, b.Live); err != nil {
		return err
	}
	b.rest(ctx, l, node)
	each := f.addMemory("live session", memoryOf(node.pid), b.Live)
	f.Rows = append(f.Rows, atMost(fmt.Sprintf("resident memory a live session, whole process, %d sessions", b.Live), "", each, "B", wantedSession))
	if err := b.beats(ctx, l, f, node, secret); err != nil {
		return err
	}
	return f.showsOnline(ctx, node, secret, b.Live)
}

// beats counts the bytes of heartbeats in the log: in batches by a service, then
// one by one by users.
func (b MemoryBench) beats(ctx context.Context, l launcher, f *Findings, node *process, secret []byte) error {
	a, err := newAsker(node.url, secret)
	if err != nil {
		return err
	}
	before := logBytes(l.dataDir("node"))
	if err := a.beats(ctx, b.Live); err != nil {
		return err
	}
	settle(ctx, node.pid)
	batched := f.add("a heartbeat in the hot stream, in batches of a service", "B", float64(logBytes(l.dataDir("node"))-before)/float64(b.Live))
	tokens, err := Tokens(secret, beatUsers, time.Now())
	if err != nil {
		return err
	}
	load := Config{URL: node.url, Connections: beatConnections, Duration: b.Duration, Tokens: tokens, ServerPID: node.pid}
	for from := 0; from < beatUsers; from += fillBatch { // users who are live already are not written down
		if err := a.batchOf(ctx, userName, from, from+fillBatch); err != nil {
			return err
		}
	}
	settleWithin(ctx, node.pid, restTime)
	before = logBytes(l.dataDir("node"))
	r, err := Run(ctx, load)
	if err != nil {
		return err
	}
	settle(ctx, node.pid)
	f.refused("heartbeats", r, 204)
	single := f.add(fmt.Sprintf("a heartbeat in the hot stream, of a user over %d connections", beatConnections), "B",
		ratio(float64(logBytes(l.dataDir("node"))-before), float64(r.Statuses[204])))
	f.Rows = append(f.Rows, atMost("bytes a heartbeat in the hot stream, batches of a service", "", batched, "B", wantedBeat),
		atMost("bytes a heartbeat in the hot stream, users", "", single, "B", wantedBeat))
	return nil
}

func (b MemoryBench) known(ctx context.Context, l launcher, f *Findings) (err error) {
	if err := l.importKnown(ctx, "known", b.Known); err != nil {
		return err
	}
	secret := newSecret()
	node, err := l.startNode(ctx, "known", secret)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	b.rest(ctx, l, node)
	each := f.addMemory("known user", memoryOf(node.pid), b.Known)
	f.Rows = append(f.Rows, atMost(fmt.Sprintf("resident memory a known user who is offline, whole process, %d users", b.Known), "", each, "B", wantedKnown))
	return f.knows(ctx, node, secret, int64(b.Known))
}

// rest waits until the node has nothing left to do, and some time more.
func (b MemoryBench) rest(ctx context.Context, l launcher, node *process) {
	l.say("%s: coming to rest, %d MiB resident", node.name, resident(node.pid)>>20)
	settleWithin(ctx, node.pid, restTime)
	sleep(ctx, b.Rest)
	l.say("%s: at rest, %d MiB resident", node.name, resident(node.pid)>>20)
}

// addMemory takes the memory of a node and returns the resident bytes for each
// of n; n is 0 where there is nothing to divide by.
func (f *Findings) addMemory(name string, m memory, n int) float64 {
	const mib = 1 << 20
	f.add(name+": resident", "MiB", float64(m.resident)/mib)
	f.add(name+": of that, not files", "MiB", float64(m.anonymous)/mib)
	f.add(name+": most so far", "MiB", float64(m.peak)/mib)
	if n == 0 {
		return 0
	}
	f.add(name+": each, of what is not files", "B", float64(m.anonymous)/float64(n))
	return f.add(name+": each, resident", "B", float64(m.resident)/float64(n))
}

// showsOnline takes whether the node shows at least so many users online.
func (f *Findings) showsOnline(ctx context.Context, node *process, secret []byte, n int) error {
	a, err := newAsker(node.url, secret)
	if err != nil {
		return err
	}
	s, err := a.standing(ctx)
	if err == nil && s.Online < n {
		f.fault("the node shows %d users online, want %d at least", s.Online, n)
	}
	return err
}
