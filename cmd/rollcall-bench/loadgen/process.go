package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// startTime is how long a server may take to write its address.
	startTime = 2 * time.Minute
	// stopTime is how long a server may take to end after a SIGTERM before it is killed.
	stopTime = 20 * time.Second
	// addrPoll is how often the address file is looked for.
	addrPoll = 10 * time.Millisecond
)

// ErrEnded says that a server that was to be measured ended by itself.
var ErrEnded = errors.New("server ended by itself")

// launcher starts the servers of one run.
type launcher struct {
	rollcall string   // the program that is measured
	self     string   // this program
	serve    []string // further flags of every node
	dir      string   // where their files are
	stderr   io.Writer
	// ended ends the run with an ErrEnded when one of them ends. After the run it is called too, and means nothing then.
	ended context.CancelCauseFunc
}

// process is a server that was started to be measured. Its owner calls stop.
type process struct {
	server
	cmd   *exec.Cmd
	began time.Time // when it was started
	// ready is how long a node took from there until /readyz was 200, and readyCPU what it had spent by then.
	ready, readyCPU time.Duration
	killed          atomic.Bool   // its end is wanted
	exited          chan struct{} // closed when it has ended and been waited for; err is set before
	err             error         // what it ended with
}

// command is the program with args, in a group of its own and with nothing in its environment that would set it up.
func (l launcher) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the program that is measured
	cmd.Env = plainEnv(os.Environ())
	cmd.Stderr = l.stderr
	cmd.WaitDelay = time.Second
	detach(cmd)
	return cmd
}

// say tells how far a bench is.
func (l launcher) say(format string, args ...any) {
	fmt.Fprintf(l.stderr, "%s "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}

// start runs the program with args at a free loopback port and blocks until it listens. The launcher's ended must end
// ctx, so that a server which ends before it listens is noticed. After an error nothing is left running.
func (l launcher) start(ctx context.Context, name, program string, args ...string) (*process, error) {
	addrFile := filepath.Join(l.dir, name+".addr")
	if err := os.Remove(addrFile); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was killed
		return nil, fmt.Errorf("starting the %s: %w", name, err)
	}
	// The end of ctx must not kill it: stop ends it properly.
	cmd := l.command(context.WithoutCancel(ctx), program, append(args, "--addr", "127.0.0.1:0", "--addr-file", addrFile)...)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the %s: %w", name, err)
	}
	p := &process{server: server{name: name, pid: cmd.Process.Pid}, cmd: cmd, exited: make(chan struct{})}
	p.began = time.Now()
	go p.wait(l.ended)
	addr, err := awaitAddr(ctx, addrFile)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for the %s: %w", name, err), p.stop())
	}
	p.url = "http://" + addr
	return p, nil
}

// plainEnv leaves out what would set up one of the servers otherwise than its flags say, or hold it to fewer cores.
func plainEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(pair string) bool {
		return strings.HasPrefix(pair, "ROLLCALL_") || strings.HasPrefix(pair, "GOMAXPROCS=")
	})
}

// awaitAddr blocks until the file holds an address.
func awaitAddr(ctx context.Context, file string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("not ready after %s", startTime))
	defer cancel()
	for {
		if text, err := os.ReadFile(file); err == nil {
			addr := strings.TrimSpace(string(text))
			if _, _, err := net.SplitHostPort(addr); err == nil {
				return addr, nil
			}
		}
		if !sleep(ctx, addrPoll) {
			return "", context.Cause(ctx)
		}
	}
}

// wait takes the process's end and tells it.
func (p *process) wait(ended context.CancelCauseFunc) {
	p.err = p.cmd.Wait()
	if p.killed.Load() {
		close(p.exited)
		return
	}
	if p.err == nil {
		ended(fmt.Errorf("%w: the %s", ErrEnded, p.name))
	} else {
		ended(fmt.Errorf("%w: the %s: %w", ErrEnded, p.name, p.err))
	}
	close(p.exited)
}

// stop ends the process with SIGTERM, or kills it when that takes too long, and waits for it. It returns nil where the
// process ended with exit code 0 or had ended already.
func (p *process) stop() error {
	select {
	case <-p.exited:
		return nil
	default:
	}
	p.killed.Store(true)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		_ = p.cmd.Process.Kill() // no such signal on this system, or it is ending right now
	}
	late := time.NewTimer(stopTime)
	defer late.Stop()
	select {
	case <-p.exited:
	case <-late.C:
		_ = p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("the %s did not stop within %s and was killed", p.name, stopTime)
	}
	if p.err != nil {
		return fmt.Errorf("stopping the %s: %w", p.name, p.err)
	}
	return nil
}

// kill ends the process as a power cut would, and waits for it.
func (p *process) kill() {
	p.killed.Store(true)
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}
