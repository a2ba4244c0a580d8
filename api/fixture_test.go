package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
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
	nc      *nats.Conn
	journal *journal.Journal
	view    *current.View
	client  *http.Client
	logs    *logs
}

// serve starts a service that ends with the test. change may alter its configuration.
func serve(t testing.TB, change ...func(*api.Config)) *service {
	t.Helper()
	return serveLog(t, journal.Config{}, change...)
}

// serveLog is serve with a log that is kept as log says.
func serveLog(t testing.TB, log journal.Config, change ...func(*api.Config)) *service {
	t.Helper()
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	return serveOn(t, nc, journaltest.On(t, nc, log), change...)
}

// another starts another service on the log of s.
func (s *service) another(change ...func(*api.Config)) *service {
	return serveOn(s.t, s.nc, s.journal, change...)
}

func serveOn(t testing.TB, nc *nats.Conn, j *journal.Journal, change ...func(*api.Config)) *service {
	t.Helper()
	s := &service{t: t, nc: nc, journal: j, logs: &logs{}}
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

// broker returns what any NATS tool can do to the log.
func (s *service) broker() jetstream.JetStream {
	s.t.Helper()
	js, err := jetstream.New(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	return js
}

// committed returns the entries of the commit at seq.
func (s *service) committed(seq uint64) (entries []events.Event) {
	s.t.Helper()
	m, err := s.journal.Message(s.t.Context(), seq)
	if err != nil {
		s.t.Fatal(err)
	}
	var c events.Commit
	if err := c.Decode(m.Data); err != nil {
		s.t.Fatal(err)
	}
	for i := range c.Entries {
		e, _, err := c.Entries[i].Event()
		if err != nil {
			s.t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// stored returns how many entries the log has, void ones too.
func (s *service) stored() (n int) {
	s.t.Helper()
	var c events.Commit
	err := s.journal.Read(s.t.Context(), journal.Stretch{To: s.last()}, func(batch []journal.Message) error {
		for i := range batch {
			if err := c.Decode(batch[i].Data); err != nil {
				return err
			}
			n += len(c.Entries)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// counted returns how many events the log has, heartbeats too, without those that are void.
func (s *service) counted() int { return len(s.entries("?heartbeats=true")) }

// in returns s for a subtest.
func (s *service) in(t testing.TB) *service {
	c := *s
	c.t = t
	return &c
}
