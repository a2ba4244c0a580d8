package loadgen

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// maxWarmup precedes every measured time, unless a quarter of that is less.
const maxWarmup = 2 * time.Second

// Bench compares a node with the Baseline.
type Bench struct {
	// Program is the rollcall binary. "bench serve-204" of it is the baseline and "serve" the node, each in a process of its
	// own.
	Program string
	// Server is the URL of a node that runs already, loopback only. Where empty, a node is started for the run with a
	// data directory of its own under Dir, which is removed afterwards.
	Server string
	// Secret is the HS256 secret of Server; without a Server it is not used.
	Secret []byte
	// Dir is where the data directory is made; the system's directory for temporary files where empty.
	Dir string
	// Connections are the numbers of connections to measure with, in this order; Users, Duration, Rounds are as many for each.
	Connections []int
	Users       int
	Duration    time.Duration
	Rounds      int
	// Rate is Config.Rate.
	Rate float64
	// MinRatio is what Report.Below holds the median ratio against; a number of connections that is not in it may have any.
	MinRatio map[int]float64 // connections → ratio
	// Stderr gets a line for each run and what the servers say; nothing is written where nil.
	Stderr io.Writer
}

// Run starts the servers, measures, and stops them again, whatever happens. It returns ErrConfig before anything is
// started, ErrEnded when a server ends in the middle, an error of Run, or the cause of ctx.
func (b Bench) Run(ctx context.Context) (Report, error) {
	if b.Stderr == nil {
		b.Stderr = io.Discard
	}
	b.Stderr = &said{w: b.Stderr}
	if err := b.validate(ctx); err != nil {
		return Report{}, err
	}
	dir, err := os.MkdirTemp(b.Dir, "rollcall-bench-")
	if err != nil {
		return Report{}, fmt.Errorf("making a directory for the run: %w", err)
	}
	report, err := b.inDir(ctx, dir)
	return report, errors.Join(err, os.RemoveAll(dir))
}

func (b Bench) validate(ctx context.Context) error {
	switch {
	case len(b.Connections) == 0:
		return fmt.Errorf("%w: no number of connections is given", ErrConfig)
	case b.Rounds < 1:
		return fmt.Errorf("%w: at least one round is needed", ErrConfig)
	case b.Users < 1:
		return fmt.Errorf("%w: at least one user is needed", ErrConfig)
	}
	for _, n := range b.Connections {
		if err := (Config{Connections: n, Duration: b.Duration, Rate: b.Rate, Tokens: []string{""}}).validate(); err != nil {
			return err
		}
	}
	for n := range b.MinRatio {
		if !slices.Contains(b.Connections, n) {
			return fmt.Errorf("%w: a ratio is wanted for %d connections, which are not measured", ErrConfig, n)
		}
	}
	if b.Server == "" {
		return nil
	}
	if len(b.Secret) < minSecret {
		return fmt.Errorf("%w: the secret of the server is needed, of at least %d bytes", ErrConfig, minSecret)
	}
	_, err := loopback(ctx, b.Server)
	return err
}

// inDir measures with both servers up and keeps their files in dir.
func (b Bench) inDir(ctx context.Context, dir string) (report Report, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := launcher{program: b.Program, dir: dir, stderr: b.Stderr, ended: cancel}
	baseline, err := l.start(ctx, "baseline", "bench", "serve-204")
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, baseline.stop()) }()
	if b.Server != "" {
		return b.compare(ctx, circumstances(""), baseline.server, server{name: "node", url: b.Server}, b.Secret)
	}
	secret := rand.Text() + rand.Text()
	node, err := l.startNode(ctx, secret)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	return b.compare(ctx, circumstances(dir), baseline.server, node.server, []byte(secret))
}

// compare measures with every number of connections.
func (b Bench) compare(ctx context.Context, at Circumstances, baseline, node server, secret []byte) (Report, error) {
	tokens, err := Tokens(secret, b.Users, time.Now())
	if err != nil {
		return Report{}, err
	}
	c := comparison{
		baseline: baseline, node: node, rounds: b.Rounds, progress: b.Stderr,
		load: Config{Warmup: min(maxWarmup, b.Duration/4), Duration: b.Duration, Tokens: tokens, Rate: b.Rate},
	}
	report := newReport(b, at)
	for _, n := range b.Connections {
		rounds, err := c.at(ctx, n)
		if err != nil {
			return Report{}, err
		}
		report.Counts = append(report.Counts, Count{
			Connections: n, Rounds: rounds, Ratio: medianRatio(rounds), Wanted: b.MinRatio[n],
		})
	}
	return report, nil
}
