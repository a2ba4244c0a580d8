package shortway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/api/shortway"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// handings counts the connections that net/http gets.
type handings struct{ n atomic.Int32 }

func (h *handings) count(u *setup) {
	u.state = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			h.n.Add(1)
		}
	}
}

func TestHeartbeatsOfAConnectionStayOnTheShortWay(t *testing.T) {
	var h handings
	s := serve(t, h.count)
	p := dial(t, s.short)
	for range 3 {
		p.send(request())
		is(t, p.head(), "204")
	}
	p.send(request() + request() + request())
	for range 3 {
		is(t, p.head(), "204")
	}
	if n := h.n.Load(); n != 0 {
		t.Errorf("net/http got %d connections", n)
	}
	p.send(probe)
	is(t, p.head(), "200")
	if n := h.n.Load(); n != 1 {
		t.Errorf("net/http got %d connections, want 1", n)
	}
}

func TestAHeartbeatSaysWhoAndWhichSession(t *testing.T) {
	s := serve(t)
	sid := minted(auth.MintClaims{User: "bob", Session: "phone"})
	for _, tt := range []struct{ text, user, session string }{
		{request(), "alice", events.DefaultSession},
		{request("Rollcall-Session: web-1\r\n"), "alice", "web-1"},
		{strings.Replace(request(), alice, sid, 1), "bob", "phone"},
		{strings.Replace(request("Rollcall-Session: web-1\r\n"), alice, sid, 1), "bob", "web-1"},
	} {
		p := dial(t, s.short)
		p.send(tt.text)
		is(t, p.head(), "204")
		if got := s.log.taken(); len(got) != 1 || got[0].User != tt.user || got[0].Actor != tt.user || got[0].Session != tt.session || got[0].At == 0 {
			t.Errorf("%+v, want %s %s", got, tt.user, tt.session)
		}
	}
}

// clock is a time that a test sets.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

func TestATokenThatExpiresIsRefused(t *testing.T) {
	c := newClock()
	s := serve(t, func(u *setup) { u.auth.Now = c.now })
	p := dial(t, s.short)
	p.send(request())
	is(t, p.head(), "204")
	c.pass(2 * time.Hour)
	p.send(request())
	if got := p.head(); !strings.Contains(got, `Www-Authenticate: Bearer error="invalid_token"`) {
		t.Errorf("%q", got)
	}
	if n := len(s.log.taken()); n != 1 {
		t.Errorf("%d heartbeats were taken", n)
	}
}

func TestTheLimitIsThatOfTheOtherCalls(t *testing.T) {
	c := newClock()
	s := serve(t, func(u *setup) { u.api.RateLimit, u.api.Now = 3, c.now })
	got := said(t, s.short, strings.Repeat(request(), 5), probe)
	if n := strings.Count(got, " 204 "); n != 3 || strings.Count(got, "\r\nRetry-After: 1\r\n") != 2 || !strings.Contains(got, `"code":"rate_limited"`) {
		t.Errorf("%d were taken: %q", n, got)
	}
	if got := said(t, s.plain, request()); !strings.Contains(got, `"code":"rate_limited"`) {
		t.Errorf("the other way counts for itself: %q", got)
	}
	c.pass(340 * time.Millisecond)
	is(t, said(t, s.short, request()), "204")
	is(t, said(t, s.short, request()), "429")
}

