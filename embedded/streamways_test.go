package embedded_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

// TestAStreamGoesThroughWhateverTheServerIs mounts the node in servers whose
// connections it cannot write to itself.
func TestAStreamGoesThroughWhateverTheServerIs(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	for name, server := range map[string]func() *httptest.Server{
		"http/1.1": func() *httptest.Server { return httptest.NewServer(n.handler) },
		"tls":      func() *httptest.Server { return httptest.NewTLSServer(n.handler) },
		"http/2": func() *httptest.Server {
			s := httptest.NewUnstartedServer(n.handler)
			s.EnableHTTP2 = true
			s.StartTLS()
			return s
		},
		"compressed": func() *httptest.Server {
			return httptest.NewServer(middleware.Compress(5, "text/event-stream")(n.handler))
		},
		"compressed, and it can be seen through": func() *httptest.Server {
			return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					w.Header().Set("Content-Encoding", "gzip")
					w = &squeezer{w, gzip.NewWriter(w)} // it is flushed, and never closed: the client leaves first
				}
				n.handler.ServeHTTP(w, r)
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := server()
			defer s.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			messages, err := listenWith(ctx, s.Client(), s.URL, reader, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if m := <-messages; m.event != "snapshot" {
				t.Fatalf("it began with %+v", m)
			}
			for i := range 20 {
				user := fmt.Sprintf("%s-%d", strings.NewReplacer("/", "", " ", "", ",", "").Replace(name), i)
				req, err := http.NewRequest("POST", s.URL+"/v1/login", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+token(t, auth.MintClaims{User: user}))
				resp, err := s.Client().Do(req)
				if err != nil || resp.StatusCode != 200 {
					t.Fatal(resp, err)
				}
				resp.Body.Close()
				m := <-messages
				var c struct{ User, Status string }
				if err := json.Unmarshal([]byte(m.data), &c); err != nil || c.User != user || c.Status != "online" {
					t.Fatalf("got %+v, want that %s is online: %v", m, user, err)
				}
			}
			cancel()
			for range messages { //nolint:revive // until it has ended
			}
		})
	}
}

// squeezer compresses what goes through it, and lets others get at what it wraps.
type squeezer struct {
	http.ResponseWriter
	out *gzip.Writer
}

func (s *squeezer) Write(b []byte) (int, error) { return s.out.Write(b) }

func (s *squeezer) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *squeezer) FlushError() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(s.ResponseWriter).Flush()
}

