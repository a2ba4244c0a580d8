package shortway_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/api/shortway"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/projections/current"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = []byte("0123456789abcdef0123456789abcdef")

func minted(c auth.MintClaims) string {
	t, err := auth.Mint(secret, c)
	if err != nil {
		panic(err)
	}
	return t
}

var alice = minted(auth.MintClaims{User: "alice"})

// service is one API at two addresses: with the short way, and net/http alone.
type service struct {
	t            testing.TB
	api          *api.API
	log          *watched
	listener     *shortway.Listener
	server       *http.Server // of the short address
	short, plain string
}

// setup is what a test may change.
type setup struct {
	api  api.Config
	auth auth.Config
	way  shortway.Config
	beat func(events.Beat) (uint64, error) // instead of the log's
	// state is called for connections of net/http at the short address.
	state func(net.Conn, http.ConnState)
}

func serve(t testing.TB, changes ...func(*setup)) *service {
	t.Helper()
	j := journaltest.Open(t, journal.Config{})
	view, err := current.Open(current.Config{Path: filepath.Join(t.TempDir(), "current.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := view.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := view.Bind(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	journaltest.Run(t, "the view", func(ctx context.Context) error { return view.Run(ctx, j) })
	u := setup{auth: auth.Config{Secret: secret}, way: shortway.Config{HeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}}
	for _, change := range changes {
		change(&u)
	}
	s := &service{t: t, log: &watched{Log: j, beat: u.beat}}
	if u.api.Auth, err = auth.New(u.auth); err != nil {
		t.Fatal(err)
	}
	u.api.Log, u.api.View = s.log, view
	if s.api, err = api.New(u.api); err != nil {
		t.Fatal(err)
	}
	u.way.Handler = s.api.ShortBeats()
	inner := listen(t)
	s.listener, s.short = shortway.New(inner, u.way), inner.Addr().String()
	s.server = s.run(s.listener, u, u.state)
	plain := listen(t)
	s.plain = plain.Addr().String()
	s.run(plain, u, nil)
	t.Cleanup(func() { _ = s.listener.Shutdown(context.Background()) })
	return s
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (s *service) run(l net.Listener, u setup, state func(net.Conn, http.ConnState)) *http.Server {
	server := &http.Server{Handler: s.api.Handler(), ReadHeaderTimeout: u.way.HeaderTimeout, IdleTimeout: u.way.IdleTimeout,
		MaxHeaderBytes: 16 << 10, ConnState: state}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(l) })
	s.t.Cleanup(func() { _ = server.Close(); wg.Wait() })
	return server
}

// watched is a log that remembers the heartbeats it was given. It goes on for
// clients that have half closed, whom net/http would take for gone.
type watched struct {
	api.Log
	beat func(events.Beat) (uint64, error) // instead of the log's
	// forgetful keeps it from remembering.
	forgetful atomic.Bool

	mu    sync.Mutex // guards the rest
	beats []events.Beat
}

func (w *watched) Beat(ctx context.Context, b events.Beat) (uint64, error) {
	if !w.forgetful.Load() {
		w.mu.Lock()
		w.beats = append(w.beats, b)
		w.mu.Unlock()
	}
	if w.beat != nil {
		return w.beat(b)
	}
	return w.Log.Beat(context.WithoutCancel(ctx), b)
}

// taken returns the heartbeats since the last time.
func (w *watched) taken() []events.Beat {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.beats
	w.beats = nil
	return b
}

// peer is the other end of a connection.
type peer struct {
	t testing.TB
	*net.TCPConn
}

// patience bounds what a test waits for.
const patience = 20 * time.Second

func dial(t testing.TB, addr string) *peer {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &peer{t, c.(*net.TCPConn)}
}

func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p, text); err != nil {
		p.t.Fatal(err)
	}
}

// head reads one answer without a body.
func (p *peer) head() string {
	p.t.Helper()
	var b strings.Builder
	one := make([]byte, 1)
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		if _, err := p.Read(one); err != nil {
			p.t.Fatalf("after %q: %v", b.String(), err)
		}
		b.Write(one)
	}
	return b.String()
}

// rest reads until the connection ends.
func (p *peer) rest() string {
	p.t.Helper()
	data, err := io.ReadAll(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Errorf("the connection did not end after %q", data)
	}
	return string(data)
}

// is fails the test unless answer has this status.
func is(t testing.TB, answer, status string) {
	t.Helper()
	if !strings.HasPrefix(answer, "HTTP/1.1 "+status+" ") {
		t.Fatalf("%q, want %s", answer, status)
	}
}

var changing = regexp.MustCompile(`(?m)^(Date|Rollcall-Seq): .*\r$`)

// said returns all that the server at addr answers to pieces, each a write of its
// own, until it closes the connection or has answered all, with what differs from
// one time to the next taken out.
func said(t testing.TB, addr string, pieces ...string) string {
	p := dial(t, addr)
	defer p.Close()
	for _, piece := range pieces {
		if _, err := io.WriteString(p, piece); err != nil {
			break // it has refused by now
		}
	}
	_ = p.CloseWrite()
	return changing.ReplaceAllString(p.rest(), "$1: ?\r")
}

// request returns a heartbeat of alice with more headers, each with its line end.
func request(headers ...string) string {
	return "POST /v1/heartbeat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + alice + "\r\n" + strings.Join(headers, "") + "\r\n"
}

// probe tells whether a server is in step still.
const probe = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
