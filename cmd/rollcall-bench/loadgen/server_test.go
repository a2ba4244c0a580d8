package loadgen

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// secret is one that a node would take.
var secret = []byte("0123456789abcdef0123456789abcdef")

// serverOf runs the handler until the test ends and returns its URL.
func serverOf(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// load is a short run against url.
func load(t *testing.T, url string) Config {
	t.Helper()
	tokens, err := Tokens(secret, 20, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return Config{URL: url, Connections: 4, Warmup: 20 * time.Millisecond, Duration: 200 * time.Millisecond, Tokens: tokens}
}

// run is Run that must succeed.
func run(t *testing.T, cfg Config) Result {
	t.Helper()
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// refuseEvery answers each n-th request with 503 and a body, the others with 204.
func refuseEvery(n int64) http.HandlerFunc {
	var seen atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		if seen.Add(1)%n == 0 {
			http.Error(w, "the log is slow", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// serveOn is ServeBaseline with another handler.
func serveOn(ctx context.Context, addr, addrFile string, h http.HandlerFunc) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if err := writeAddr(addrFile, listener.Addr()); err != nil {
		return err
	}
	return serve(ctx, &http.Server{Handler: h}, listener)
}
