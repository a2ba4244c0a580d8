package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/projections/current"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = []byte("0123456789abcdef0123456789abcdef")

// service is the API over a real log and a real view, on a real socket.
type service struct {
	t       testing.TB
	url     string
	api     *api.API
	journal *journal.Journal
	view    *current.View
	client  *http.Client
	logs    *logs
}

// serve starts a service that ends with the test. change may alter its configuration.
func serve(t testing.TB, change ...func(*api.Config)) *service {
	t.Helper()
	s := &service{t: t, journal: journaltest.Open(t, journal.Config{}), logs: &logs{}}
	s.view = follow(t, s.journal)
	verifier, err := auth.New(auth.Config{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	cfg := api.Config{Log: s.journal, View: s.view, Auth: verifier, Logger: slog.New(slog.NewTextHandler(s.logs, nil))}
	for _, c := range change {
		c(&cfg)
	}
	if s.api, err = api.New(cfg); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.api.Handler())
	s.url, s.client = server.URL, &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 10 * time.Second}}
	t.Cleanup(func() { s.client.CloseIdleConnections(); server.Close() })
	return s
}

func follow(t testing.TB, j *journal.Journal) *current.View {
	t.Helper()
	v, err := current.Open(current.Config{Path: filepath.Join(t.TempDir(), "current.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := v.Bind(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	journaltest.Run(t, "the view", func(ctx context.Context) error { return v.Run(ctx, j) })
	return v
}

// logs keeps what the service logs.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// token returns a token of user with scope, which may be "".
func token(user, scope string) string {
	return minted(auth.MintClaims{User: user, Scope: scope})
}

func minted(c auth.MintClaims) string {
	t, err := auth.Mint(secret, c)
	if err != nil {
		panic(err)
	}
	return t
}

// The tokens that most tests use.
var (
	alice  = token("alice", "")
	bob    = token("bob", "")
	reader = token("reader", "presence:read")
	writer = token("writer", "presence:write")
	root   = token("root", "presence:admin")
)

// answer is what the service said.
type answer struct {
	t       testing.TB
	what    string
	status  int
	headers http.Header
	body    []byte
}

// with changes a request.
type with func(*http.Request)

func header(name, value string) with {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func bodyOf(contentType, body string) with {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
	}
}

func asJSON(body string) with   { return bodyOf("application/json", body) }
func asNDJSON(body string) with { return bodyOf("application/x-ndjson", body) }

// do sends a request; path is as it goes over the wire. Every answer is held against the OpenAPI document.
func (s *service) do(method, path, token string, changes ...with) *answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, c := range changes {
		c(r)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := &answer{t: s.t, what: method + " " + path, status: resp.StatusCode, headers: resp.Header, body: body}
	documented(s.t, r, a)
	return a
}

// is fails the test unless the answer has this status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d %s, want %d", a.what, a.status, a.body, status)
	}
	return a
}

// fails fails the test unless the answer is the problem of this status and code, in the one form that problems have.
func (a *answer) fails(status int, code string) *answer {
	a.t.Helper()
	a.is(status)
	p := a.json()
	if p["code"] != code || p["type"] != "/problems/"+code || p["status"] != float64(status) || p["title"] == "" || p["detail"] == "" {
		a.t.Fatalf("%s: %s, want the problem %s", a.what, a.body, code)
	}
	if got := a.headers.Get("Content-Type"); got != "application/problem+json" {
		a.t.Fatalf("%s: content type %q", a.what, got)
	}
	return a
}

// json returns the body as an object.
func (a *answer) json() map[string]any {
	a.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		a.t.Fatalf("%s: %s: %v", a.what, a.body, err)
	}
	return m
}

// into fills v from the body.
func (a *answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%s: %s: %v", a.what, a.body, err)
	}
}

// seq returns the header Rollcall-Seq.
func (a *answer) seq() uint64 {
	a.t.Helper()
	n, err := strconv.ParseUint(a.headers.Get("Rollcall-Seq"), 10, 64)
	if err != nil {
		a.t.Fatalf("%s: Rollcall-Seq: %v", a.what, err)
	}
	return n
}

// at returns the query that makes a read see what stands at seq.
func at(seq uint64) string { return fmt.Sprintf("?min_seq=%d", seq) }

// shown is a presence object.
type shown struct {
	User     string
	Status   string
	Observed string
	Since    *time.Time
	LastSeen *time.Time `json:"last_seen"`
	Seq      uint64
	Sessions []struct {
		Session, Device string
		Since           time.Time
		LastSeen        time.Time `json:"last_seen"`
		Idle            bool
	}
	Override *struct {
		Status, By, Reason string
		Until              *time.Time
	}
}

// see returns the presence of the user at path, as root sees him once the view has reached seq.
func (s *service) see(user string, seq uint64) (p shown) {
	s.t.Helper()
	s.do("GET", "/v1/users/"+user+at(seq), root).is(200).into(&p)
	return p
}

// last returns the last sequence of the log.
func (s *service) last() uint64 {
	s.t.Helper()
	_, last, err := s.journal.Bounds(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return last
}

func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	journaltest.Until(t, what, cond)
}

func journalOf(t testing.TB, cfg journal.Config) *journal.Journal {
	t.Helper()
	return journaltest.Open(t, cfg)
}

// stalled is a body that stops coming until it is closed.
type stalled struct {
	head io.Reader
	end  chan struct{}
	once sync.Once
}

func newStalled(head string) *stalled {
	return &stalled{head: strings.NewReader(head), end: make(chan struct{})}
}

func (s *stalled) Read(b []byte) (int, error) {
	if n, err := s.head.Read(b); err == nil {
		return n, nil
	}
	<-s.end
	return 0, io.EOF
}

func (s *stalled) Close() error {
	s.once.Do(func() { close(s.end) })
	return nil
}

// in returns s for a subtest.
func (s *service) in(t testing.TB) *service {
	c := *s
	c.t = t
	return &c
}
