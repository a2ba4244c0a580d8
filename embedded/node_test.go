package embedded_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(childEnv); config != "" {
		os.Exit(runChild(config))
	}
	if config := os.Getenv(serverEnv); config != "" {
		os.Exit(runServer(config))
	}
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

var secret = []byte("a secret for tests, 32 bytes long")

// node is a running node, and somebody who talks to it.
type node struct {
	t       testing.TB
	url     string
	handler http.Handler
	stop    func()
}

func run(t testing.TB, cfg embedded.Config) *node {
	t.Helper()
	cfg.JWTSecret, cfg.Addr = secret, "127.0.0.1:0"
	n, err := embedded.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	select {
	case err := <-done:
		cancel()
		t.Fatalf("the node ended: %v", err)
	case <-n.Ready():
	}
	stopped := false
	r := &node{t: t, url: "http://" + n.Addr(), handler: n.Handler(), stop: func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the node ended: %v", err)
		}
	}}
	t.Cleanup(r.stop)
	return r
}

func token(t testing.TB, c auth.MintClaims) string {
	t.Helper()
	if c.TTL == 0 {
		c.TTL = time.Hour
	}
	tok, err := auth.Mint(secret, c)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// call makes a request and decodes what comes back into out, if that is not nil.
func (n *node) call(tok, method, path, body string, out any) (int, http.Header) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, bytes.NewBufferString(body))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			n.t.Fatalf("%s %s: %s: %v", method, path, data, err)
		}
	}
	return resp.StatusCode, resp.Header
}

type presence struct {
	User     string    `json:"user"`
	Status   string    `json:"status"`
	Since    time.Time `json:"since"`
	LastSeen time.Time `json:"last_seen"`
	Seq      uint64    `json:"seq"`
}

// readyz returns what the node says of itself.
func (n *node) readyz() (code int, text string) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, n.url+"/readyz?verbose", http.NoBody)
	if err != nil {
		n.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// online logs tok's user in and returns since when he is online.
func (n *node) online(tok string) time.Time {
	n.t.Helper()
	var p presence
	_, h := n.call(tok, "POST", "/v1/login", "", nil)
	if n.call(tok, "GET", "/v1/me?min_seq="+h.Get("Rollcall-Seq"), "", &p); p.Status != "online" {
		n.t.Fatalf("after a login: %+v", p)
	}
	return p.Since
}

func TestASilentUserGoesOffline(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir(), Timeout: 1500 * time.Millisecond})
	alice := token(t, auth.MintClaims{User: "alice"})
	if code, _ := n.call(alice, "POST", "/v1/login", "", nil); code != 200 {
		t.Fatalf("login: %d", code)
	}
	code, h := n.call(alice, "POST", "/v1/heartbeat", "", nil)
	if code != 204 {
		t.Fatalf("heartbeat: %d", code)
	}
	var p presence
	if code, _ := n.call(alice, "GET", "/v1/me?min_seq="+h.Get("Rollcall-Seq"), "", &p); code != 200 || p.Status != "online" {
		t.Fatalf("me: %d %+v", code, p)
	}
	online := p
	journaltest.Until(t, "alice to go offline", func() bool {
		n.call(alice, "GET", "/v1/me", "", &p)
		return p.Status == "offline"
	})
	silent := p.Since.Sub(online.LastSeen)
	t.Logf("offline %v after the last beat", silent)
	if silent < 1500*time.Millisecond {
		t.Errorf("declared offline early: after %v", silent)
	}
	if !p.LastSeen.Equal(online.LastSeen) {
		t.Errorf("a timeout moved last seen from %v to %v", online.LastSeen, p.LastSeen)
	}
}

func TestANodeComesBackWithWhatItKnew(t *testing.T) {
	dir := t.TempDir()
	n := run(t, embedded.Config{DataDir: dir})
	alice := token(t, auth.MintClaims{User: "alice"})
	n.call(alice, "POST", "/v1/login", "", nil)
	_, h := n.call(alice, "POST", "/v1/heartbeat", "", nil)
	var before presence
	n.call(alice, "GET", "/v1/me?min_seq="+h.Get("Rollcall-Seq"), "", &before)
	n.stop()
	n = run(t, embedded.Config{DataDir: dir})
	var after presence
	if code, _ := n.call(alice, "GET", "/v1/me", "", &after); code != 200 || after != before {
		t.Errorf("after a restart: %d %+v, before %+v", code, after, before)
	}
}
