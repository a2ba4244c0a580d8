package loadgen

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/errgroup"
)

// StreamBench measures a node whose live stream many read: what they get, what each costs, and what heartbeats of others
// cost meanwhile.
type StreamBench struct {
	Place
	// Readers are open at once; each gets every change. At least 1.
	Readers int
	// Changes are made a second; at least 1.
	Changes int
	// Beats are sent a second, by Connections connections; more than zero.
	Beats       float64
	Connections int
	// Duration is the measured time, once without and once with readers.
	Duration time.Duration
}

// StreamReport is what a StreamBench measured.
type StreamReport struct {
	Circumstances
	// Changes were acknowledged while there were readers, so many a second were meant to be.
	Changes   int64         `json:"changes"`
	PerSecond int           `json:"changes_per_second"`
	Duration  time.Duration `json:"duration_ns"`
	Received  Received      `json:"received"`
	// Alone and Beside are heartbeats without and with readers, among the same changes.
	Alone  Result `json:"alone"`
	Beside Result `json:"beside"`
	// The resident memory of the node in bytes: before the readers came, when they had come, and at the end. Zero where it
	// cannot be told.
	Before  int64 `json:"resident_before"`
	Open    int64 `json:"resident_open"`
	Working int64 `json:"resident_working"`
}

// Run starts the node and measures. It returns ErrConfig before anything is started.
func (b StreamBench) Run(ctx context.Context) (StreamReport, error) {
	switch {
	case b.Readers < 1 || b.Changes < 1:
		return StreamReport{}, fmt.Errorf("%w: at least one reader and one change a second are needed", ErrConfig)
	case b.Beats <= 0:
		return StreamReport{}, fmt.Errorf("%w: at least some heartbeats are needed", ErrConfig)
	}
	if err := (Config{Connections: b.Connections, Duration: b.Duration, Rate: b.Beats, Tokens: []string{""}}).validate(); err != nil {
		return StreamReport{}, err
	}
	var report StreamReport
	err := b.within(ctx, func(ctx context.Context, l launcher) (err error) {
		report, err = b.inDir(ctx, l)
		return err
	})
	return report, err
}

func (b StreamBench) inDir(ctx context.Context, l launcher) (report StreamReport, err error) {
	secret := newSecret()
	node, err := l.startNode(ctx, "node", secret)
	if err != nil {
		return StreamReport{}, err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	writer, err := scoped(secret, "presence:write", time.Now())
	if err != nil {
		return StreamReport{}, err
	}
	reader, err := scoped(secret, "presence:read", time.Now())
	if err != nil {
		return StreamReport{}, err
	}
	tokens, err := Tokens(secret, max(b.Connections, 1000), time.Now())
	if err != nil {
		return StreamReport{}, err
	}
	c := &changer{url: node.url, token: writer, perSecond: b.Changes}
	// Everybody is known before anything is measured, so that both times are alike.
	if err := errors.Join(c.logIn(ctx, len(tokens)), c.send(ctx, changeUsers)); err != nil {
		return StreamReport{}, err
	}
	load := Config{
		URL: node.url, Connections: b.Connections, Warmup: min(maxWarmup, b.Duration/4), Duration: b.Duration, Tokens: tokens,
		Rate: b.Beats, ServerPID: node.pid,
	}
	report = StreamReport{Circumstances: circumstances(l.dir), PerSecond: b.Changes, Duration: b.Duration}
	if report.Alone, err = b.load(ctx, c, load); err != nil {
		return StreamReport{}, err
	}
	l.say("without readers: heartbeats p50 %s, p99 %s", report.Alone.P50, report.Alone.P99)
	settle(ctx, node.pid)
	report.Before = resident(node.pid)
	readers, err := l.startReaders(ctx, node.url, reader, b.Readers, 0)
	if err != nil {
		return StreamReport{}, err
	}
	defer readers.kill()
	settle(ctx, node.pid)
	report.Open = resident(node.pid)
	done := c.done
	if report.Beside, err = b.load(ctx, c, load); err != nil {
		return StreamReport{}, err
	}
	report.Working = resident(node.pid)
	report.Changes = c.done - done
	l.say("with %d readers: heartbeats p50 %s, p99 %s", b.Readers, report.Beside.P50, report.Beside.P99)
	report.Received, err = readers.finish(c.last)
	return report, err
}

// load sends heartbeats while changes are made.
func (b StreamBench) load(ctx context.Context, c *changer, cfg Config) (r Result, err error) {
	group, ctx := errgroup.WithContext(ctx)
	changing, stop := context.WithCancel(ctx)
	group.Go(func() error { return c.run(changing) })
	group.Go(func() error {
		defer stop()
		r, err = Run(ctx, cfg)
		return err
	})
	err = group.Wait()
	return r, err
}

// readersProcess is a process that runs Readers.
type readersProcess struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startReaders blocks until n streams are open; after is Readers.After.
func (l launcher) startReaders(ctx context.Context, url, token string, n int, after uint64) (*readersProcess, error) {
	cmd := l.command(ctx, l.self, "read-streams", "--server", url, "--readers", strconv.Itoa(n), "--after", strconv.FormatUint(after, 10))
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the readers: %w", err)
	}
	p := &readersProcess{cmd: cmd, in: in, out: bufio.NewReader(out)}
	_, err = fmt.Fprintln(in, token)
	if err == nil {
		_, err = p.out.ReadString('\n')
	}
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("opening the streams: %w", err)
	}
	return p, nil
}

// finish lets the readers wait for the change at last and returns what they got.
func (p *readersProcess) finish(last uint64) (got Received, err error) {
	if _, err := fmt.Fprintln(p.in, last); err != nil {
		return Received{}, fmt.Errorf("asking the readers: %w", err)
	}
	if err := json.NewDecoder(p.out).Decode(&got); err != nil {
		return Received{}, fmt.Errorf("hearing the readers: %w", err)
	}
	return got, nil
}

// kill ends the process, if it has not ended, and waits for it.
func (p *readersProcess) kill() {
	p.in.Close()
	_ = p.cmd.Process.Kill() // it has nothing to lose
	_ = p.cmd.Wait()         // what it says is that it was killed
}

// scoped signs a token with that scope.
func scoped(secret []byte, scope string, now time.Time) (string, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "bench", "scope": scope, "exp": now.Add(tokenTTL).Unix(),
	}).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("signing a token with %s: %w", scope, err)
	}
	return token, nil
}
