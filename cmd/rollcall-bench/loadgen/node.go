package loadgen

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// newSecret is one that a node takes and nobody knows.
func newSecret() []byte { return []byte(rand.Text() + rand.Text()) }

// dataDir is where the node of that name keeps its data.
func (l launcher) dataDir(name string) string { return filepath.Join(l.dir, name+".data") }

// startNode starts a node with fsync, unless flags say otherwise, and without a
// limit. One of the same name goes on where the one before it ended.
func (l launcher) startNode(ctx context.Context, name string, secret []byte, flags ...string) (*process, error) {
	if !slices.Contains(flags, "--sync") {
		flags = append(flags, "--sync", "always")
	}
	args := slices.Concat([]string{"serve", "--data-dir", l.dataDir(name), "--jwt-secret", string(secret),
		"--rate-limit", "0", "--max-streams", "0", "--log-level", "warn"}, flags, l.serve)
	node, err := l.start(ctx, name, l.rollcall, args...)
	if err != nil {
		return nil, err
	}
	if err := node.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, node.stop())
	}
	return node, nil
}

// awaitReady blocks until /readyz no longer says 503 and notes what that took.
// A server that is no node has no such path.
func (p *process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("the %s is not ready after %s", p.name, startTime))
	defer cancel()
	for {
		status, err := statusOf(ctx, p.url+"/readyz")
		if err == nil && status != http.StatusServiceUnavailable {
			p.ready, p.readyCPU = time.Since(p.began), processCPU(p.pid)
			return nil
		}
		if !sleep(ctx, addrPoll) {
			return context.Cause(ctx)
		}
	}
}

func statusOf(ctx context.Context, url string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// startBaseline starts the handler that only answers 204.
func (l launcher) startBaseline(ctx context.Context) (*process, error) {
	return l.start(ctx, "handler", l.self, "serve-204")
}

// ended is what a program took that ran to its end.
type ended struct {
	took, cpu time.Duration
	peak      int64 // resident memory in bytes; 0 where it cannot be told
	out       []byte
}

// finish runs the program to its end. An exit code other than 0 is an error.
func (l launcher) finish(ctx context.Context, program string, args ...string) (ended, error) {
	cmd := l.command(ctx, program, args...)
	began := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return ended{}, fmt.Errorf("running %s %s: %w", filepath.Base(program), args[0], err)
	}
	return ended{took: time.Since(began), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak: peakOf(cmd), out: out}, nil
}

func peakOf(cmd *exec.Cmd) int64 { return maxResident(cmd.ProcessState.SysUsage()) }
