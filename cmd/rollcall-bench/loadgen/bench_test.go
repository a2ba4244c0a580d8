package loadgen

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bench is a short one that starts this test binary as its servers and keeps its files in a directory of the test.
func bench(t *testing.T) Bench {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Bench{
		Place: Place{Rollcall: program, Self: program, Dir: t.TempDir()}, Connections: []int{2}, Users: 20, Duration: 100 * time.Millisecond, Rounds: 1,
	}
}

// mustLeaveNothing fails where the run has left files.
func mustLeaveNothing(t *testing.T, b Bench) {
	t.Helper()
	if left, err := os.ReadDir(b.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestBenchMeasuresBothServersInEveryRound(t *testing.T) {
	b := bench(t)
	var said bytes.Buffer
	b.Stderr, b.Connections, b.Rounds = &said, []int{2, 4}, 2
	b.MinRatio = map[int]float64{2: 0.001, 4: 1000}
	t.Setenv("ROLLCALL_DATA_DIR", "elsewhere") // must not reach the servers
	report, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err, said.String())
	}
	mustLeaveNothing(t, b)
	if len(report.Counts) != 2 {
		t.Fatalf("%d counts, want 2", len(report.Counts))
	}
	for i, c := range report.Counts {
		if c.Connections != b.Connections[i] || len(c.Rounds) != b.Rounds || c.Ratio <= 0 {
			t.Errorf("%+v, want %d rounds with %d connections", c, b.Rounds, b.Connections[i])
		}
	}
	if err := report.Unacknowledged(); err != nil {
		t.Error(err)
	}
	if err := report.Below(); !errors.Is(err, ErrBelow) || !strings.Contains(err.Error(), "at 4 connections") || strings.Contains(err.Error(), "at 2 ") {
		t.Errorf("got %v, want ErrBelow for 4 connections only", err)
	}
}

func TestBenchOfARunningNodeStartsOnlyTheBaseline(t *testing.T) {
	b := bench(t)
	b.Server, b.Secret = serverOf(t, Baseline()), secret
	t.Setenv(nodeEnv, "never ready")
	report, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if node := report.Counts[0].Rounds[0].Node; node.Requests == 0 || node.ServerCPU != 0 {
		t.Errorf("got %+v, want requests, and no CPU of a process that is not known", node)
	}
}

func TestAHeartbeatThatANodeRefusesIsReported(t *testing.T) {
	b := bench(t)
	t.Setenv(nodeEnv, "refuses some")
	report, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Unacknowledged(); !errors.Is(err, ErrUnacknowledged) || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v, want ErrUnacknowledged with the status", err)
	}
}

func TestANodeThatEndsEndsTheBench(t *testing.T) {
	for _, how := range []string{"never ready", "dies under load"} {
		t.Run(how, func(t *testing.T) {
			b := bench(t)
			b.Duration = time.Minute
			if how == "dies under load" {
				b.Duration = 200 * time.Millisecond // of the baseline, which is measured before
			}
			t.Setenv(nodeEnv, how)
			if _, err := b.Run(t.Context()); !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "node") {
				t.Errorf("got %v, want an ErrEnded that names the node", err)
			}
			mustLeaveNothing(t, b)
		})
	}
}

func TestTheEndOfTheContextStopsTheServers(t *testing.T) {
	b := bench(t)
	b.Duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		awaitFile(filepath.Join(b.Dir, "*", "node.addr"))
		cancel()
	}()
	if _, err := b.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
	<-watched
	mustLeaveNothing(t, b)
}

// awaitFile blocks until a file of that pattern is there, for half a minute at most.
func awaitFile(pattern string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return
		}
	}
}

func TestAWantedRatioMustBeOfAMeasuredCount(t *testing.T) {
	b := bench(t)
	b.MinRatio = map[int]float64{64: 0.45}
	if _, err := b.Run(t.Context()); !errors.Is(err, ErrConfig) {
		t.Errorf("got %v, want ErrConfig", err)
	}
	mustLeaveNothing(t, b)
}
