//go:build torture && linux

package embedded_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

var (
	worstSeed  = flag.Uint64("worst.seed", 1, "seed of the worst users")
	worstTime  = flag.Duration("worst.time", time.Minute, "how long each kind of worst user goes on")
	worstUsers = flag.Int("worst.users", 20_000, "users who are online meanwhile")
	worstOnly  = flag.String("worst.only", "", "only kinds whose name holds this")
)

// worst is one user who tries their worst at a node, with so many connections.
type worst struct {
	t           testing.TB
	addr, url   string
	client      *http.Client
	plain       string // the token of a plain user
	service     string
	reader      string
	rng         *rand.Rand
	connections int
}

// others are users who do nothing but beat, and what they met.
type others struct {
	mu     sync.Mutex
	took   []time.Duration
	failed int
}

// TestTortureWorstUsers lets a user of every kind that is known try their worst,
// one after the other, at a node where others beat. It prints what the others
// noticed, and how much memory the node had.
func TestTortureWorstUsers(t *testing.T) {
	ready, kill, pid := spawnProcess(t, embedded.Config{DataDir: t.TempDir(), RateLimit: 20, Timeout: time.Hour})
	url, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	defer kill()
	w := &worst{t: t, url: url, addr: strings.TrimPrefix(url, "http://"), connections: 100, rng: rand.New(rand.NewPCG(*worstSeed, 0)),
		plain:   token(t, auth.MintClaims{User: "mallory"}),
		reader:  token(t, auth.MintClaims{User: "reader", Scope: "presence:read"}),
		service: token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})}
	w.client = &http.Client{Transport: &http.Transport{MaxConnsPerHost: w.connections, MaxIdleConnsPerHost: w.connections}}
	defer w.client.CloseIdleConnections()
	w.fill(*worstUsers)
	var crowd others
	stop := crowd.beat(t, url)
	defer stop()
	pause := func(d time.Duration) { <-time.After(d) }
	pause(2 * time.Second)
	crowd.take()
	pause(max(5*time.Second, *worstTime/2))
	alone, _ := crowd.take()
	t.Logf("seed %d, %s a kind, %d users online, others alone: p99 %s", *worstSeed, *worstTime, *worstUsers, alone)
	var table strings.Builder
	table.WriteString("| kind | others' p99 before | during | not answered | memory before | at most |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, k := range kinds {
		if !strings.Contains(k.name, *worstOnly) {
			continue
		}
		crowd.take()
		pause(3 * time.Second)
		before, _ := crowd.take()
		memory := memoryOf(t, pid)
		most := memory
		ctx, cancel := context.WithTimeout(t.Context(), *worstTime)
		ended := make(chan struct{})
		go func() { defer close(ended); k.do(ctx, w) }()
		for tick := time.NewTicker(100 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			most = max(most, memoryOf(t, pid))
		}
		during, failed := crowd.take()
		cancel()
		<-ended
		w.client.CloseIdleConnections()
		fmt.Fprintf(&table, "| %s | %s | %s | %d | %d MiB | %d MiB |\n", k.name, before.Round(100*time.Microsecond), during.Round(100*time.Microsecond),
			failed, memory>>20, most>>20)
		if strings.Contains(k.name, ": ") {
			continue // who has been given a scope is trusted to take more
		}
		if ceiling := 2 * max(alone, before); during > ceiling && during > 25*time.Millisecond {
			t.Errorf("%s: others' p99 %s, alone %s", k.name, during, alone)
		}
		if most > 2*memory {
			t.Errorf("%s: %d MiB, before %d", k.name, most>>20, memory>>20)
		}
		if failed > 0 {
			t.Errorf("%s: %d beats of others were not answered with 204", k.name, failed)
		}
	}
	t.Log("\n" + table.String())
}

// fill logs users in.
func (w *worst) fill(n int) {
	w.t.Helper()
	for from := 0; from < n; from += 5000 {
		var body bytes.Buffer
		for i := from; i < min(n, from+5000); i++ {
			fmt.Fprintf(&body, `{"type":"login","user":"user-%06d"}`+"\n", i)
		}
		if status := w.post(w.t.Context(), w.service, "/v1/events", "application/x-ndjson", &body); status != http.StatusOK {
			w.t.Fatalf("filling: %d", status)
		}
	}
}

// beat lets fifty users beat four times a second each until stop is called.
func (o *others) beat(t testing.TB, url string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var beating sync.WaitGroup
	for i := range 50 {
		tok := token(t, auth.MintClaims{User: "other-" + strconv.Itoa(i)})
		client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
		beating.Go(func() {
			defer client.CloseIdleConnections()
			tick := time.NewTicker(250 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				r, _ := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/heartbeat", nil)
				r.Header.Set("Authorization", "Bearer "+tok)
				began := time.Now()
				resp, err := client.Do(r)
				if err == nil {
					_ = resp.Body.Close()
				}
				if ctx.Err() == nil {
					o.note(time.Since(began), err == nil && resp.StatusCode == http.StatusNoContent)
				}
			}
		})
	}
	return func() { cancel(); beating.Wait() }
}

func (o *others) note(took time.Duration, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.took = append(o.took, took)
	if !ok {
		o.failed++
	}
}

// take returns the p99 since it was called last, and how many failed.
func (o *others) take() (p99 time.Duration, failed int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.Sort(o.took)
	if n := len(o.took); n > 0 {
		p99 = o.took[n*99/100]
	}
	failed = o.failed
	o.took, o.failed = nil, 0
	return p99, failed
}

// memoryOf is the resident memory of a process, in bytes.
func memoryOf(t testing.TB, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// loops calls fn again and again, on all connections at once, until ctx ends.
func (w *worst) loops(ctx context.Context, n int, fn func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for ctx.Err() == nil {
				fn(i)
			}
		})
	}
	all.Wait()
}

// ask sends a request and reads the answer.
func (w *worst) ask(ctx context.Context, method, path, token string, header ...string) int {
	r, err := http.NewRequestWithContext(ctx, method, w.url+path, nil)
	if err != nil {
		w.t.Error(err)
		return 0
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.send(r)
}

func (w *worst) post(ctx context.Context, token, path, media string, body io.Reader, header ...string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+path, body)
	if err != nil {
		w.t.Error(err)
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", media)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return w.send(r)
}

func (w *worst) send(r *http.Request) int {
	resp, err := w.client.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// raw opens connections that send text, and then go on as fn says until ctx ends.
func (w *worst) raw(ctx context.Context, n int, text string, fn func(net.Conn)) {
	var all sync.WaitGroup
	var open atomic.Int64
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", w.addr)
				if err != nil {
					<-time.After(100 * time.Millisecond)
					continue
				}
				_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
				open.Add(1)
				end := context.AfterFunc(ctx, func() { _ = conn.Close() })
				if _, err := io.WriteString(conn, text); err == nil && fn != nil {
					fn(conn)
				}
				end()
				_ = conn.Close()
			}
		})
	}
	all.Wait()
}