// metrics is what the node tells Prometheus.
func (n *node) metrics() string {
	n.t.Helper()
	resp, err := http.Get(n.url + "/metrics")
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

// TestANodeThatStopsEndsItsStreamsProperly: the client reads to the end of the
// answer, not to a broken connection, and knows that nothing else comes over it.
func TestANodeThatStopsEndsItsStreamsProperly(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	encrypted := httptest.NewTLSServer(n.handler)
	defer encrypted.Close()
	var streams []*http.Response
	for _, s := range []struct {
		url    string
		client *http.Client
	}{{n.url, http.DefaultClient}, {encrypted.URL, encrypted.Client()}} {
		req, err := http.NewRequest("GET", s.url+"/v1/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token(t, auth.MintClaims{User: "reader", Scope: "presence:read"}))
		resp, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if !resp.Close {
			t.Error("the answer does not say that its connection ends with it")
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		streams = append(streams, resp)
	}
	if text := n.metrics(); !strings.Contains(text, "\nrollcall_stream_readers 2\n") {
		t.Errorf("the metrics do not know both readers:\n%s", text)
	}
	n.stop()
	for _, resp := range streams {
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Errorf("the stream of %s ended with %v", resp.Request.URL, err)
		}
	}
}

// TestWhoGoesWhileHisStreamBeginsIsNoFailure, and nothing of him is left.
func TestWhoGoesWhileHisStreamBeginsIsNoFailure(t *testing.T) {
	logs := new(nodeLog)
	n := run(t, embedded.Config{DataDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelError}))})
	const users = 20_000 // more of them than a connection holds
	var lines strings.Builder
	for i := range users {
		fmt.Fprintf(&lines, `{"type":"login","user":"u%d"}`+"\n", i)
	}
	service := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	req, err := http.NewRequest("POST", n.url+"/v1/events", strings.NewReader(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+service)
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	n.call(service, "GET", "/v1/stats?min_seq="+resp.Header.Get("Rollcall-Seq"), "", nil)
	for range 3 {
		c, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET /v1/stream HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer %s\r\n\r\n", service)
		if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	n.stop() // waits for those whose streams begin
	if got := logs.String(); got != "" {
		t.Errorf("logged as errors: %.1000s", got)
	}
}

// nodeLog is what a node logs.
type nodeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *nodeLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *nodeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestWhoComesInACrowdMissesNobodyWhoWasThereBefore: snapshots are shared among
// those who come at once, but never one from before somebody came.
func TestWhoComesInACrowdMissesNobodyWhoWasThereBefore(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	service := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	var crowd sync.WaitGroup
	for i := range 150 {
		user := fmt.Sprintf("u%d", i)
		var h http.Header
		if i%2 == 0 {
			_, h = n.call(service, "POST", "/v1/events", `{"type":"login","user":"`+user+`"}`, nil)
		} else {
			_, h = n.call(token(t, auth.MintClaims{User: user}), "POST", "/v1/login", "", nil)
		}
		n.call(service, "GET", "/v1/stats?min_seq="+h.Get("Rollcall-Seq"), "", nil)
		// Every fifth may see everything, the others only themselves.
		who := token(t, auth.MintClaims{User: user, Scope: "presence:read"})
		private := i%5 == 0
		if private {
			who = service
		}
		crowd.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			messages, err := n.listen(ctx, who, "", "")
			if err != nil {
				t.Error(err)
				return
			}
			var heap struct {
				Users []struct {
					User     string
					Sessions []struct{ Session string }
				}
			}
			if err := json.Unmarshal([]byte((<-messages).data), &heap); err != nil {
				t.Error(err)
			}
			there := map[string]bool{}
			for _, p := range heap.Users {
				there[p.User] = true
				if sees := len(p.Sessions) > 0; sees != (private || p.User == user) {
					t.Errorf("%s (private: %t) sees sessions of %s: %t", user, private, p.User, sees)
				}
			}
			for before := range i + 1 {
				if !there[fmt.Sprintf("u%d", before)] {
					t.Errorf("%s misses u%d", user, before)
				}
			}
			cancel()
			for range messages { //nolint:revive // until it has ended
			}
		})
	}
	crowd.Wait()
}

// TestAStreamEndsWithItsToken: with what the token says, and not with the leeway that clocks are granted.
func TestAStreamEndsWithItsToken(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	for _, path := range []string{"/v1/stream", "/v1/events?follow=true"} {
		issued := time.Now()
		claims := auth.MintClaims{User: "root", Role: "admin", TTL: 5 * time.Second, Now: issued}
		ctx, cancel := context.WithTimeout(t.Context(), auth.Leeway)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", n.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token(t, claims))
		req.Header.Set("Accept", "text/event-stream, application/x-ndjson")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		expires := issued.Truncate(time.Second).Add(claims.TTL)
		if resp.StatusCode != 200 || err != nil || time.Now().Before(expires) {
			t.Errorf("%s: %s, ended with %v %v after the token", path, resp.Status, err, time.Since(expires))
		}
	}
}

// TestAStreamBeginsWithAMessage: also for readers that take every block of lines for one.
func TestAStreamBeginsWithAMessage(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", n.url+"/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token(t, auth.MintClaims{User: "root", Role: "admin"}))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	var block string
	for !strings.HasSuffix(block, "\n\n") {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		block += line
	}
	if !strings.HasPrefix(block, "retry: 2000\nevent: snapshot\nid: ") {
		t.Errorf("it begins with %q", block)
	}
}
