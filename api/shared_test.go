package api_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/live"
)

// streaming makes a service have a live stream.
func streaming(t testing.TB) func(*api.Config) {
	return func(c *api.Config) {
		t.Helper()
		hub := live.NewHub(c.View.(*current.View), api.EncodeChanges)
		journaltest.Run(t, "the hub", hub.Run)
		c.Live = hub
	}
}

func TestReadsAreLimitedByWhatTheyCost(t *testing.T) {
	clock := &steps{at: time.Now()}
	s := serve(t, func(c *api.Config) { c.RateLimit, c.Now = 2, clock.now }) // 30 reads at once, 10 a second
	s.do("POST", "/v1/login", alice).is(200)
	s.see("alice", s.last())
	for range 28 { // each with a little for its session
		s.do("GET", "/v1/me", alice).is(200)
	}
	s.do("GET", "/v1/me", alice)
	if got := s.do("GET", "/v1/me", alice).fails(429, "rate_limited").headers.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %q", got)
	}
	s.do("POST", "/v1/heartbeat", alice).is(204) // which is no read
	s.do("GET", "/v1/users/bob", bob).fails(404, "unknown_user")
	clock.pass(time.Minute)
	// A long question is paid for by its length, whatever becomes of it.
	long := `{"users":["bob"` + strings.Repeat(`,"`+strings.Repeat("x", 120)+`"`, 500) + `]}`
	s.do("POST", "/v1/users/query", alice, asJSON(long)).fails(403, "not_allowed")
	s.do("POST", "/v1/users/query", alice, asJSON(long)).fails(429, "rate_limited")
	for range 100 {
		s.do("GET", "/v1/users/alice", reader).is(200) // who may read everybody may read more
	}
}

func TestAUserHasSoManyStreamsAtMost(t *testing.T) {
	s := serve(t, streaming(t), func(c *api.Config) { c.MaxStreams = 2 })
	s.do("POST", "/v1/login", alice).is(200)
	s.see("alice", s.last())
	open := func(token string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1/stream?users=alice", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	first, second := open(alice), open(alice)
	if first.StatusCode != 200 || second.StatusCode != 200 {
		t.Fatalf("%d, %d", first.StatusCode, second.StatusCode)
	}
	if third := open(alice); third.StatusCode != 429 || third.Header.Get("Retry-After") == "" {
		t.Errorf("a third one: %d", third.StatusCode)
	}
	if other := open(reader); other.StatusCode != 200 {
		t.Errorf("another user's: %d", other.StatusCode)
	}
	first.Body.Close()
	journaltest.Until(t, "one that was closed to make room", func() bool {
		r := open(alice)
		return r.StatusCode == 200
	})
}

func TestAUserHasSoManyUploadsAtMost(t *testing.T) {
	s := serve(t)
	var conns []net.Conn
	begin := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\nContent-Length: 9999\r\n\r\n", alice)
		return conn
	}
	for range 4 {
		conns = append(conns, begin())
	}
	journaltest.Until(t, "a fifth one to be refused", func() bool {
		return s.do("POST", "/v1/events", alice, asNDJSON(`{"type":"login","user":"alice"}`)).status == 429
	})
	s.do("POST", "/v1/events", bob, asNDJSON(`{"type":"login","user":"bob"}`)).is(200)
	conns[0].Close()
	journaltest.Until(t, "one that ended to make room", func() bool {
		return s.do("POST", "/v1/events", alice, asNDJSON(`{"type":"login","user":"alice"}`)).status == 200
	})
}

// TestLinesFarOverTheRateEndTheStream before they are looked at.
func TestLinesFarOverTheRateEndTheStream(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.RateLimit = 3 })
	got := s.do("POST", "/v1/events", alice, asNDJSON(`{"type":"login","user":"alice"}`+"\n"+strings.Repeat("no event\n", 5000))).lines()
	if got.Accepted != 1 || got.Rejected < 1000 || got.Rejected > 1100 || got.Errors[99].Code != "rate_limited" {
		t.Errorf("%d accepted, %d rejected, the last told for %s", got.Accepted, got.Rejected, got.Errors[99].Code)
	}
}

// TestHeartbeatsHaveRoomThatUploadsCannotTake: while a queue is as full as uploads
// can make it, a heartbeat is taken.
func TestHeartbeatsHaveRoomThatUploadsCannotTake(t *testing.T) {
	s := serveLog(t, journal.Config{QueueLimit: 4096})
	body := bytes.Repeat([]byte(`{"type":"login","user":"bulk"}`+"\n"), 8192)
	done := make(chan int, 8)
	for range cap(done) {
		go func() {
			r, _ := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v1/events", bytes.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+writer)
			r.Header.Set("Content-Type", "application/x-ndjson")
			resp, err := s.client.Do(r)
			if err != nil {
				done <- 0
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			done <- resp.StatusCode
		}()
	}
	for n := 0; n < cap(done); {
		select {
		case status := <-done:
			if n++; status != 200 {
				t.Errorf("an upload: %d", status)
			}
		default:
			s.do("POST", "/v1/heartbeat", alice).is(204)
		}
	}
}