func TestTheShortWayIsCountedAsTheRoute(t *testing.T) {
	r := prometheus.NewRegistry()
	s := serve(t, func(u *setup) { u.api.Registry = r })
	said(t, s.short, request(), request())
	said(t, s.plain, request())
	said(t, s.short, strings.Replace(request(), "Bearer ", "Bearer x", 1))
	got := map[string]float64{}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"rollcall_http_requests_total 204 POST /v1/heartbeat": 3, "rollcall_http_requests_total 401 POST /v1/heartbeat": 1,
		"rollcall_http_request_seconds POST /v1/heartbeat": 4,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

// TestAFailureIsAnsweredAsOnTheLongWay, and the heartbeat is not sent again.
func TestAFailureIsAnsweredAsOnTheLongWay(t *testing.T) {
	for name, beat := range map[string]func(events.Beat) (uint64, error){
		"full":        func(events.Beat) (uint64, error) { return 0, journal.ErrFull },
		"slow":        func(events.Beat) (uint64, error) { return 0, fmt.Errorf("publishing: %w", journal.ErrSlow) },
		"closed":      func(events.Beat) (uint64, error) { return 0, journal.ErrClosed },
		"an unknown":  func(events.Beat) (uint64, error) { return 0, errors.New("the disk is on fire") },
		"a panic":     func(events.Beat) (uint64, error) { panic("no") },
		"an abortion": func(events.Beat) (uint64, error) { return 0, context.Canceled },
	} {
		for _, origins := range [][]string{nil, {"https://app.example"}} {
			t.Run(name, func(t *testing.T) {
				var h handings
				s := serve(t, func(u *setup) { u.beat, u.api.CORSOrigins = beat, origins }, h.count)
				got, want := said(t, s.short, request()), said(t, s.plain, request())
				if got != want {
					t.Errorf("%q, want %q", got, want)
				}
				if n := len(s.log.taken()); n != 2 || h.n.Load() != 0 {
					t.Errorf("%d heartbeats for two requests, %d connections for net/http", n, h.n.Load())
				}
				s.same(t, request(), strings.Replace(request(), "POST", "GET", 1))
			})
		}
	}
}

func TestADrainingNodeSaysSo(t *testing.T) {
	s := serve(t)
	p := dial(t, s.short)
	p.send(request())
	is(t, p.head(), "204")
	s.api.Drain()
	p.send(request())
	if got := p.head(); !strings.Contains(got, "\r\nRetry-After: 1\r\n") {
		t.Errorf("%q", got)
	}
	s.log.taken()
	s.same(t, request())
}

// held is a log that answers when it is let.
type held struct{ entered, release chan struct{} }

func newHeld() *held { return &held{make(chan struct{}, 1), make(chan struct{})} }

func (h *held) beat(events.Beat) (uint64, error) {
	h.entered <- struct{}{}
	<-h.release
	return 7, nil
}

func TestShutdownAnswersWhatIsUnderWayAndClosesTheRest(t *testing.T) {
	h := newHeld()
	s := serve(t, func(u *setup) { u.beat = h.beat })
	busy, idle, half := dial(t, s.short), dial(t, s.short), dial(t, s.short)
	half.send("POST /v1/heart")
	busy.send(request())
	<-h.entered
	s.api.Drain()
	done := make(chan error, 1)
	go func() { done <- s.listener.Shutdown(context.Background()) }()
	if got := idle.rest() + half.rest(); got != "" {
		t.Errorf("%q", got)
	}
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	close(h.release)
	if got := busy.rest(); !strings.HasPrefix(got, "HTTP/1.1 204 ") || !strings.HasSuffix(got, "\r\nConnection: close\r\n\r\n") {
		t.Errorf("%q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := s.listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
}

// TestAConnectionThatWasBusyAtTheCloseEndsToo: without a drain, and so without
// a word.
func TestAConnectionThatWasBusyAtTheCloseEndsToo(t *testing.T) {
	h := newHeld()
	s := serve(t, func(u *setup) { u.beat = h.beat })
	p := dial(t, s.short)
	p.send(request())
	<-h.entered
	_ = s.listener.Close()
	close(h.release)
	if got := p.rest(); !strings.HasPrefix(got, "HTTP/1.1 204 ") || strings.Contains(got, "Connection") {
		t.Errorf("%q", got)
	}
}

func TestShutdownCutsOffWhatTakesTooLong(t *testing.T) {
	h := newHeld()
	s := serve(t, func(u *setup) { u.beat = h.beat })
	p := dial(t, s.short)
	p.send(request())
	<-h.entered
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.listener.Shutdown(over); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := p.rest(); got != "" {
		t.Errorf("%q", got)
	}
	close(h.release)
	s.listener.Wait()
}

// TestTimesEndConnectionsAsOnTheLongWay: what stays away for too long, whatever
// came before, and what the client is told then.
func TestTimesEndConnectionsAsOnTheLongWay(t *testing.T) {
	s := serve(t, func(u *setup) { u.way.HeaderTimeout, u.way.IdleTimeout = 60*time.Millisecond, 90*time.Millisecond })
	for _, text := range []string{"", "POST", "POST /v1/heartbeat HTTP/1.1\r\n", request()[:40], strings.TrimSuffix(request(), "\r\n"),
		request(), request() + "\r\n", request() + "\r\nPO", request() + "POST", request() + request()[:80], request() + "GET", request() + probe} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			got, want := dial(t, s.short), dial(t, s.plain)
			got.send(text)
			want.send(text)
			g, w := changing.ReplaceAllString(got.rest(), ""), changing.ReplaceAllString(want.rest(), "")
			if g != w {
				t.Errorf("%q: %q, want %q", text, g, w)
			}
		})
	}
}

func TestAClientThatReadsNothingIsLeft(t *testing.T) {
	s := serve(t, func(u *setup) {
		u.way.WriteTimeout = 50 * time.Millisecond
		u.beat = func(events.Beat) (uint64, error) { return 1, nil }
	})
	p := dial(t, s.short)
	many := strings.Repeat(request(), 100)
	for {
		if _, err := io.WriteString(p, many); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("it was not left")
			}
			return
		}
	}
}

