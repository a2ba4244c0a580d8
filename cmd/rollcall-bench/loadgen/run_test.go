package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEveryExchangeIsCountedAsTheServerSawIt(t *testing.T) {
	var seen atomic.Int64
	url := serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		Baseline().ServeHTTP(w, r)
	}))
	r := run(t, load(t, url))
	if r.Statuses[http.StatusNoContent] != seen.Load() || r.Other(http.StatusNoContent) != 0 {
		t.Errorf("statuses %v, but the server answered %d with 204", r.Statuses, seen.Load())
	}
	if r.Requests == 0 || r.Requests > seen.Load() || r.Rate != float64(r.Requests)*5 {
		t.Errorf("%d requests in 200 ms, %.0f a second, of %d in all", r.Requests, r.Rate, seen.Load())
	}
	if r.P50 <= 0 || r.P50 > r.P90 || r.P90 > r.P99 || r.P99 > r.P999 || r.P999 > r.Max {
		t.Errorf("latencies do not rise: %v %v %v %v %v", r.P50, r.P90, r.P99, r.P999, r.Max)
	}
}

func TestAnswersAreCountedByStatus(t *testing.T) {
	r := run(t, load(t, serverOf(t, refuseEvery(3))))
	accepted, refused := r.Statuses[http.StatusNoContent], r.Statuses[http.StatusServiceUnavailable]
	if refused == 0 || refused != (accepted+refused)/3 || r.Other(http.StatusNoContent) != refused {
		t.Errorf("statuses %v, want every third to be 503", r.Statuses)
	}
	if r.Requests > accepted {
		t.Errorf("%d requests counted, but only %d were accepted", r.Requests, accepted)
	}
}

func TestEachConnectionSendsItsOwnShareOfTheTokens(t *testing.T) {
	var mu sync.Mutex
	senders := map[string]string{} // Authorization → remote address
	shared := false
	url := serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		token := r.Header.Get("Authorization")
		if before, ok := senders[token]; ok && before != r.RemoteAddr {
			shared = true
		}
		senders[token] = r.RemoteAddr
		w.WriteHeader(http.StatusNoContent)
	}))
	run(t, load(t, url))
	if shared || len(senders) < 2 {
		t.Errorf("%d tokens were sent; one by two connections: %v", len(senders), shared)
	}
}

func TestTheSharesAreAllTheRequestsOnce(t *testing.T) {
	requests := [][]byte{{0}, {1}, {2}, {3}, {4}}
	want := [][][]byte{{{0}, {3}}, {{1}, {4}}, {{2}}}
	for i := range want {
		if diff := cmp.Diff(want[i], share(requests, i, 3)); diff != "" {
			t.Errorf("connection %d: %s", i, diff)
		}
	}
}

func TestMoreConnectionsThanTokensShareThem(t *testing.T) {
	cfg := load(t, serverOf(t, Baseline()))
	cfg.Tokens = cfg.Tokens[:1]
	if r := run(t, cfg); r.Requests == 0 {
		t.Error("nothing was answered")
	}
}

func TestOnlyLoopbackIsLoaded(t *testing.T) {
	for _, url := range []string{"http://192.0.2.1:80", "http://[2001:db8::1]:80", "http://0.0.0.0:80", "http://10.0.0.1"} {
		cfg := load(t, url)
		if _, err := Run(t.Context(), cfg); !errors.Is(err, ErrNotLoopback) || !errors.Is(err, ErrConfig) {
			t.Errorf("%s: got %v, want ErrNotLoopback", url, err)
		}
	}
}

func TestAConfigThatCannotBeIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"https":            func(c *Config) { c.URL = "https://127.0.0.1:1" },
		"path in the URL":  func(c *Config) { c.URL = "http://127.0.0.1:1/v1" },
		"no host":          func(c *Config) { c.URL = "http://:1" },
		"no such port":     func(c *Config) { c.URL = "http://127.0.0.1:99999" },
		"no connection":    func(c *Config) { c.Connections = 0 },
		"no time":          func(c *Config) { c.Duration = 0 },
		"negative warm-up": func(c *Config) { c.Warmup = -1 },
		"no token":         func(c *Config) { c.Tokens = nil },
		"negative rate":    func(c *Config) { c.Rate = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := load(t, "http://127.0.0.1:1")
			change(&cfg)
			if _, err := Run(t.Context(), cfg); !errors.Is(err, ErrConfig) {
				t.Errorf("got %v, want ErrConfig", err)
			}
		})
	}
}

func TestABodyIsThrownAway(t *testing.T) {
	body := make([]byte, 3*readBuffer)
	r := run(t, load(t, serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
	}))))
	if r.Requests == 0 || r.Other(http.StatusOK) != 0 {
		t.Errorf("%d requests, statuses %v, want only 200", r.Requests, r.Statuses)
	}
}

func TestAnAnswerThatIsNotFollowedEndsTheRun(t *testing.T) {
	url := serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
	}))
	if _, err := Run(t.Context(), load(t, url)); !errors.Is(err, ErrAnswer) {
		t.Errorf("got %v, want ErrAnswer", err)
	}
}

func TestAConnectionCutByTheServerIsCountedAndOpenedAnew(t *testing.T) {
	var seen atomic.Int64
	r := run(t, load(t, serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if seen.Add(1)%5 == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusNoContent)
	}))))
	total := seen.Load()
	if r.Statuses[broken] != total/5 || r.Statuses[http.StatusNoContent] != total-total/5 {
		t.Errorf("statuses %v, want every fifth of %d to be broken", r.Statuses, total)
	}
}

func TestAnAnnouncedCloseIsNoError(t *testing.T) {
	r := run(t, load(t, serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusNoContent)
	}))))
	if r.Requests == 0 || r.Other(http.StatusNoContent) != 0 {
		t.Errorf("%d requests, statuses %v, want only 204", r.Requests, r.Statuses)
	}
}

func TestAServerThatIsNotThereIsAnErrorAtTheStart(t *testing.T) {
	if _, err := Run(t.Context(), load(t, "http://127.0.0.1:1")); err == nil || errors.Is(err, ErrConfig) {
		t.Errorf("got %v, want the error of the dial", err)
	}
}

func TestTheEndOfTheContextBreaksOffAWaitForAnAnswer(t *testing.T) {
	asked, release := make(chan struct{}, 4), make(chan struct{})
	url := serverOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	defer close(release)
	cfg := load(t, url)
	cfg.Duration = time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("somebody asked")
	go func() {
		<-asked
		cancel(why)
	}()
	if _, err := Run(ctx, cfg); !errors.Is(err, why) {
		t.Errorf("got %v, want the cause of the context", err)
	}
}

func TestAContextThatHasEndedOpensNothing(t *testing.T) {
	why := errors.New("too late")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := Run(ctx, load(t, serverOf(t, Baseline()))); !errors.Is(err, why) {
		t.Errorf("got %v, want the cause of the context", err)
	}
}

func TestARateIsNotExceeded(t *testing.T) {
	cfg := load(t, serverOf(t, Baseline()))
	cfg.Rate = 500 // 110 in the 220 ms of the run
	r := run(t, cfg)
	if n := r.Statuses[http.StatusNoContent]; n == 0 || n+r.Unsent > 110 {
		t.Errorf("%d sent and %d unsent, want no more than 110", n, r.Unsent)
	}
}
