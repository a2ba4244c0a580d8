package loadgen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxWarmup precedes every measured time, unless a quarter of that is less.
const maxWarmup = 2 * time.Second

// Bench compares a node with the Baseline.
type Bench struct {
	Place
	// Server is the URL of a node that runs already, loopback only. Where empty, a node is started for the run with a
	// data directory of its own under Dir, which is removed afterwards.
	Server string
	// Secret is the HS256 secret of Server; without a Server it is not used.
	Secret []byte
	// Connections are the numbers of connections to measure with, in this order; Users, Duration, Rounds are as many for each.
	Connections []int
	Users       int
	Duration    time.Duration
	Rounds      int
	// Rate is Config.Rate.
	Rate float64
	// MinRatio is what Report.Below holds the median ratio against; a number of connections that is not in it may have any.
	MinRatio map[int]float64 // connections → ratio
	// Sync is the node's --sync; always where empty.
	Sync string
	// Known, where more than zero, has the node know so many other users, of which Live have a live session, and makes an
	// empty node, set up alike, the baseline. Not with Server.
	Known, Live int
}

// Run starts the servers, measures, and stops them again, whatever happens. It returns ErrConfig before anything is
// started, ErrEnded when a server ends in the middle, an error of Run, or the cause of ctx.
func (b Bench) Run(ctx context.Context) (Report, error) {
	if err := b.validate(ctx); err != nil {
		return Report{}, err
	}
	var report Report
	err := b.within(ctx, func(ctx context.Context, l launcher) (err error) {
		report, err = b.inDir(ctx, l)
		return err
	})
	return report, err
}

func (b Bench) validate(ctx context.Context) error {
	switch {
	case len(b.Connections) == 0:
		return fmt.Errorf("%w: no number of connections is given", ErrConfig)
	case b.Rounds < 1:
		return fmt.Errorf("%w: at least one round is needed", ErrConfig)
	case b.Users < 1:
		return fmt.Errorf("%w: at least one user is needed", ErrConfig)
	case b.Known < 0 || b.Live < 0 || b.Live > b.Known:
		return fmt.Errorf("%w: as many users at most can be live as are known", ErrConfig)
	case b.Known > 0 && b.Server != "":
		return fmt.Errorf("%w: a running node knows who it knows", ErrConfig)
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

// inDir measures with both servers up.
func (b Bench) inDir(ctx context.Context, l launcher) (report Report, err error) {
	secret := newSecret()
	flags := []string{"--sync", cmp.Or(b.Sync, "always")}
	var baseline *process
	if b.Known > 0 {
		flags = append(flags, "--timeout", keepLive)
		baseline, err = l.startNode(ctx, "empty node", secret, flags...)
	} else {
		baseline, err = l.startBaseline(ctx)
	}
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, baseline.stop()) }()
	if b.Server != "" {
		return b.compare(ctx, l, circumstances(""), baseline.server, server{name: "node", url: b.Server}, b.Secret)
	}
	if b.Known > 0 {
		if err := l.importKnown(ctx, "node", b.Known); err != nil {
			return Report{}, err
		}
	}
	node, err := l.startNode(ctx, "node", secret, flags...)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	if b.Live > 0 {
		if _, err := l.fillLive(ctx, node, secret, b.Live); err != nil {
			return Report{}, err
		}
	}
	return b.compare(ctx, l, circumstances(l.dir), baseline.server, node.server, secret)
}

// compare measures with every number of connections.
func (b Bench) compare(ctx context.Context, l launcher, at Circumstances, baseline, node server, secret []byte) (Report, error) {
	tokens, err := Tokens(secret, b.Users, time.Now())
	if err != nil {
		return Report{}, err
	}
	c := comparison{
		baseline: baseline, node: node, rounds: b.Rounds, progress: l.say,
		load: Config{Warmup: min(maxWarmup, b.Duration/4), Duration: b.Duration, Tokens: tokens, Rate: b.Rate},
	}
	if err := c.warm(ctx, b.Connections[0]); err != nil {
		return Report{}, err
	}
	report := newReport(b, at)
	for _, n := range b.Connections {
		rounds, err := c.at(ctx, n)
		if err != nil {
			return Report{}, err
		}
		report.Counts = append(report.Counts, newCount(n, rounds, b.MinRatio[n]))
	}
	report.Rows = b.rows(report)
	return report, nil
}
