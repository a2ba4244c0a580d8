package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// begin runs a node and does not wait until it is ready.
func begin(t *testing.T, cfg embedded.Config) (n *embedded.Node, stop func() error) {
	t.Helper()
	cfg.JWTSecret = secret
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	n, err := embedded.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return n, stop
}

// get asks on a connection of its own and returns the answer.
func get(t *testing.T, method, url, tok string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	fresh := &http.Client{Transport: &http.Transport{}}
	defer fresh.CloseIdleConnections()
	resp, err := fresh.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestANodeRunsOnce(t *testing.T) {
	n, stop := begin(t, embedded.Config{DataDir: t.TempDir()})
	<-n.Ready()
	if err := n.Run(t.Context()); !errors.Is(err, embedded.ErrBegun) {
		t.Errorf("while it runs: %v", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := n.Run(t.Context()); !errors.Is(err, embedded.ErrBegun) {
		t.Errorf("after it has ended: %v", err)
	}
}

// TestKeptConnectionsAreAnsweredToTheLast stops a node under forty connections
// that send one request after the other. Each gets an answer to all that it has
// sent; the last one says that the connection ends.
func TestKeptConnectionsAreAnsweredToTheLast(t *testing.T) {
	n, stop := begin(t, embedded.Config{DataDir: t.TempDir(), RateLimit: 0})
	<-n.Ready()
	tok := token(t, auth.MintClaims{User: "alice"})
	var clients, warm sync.WaitGroup
	warm.Add(40)
	for i := range 40 {
		method, path := "POST", "/v1/heartbeat"
		if i%4 == 0 {
			method, path = "GET", "/v1/me"
		}
		clients.Go(func() {
			refused, err := keepAsking(n.Addr(), method, path, tok, warm.Done)
			if err != nil {
				t.Errorf("%s was cut off: %v", path, err)
			}
			if refused != "" && !strings.Contains(refused, "shutting_down") {
				t.Errorf("%s was refused with %s", path, refused)
			}
		})
	}
	warm.Wait()
	if err := stop(); err != nil {
		t.Error(err)
	}
	clients.Wait()
}

// keepAsking sends one request after the other on a connection until an answer
// says that it ends, and returns that answer's body if it is a refusal. warm is
// called after the first answers.
func keepAsking(addr, method, path, tok string, warm func()) (refused string, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		warm()
		return "", err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for i := 0; ; i++ {
		if i == 20 {
			warm()
		}
		_, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\n\r\n", method, path, tok)
		if err != nil {
			return "", fmt.Errorf("request %d: %w", i, err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return "", fmt.Errorf("answer %d: %w", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return "", fmt.Errorf("answer %d: %w", i, err)
		}
		if resp.StatusCode >= 500 {
			refused = string(body)
		}
		if resp.Close {
			return refused, nil
		}
	}
}

// TestAShutdownDelayServesOn holds that a balancer sees the node go before it
// refuses anything.
func TestAShutdownDelayServesOn(t *testing.T) {
	n, stop := begin(t, embedded.Config{DataDir: t.TempDir(), ShutdownDelay: 3 * time.Second, MetricsAddr: "127.0.0.1:0"})
	<-n.Ready()
	tok, url, ops := token(t, auth.MintClaims{User: "alice"}), "http://"+n.Addr(), "http://"+n.MetricsAddr()
	if resp, _ := get(t, "POST", url+"/v1/login", tok); resp.StatusCode != http.StatusOK || resp.Close {
		t.Fatalf("before: %s, closes: %t", resp.Status, resp.Close)
	}
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	journaltest.Until(t, "/readyz to say that the node is going", func() bool {
		resp, body := get(t, "GET", ops+"/readyz?verbose", "")
		return resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(body, "[-]accepting: the node is shutting down")
	})
	for _, call := range []string{"POST /v1/heartbeat", "POST /v1/login", "GET /v1/me", "GET /livez"} {
		method, path, _ := strings.Cut(call, " ")
		if resp, body := get(t, method, url+path, tok); resp.StatusCode >= 300 || !resp.Close {
			t.Errorf("%s: %s %s, closes: %t", call, resp.Status, body, resp.Close)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", n.Addr()); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
}
