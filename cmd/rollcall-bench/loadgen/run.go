// Package loadgen loads nodes of Rollcall on this machine and measures them from outside: over HTTP, by their command line,
// and by what the system tells of their processes.
//
// Run is the generator. Bench holds heartbeats against a handler that only answers 204; StreamBench has many read the live
// stream. The others, from LoginBench to GrowthBench, each have a file named after them and make Findings: figures, rows of
// what is wanted, and what the node did wrong.
//
// The generator shares the machine with what it measures, so it costs as little as it can: the requests are built
// beforehand, a connection is one goroutine that writes and reads, and an exchange allocates nothing.
package loadgen

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// grace is how long a request under way at the end of the measured time may still take. One that takes longer is broken
// off and counted under status 0.
const grace = 5 * time.Second

// errGraceOver is why the last requests of a run were broken off.
var errGraceOver = errors.New("no answer in the time after the end")

// clock measures from the start of a run: durations compare faster than times, and nothing steps them.
type clock struct{ start time.Time }

func (c clock) now() time.Duration { return time.Since(c.start) }

// window is the measured part of a run, [from, to) on its clock.
type window struct{ from, to time.Duration }

// Run opens the connections, loads the server for Warmup and Duration, and blocks until every connection is closed.
// It returns ErrConfig or ErrNotLoopback before anything is sent, ErrAnswer for a server that does not speak the HTTP
// that is understood here, an error where the server cannot be reached at the start, and the cause of ctx when that ends
// first. A connection lost later is counted under status 0 and opened anew.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if err := cfg.validate(); err != nil {
		return Result{}, err
	}
	to, err := loopback(ctx, cfg.URL)
	if err != nil {
		return Result{}, err
	}
	sending, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	conns, err := open(sending, cfg, to)
	if ctx.Err() != nil {
		closeAll(conns)
		return Result{}, context.Cause(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	defer time.AfterFunc(cfg.Warmup+cfg.Duration+grace, func() { stop(errGraceOver) }).Stop()
	used, err := drive(sending, cfg, conns)
	if err != nil {
		return Result{}, err
	}
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	return sum(cfg, conns, used), nil
}

// open dials every connection before the first of them sends. After an error none is left open.
func open(ctx context.Context, cfg Config, to target) ([]*connection, error) {
	requests := cfg.requests
	if requests == nil {
		beats := requestBytes(cfg, to.host)
		requests = func(_ string, i int) source { return inTurn(share(beats, i, cfg.Connections)) }
	}
	conns := make([]*connection, cfg.Connections)
	for i := range conns {
		conns[i] = newConnection(to, requests(to.host, i))
		if err := conns[i].connect(ctx); err != nil {
			closeAll(conns[:i])
			return nil, fmt.Errorf("opening connection %d of %d: %w", i+1, cfg.Connections, err)
		}
	}
	return conns, nil
}

func closeAll(conns []*connection) {
	for _, c := range conns {
		c.close()
	}
}

// drive lets all connections send through the measured time and closes them. The first error stops the others.
func drive(ctx context.Context, cfg Config, conns []*connection) (spent, error) {
	clk := clock{start: time.Now()}
	measured := window{from: cfg.Warmup, to: cfg.Warmup + cfg.Duration}
	group, ctx := errgroup.WithContext(ctx)
	for i, c := range conns {
		group.Go(func() error { return c.run(ctx, clk, measured, newPace(cfg, i)) })
	}
	var used spent
	group.Go(func() error {
		used = spentIn(ctx, clk, measured, cfg.ServerPID)
		return nil
	})
	err := group.Wait()
	return used, err
}