// TestAHandedOverConnectionMayTakeItsTimeToAnswer: the deadline of the short
// way's own answers is not left behind.
func TestAHandedOverConnectionMayTakeItsTimeToAnswer(t *testing.T) {
	const within = 50 * time.Millisecond
	h := newHeld()
	s := serve(t, func(u *setup) {
		u.way.WriteTimeout = within
		u.beat = func(b events.Beat) (uint64, error) {
			if b.Session == "slow" {
				return h.beat(b)
			}
			return 1, nil
		}
	})
	p := dial(t, s.short)
	p.send(request())
	is(t, p.head(), "204")
	p.send(request("Origin: https://app.example\r\n", "Rollcall-Session: slow\r\n"))
	<-h.entered
	since := time.Now()
	journaltest.Until(t, "the deadline to pass", func() bool { return time.Since(since) > 3*within })
	close(h.release)
	is(t, p.head(), "204")
}

// strange is a listener with errors, and with connections that are not TCP.
type strange struct {
	net.Listener
	next chan any
}

func (s *strange) Accept() (net.Conn, error) {
	switch x := (<-s.next).(type) {
	case error:
		return nil, x
	case net.Conn:
		return x, nil
	}
	return nil, net.ErrClosed
}

func (s *strange) Close() error { close(s.next); return s.Listener.Close() }

func TestAcceptPassesOnErrorsAndOtherConnections(t *testing.T) {
	in := &strange{listen(t), make(chan any, 4)}
	l := shortway.New(in, shortway.Config{HeaderTimeout: time.Second, IdleTimeout: time.Second})
	one, other := net.Pipe()
	defer other.Close()
	failed := errors.New("too many open files")
	in.next <- failed
	in.next <- one
	in.next <- failed
	for range 3 {
		switch c, err := l.Accept(); {
		case errors.Is(err, failed):
		case c != one:
			t.Errorf("%v, %v", c, err)
		}
	}
	if err := l.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestManyConnectionsAtOnce: with heartbeats and other calls, while the service
// shuts down in the middle.
func TestManyConnectionsAtOnce(t *testing.T) {
	s := serve(t)
	var wg sync.WaitGroup
	var taken atomic.Int32
	stop := make(chan struct{})
	for i := range 32 {
		wg.Go(func() {
			for n := 0; ; n++ {
				c, err := net.Dial("tcp", s.short)
				if err != nil {
					return
				}
				_ = c.SetDeadline(time.Now().Add(patience))
				text := request() + request()
				if (i+n)%3 == 0 {
					text += probe
				}
				_, _ = io.WriteString(c, text)
				_ = c.(*net.TCPConn).CloseWrite()
				data, _ := io.ReadAll(c)
				_ = c.Close()
				taken.Add(int32(strings.Count(string(data), " 204 ")))
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	journaltest.Until(t, "heartbeats", func() bool { return taken.Load() > 200 })
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.listener.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	close(stop)
	wg.Wait()
	if n := len(s.log.taken()); n < int(taken.Load()) {
		t.Errorf("%d answers to %d heartbeats", taken.Load(), n)
	}
}

func TestAPanicOfTheHandlerEndsOneConnection(t *testing.T) {
	l := shortway.New(listen(t), shortway.Config{Handler: panics{}, HeaderTimeout: patience, IdleTimeout: patience, Logger: slog.New(slog.DiscardHandler)})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = l.Accept()
	}()
	p := dial(t, l.Addr().String())
	p.send(request())
	if got := p.rest(); got != "" {
		t.Errorf("%q", got)
	}
	if err := l.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-ended
}

type panics struct{}

func (panics) Beat(shortway.Heartbeat) ([]byte, shortway.Next) { panic("no") }

// BenchmarkHeartbeats is the way of a heartbeat without the log, from many
// connections, by the short way and by net/http.
func BenchmarkHeartbeats(b *testing.B) {
	s := serve(b, func(u *setup) { u.beat = func(events.Beat) (uint64, error) { return 123456789, nil } })
	s.log.forgetful.Store(true)
	for name, addr := range map[string]string{"short": s.short, "plain": s.plain} {
		b.Run(name, func(b *testing.B) {
			b.SetParallelism(32)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				p := dial(b, addr)
				text, answer := []byte(request()), make([]byte, 4<<10)
				for pb.Next() {
					if _, err := p.Write(text); err != nil {
						b.Error(err)
						return
					}
					if n, err := p.Read(answer); err != nil || string(answer[:12]) != "HTTP/1.1 204" {
						b.Errorf("%q, %v", answer[:n], err)
						return
					}
				}
			})
		})
	}
}
