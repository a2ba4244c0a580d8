package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/live"
)

// broken is a log that fails as it is told, where a real one would do so only on a full disk or a lost server.
type broken struct {
	api.Log

	mu   sync.Mutex // guards the rest
	err  error
	left int  // how many calls still go through
	lost bool // those that fail are stored: only the acknowledgement is lost
}

func (b *broken) fail(err error, after int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err, b.left = err, after
}

// lose makes acknowledgements get lost after so many calls.
func (b *broken) lose(after int) {
	b.fail(journal.ErrSlow, after)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost = true
}

func (b *broken) mend() {
	b.fail(nil, 0)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost = false
}

// next returns how the next call fails, and whether it is stored though.
func (b *broken) next() (stored bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.left > 0:
		b.left--
		return true, nil
	case b.err == nil:
		return true, nil
	}
	return b.lost, fmt.Errorf("%w: nats: no responders at 10.1.2.3", b.err)
}

func (b *broken) Beat(ctx context.Context, e events.Beat) (uint64, error) {
	stored, err := b.next()
	if !stored {
		return 0, err
	}
	seq, failed := b.Log.Beat(ctx, e)
	return seq, errors.Join(err, failed)
}

func (b *broken) Append(ctx context.Context, e events.Event, k events.Key) (events.Place, error) {
	stored, err := b.next()
	if !stored {
		return events.Place{}, err
	}
	at, failed := b.Log.Append(ctx, e, k)
	return at, errors.Join(err, failed)
}

func (b *broken) SubmitAll(items []journal.Item) (*journal.Receipt, error) {
	stored, err := b.next()
	if !stored {
		return nil, err
	}
	r, failed := b.Log.SubmitAll(items)
	return r, errors.Join(err, failed)
}

func (b *broken) SubmitBeats(beats []events.Beat) (*journal.Receipt, error) {
	stored, err := b.next()
	if !stored {
		return nil, err
	}
	r, failed := b.Log.SubmitBeats(beats)
	return r, errors.Join(err, failed)
}

func breakable(t testing.TB) (*service, *broken) {
	b := &broken{}
	s := serve(t, func(c *api.Config) { b.Log = c.Log; c.Log = b })
	return s, b
}

func TestALogThatFailsIsA503ThatSaysNothingOfTheInside(t *testing.T) {
	s, log := breakable(t)
	for err, code := range map[error]string{
		journal.ErrUnavailable: "log_unavailable", journal.ErrFull: "log_full", journal.ErrSlow: "log_slow",
		journal.ErrOverloaded: "log_unavailable", journal.ErrClosed: "shutting_down", context.DeadlineExceeded: "log_slow",
	} {
		log.fail(err, 0)
		for _, a := range []*answer{
			s.do("POST", "/v1/heartbeat", alice), s.do("POST", "/v1/login", alice), s.do("POST", "/v1/logout", alice),
			s.do("POST", "/v1/events", writer, asJSON(`{"type":"login","user":"a"}`)),
			s.do("PUT", "/v1/users/a/override", root, asJSON(`{"status":"busy"}`)),
			s.do("POST", "/api/users/heartbeat/", alice), s.do("POST", "/api/users/login/", alice),
		} {
			a.fails(503, code)
			if a.headers.Get("Retry-After") == "" || strings.Contains(string(a.body), "nats") {
				t.Errorf("%s: %v %s", a.what, a.headers, a.body)
			}
		}
	}
}

func TestALogThatFailsWithinAStreamEndsIt(t *testing.T) {
	s, log := breakable(t)
	three := strings.Repeat(`{"type":"login","user":"a"}`+"\n", 3)
	log.fail(journal.ErrUnavailable, 0)
	s.do("POST", "/v1/events", writer, asNDJSON(three)).fails(503, "log_unavailable")
	log.fail(journal.ErrFull, 2) // lines go to the log as they come, up to 1024 at once
	stored := s.stored()
	got := s.do("POST", "/v1/events", writer, asNDJSON(strings.Repeat(three, 2000))).lines()
	if got.Accepted < 2 || got.Accepted > 2048 || got.Rejected < 1 || got.Rejected > 1024 || got.Errors[0].Line != got.Accepted+1 || got.Errors[0].Code != "log_full" {
		t.Errorf("%d accepted, %d rejected: %s", got.Accepted, got.Rejected, got.codes())
	}
	if n := s.stored() - stored; n != got.Accepted {
		t.Errorf("%d accepted, %d in the log", got.Accepted, n)
	}
	batch := string(events.AppendBatch(nil, slices.Repeat([]events.Beat{{User: "a"}, {User: "b"}, {User: "c"}, {User: "d"}}, 300)))
	log.fail(journal.ErrSlow, 0)
	s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf", batch)).fails(503, "log_slow")
	log.fail(journal.ErrSlow, 1)
	m := s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf", batch)).is(200).json()
	if m["accepted"] != 1024.0 || m["rejected"] != 176.0 {
		t.Errorf("%v", m)
	}
}

// TestAStreamThatTheLogTakesInPartSaysHowFar fills the log in the middle of what goes to it at once.
func TestAStreamThatTheLogTakesInPartSaysHowFar(t *testing.T) {
	s := serveLog(t, journal.Config{MaxCommit: 4 << 10})
	s.archiving()
	s.do("POST", "/v1/login", alice).is(200)
	info, err := s.journal.StreamInfo(t.Context(), events.StreamHot)
	if err != nil {
		t.Fatal(err)
	}
	full := info.Config
	full.MaxMsgs = int64(s.last()) + 3
	if _, err := s.broker().UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	var body strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&body, `{"type":"login","user":"u%d","session":"%s"}`+"\n", i, strings.Repeat("s", 64))
	}
	got := s.do("POST", "/v1/events", writer, asNDJSON(body.String())).lines()
	if got.Accepted < 1 || got.Accepted+got.Rejected != 1000 || got.Errors[0].Line != got.Accepted+1 || got.Errors[0].Code != "log_full" {
		t.Fatalf("%d accepted, %d rejected: %s", got.Accepted, got.Rejected, got.codes())
	}
	all := s.entries("?after_seq=1")
	if all[0].User == "alice" {
		all = all[1:]
	}
	if len(all) != got.Accepted || all[len(all)-1].User != fmt.Sprint("u", got.Accepted-1) || all[len(all)-1].Seq != got.Seq {
		t.Errorf("%d are told accepted, the last at %d; the log has %d", got.Accepted, got.Seq, len(all))
	}
}

// TestARepeatOfWhatMayBeStoredAddsOneAtMost loses the acknowledgement of what is stored, and of what is not.
func TestARepeatOfWhatMayBeStoredAddsOneAtMost(t *testing.T) {
	s, log := breakable(t)
	for i, lost := range []bool{true, false} {
		key := header("Idempotency-Key", fmt.Sprint("k", i))
		for _, tt := range []struct {
			path, token, body string
			media             string
		}{
			{"/v1/login", alice, `{"session":"a"}`, "application/json"},
			{"/v1/logout", bob, `{"session":"a"}`, "application/json"},
			{"/v1/events", writer, `{"type":"heartbeat","user":"carol"}`, "application/json"},
			{"/v1/events", root, `{"type":"login","user":"dave"}` + "\n" + `{"type":"heartbeat","user":"dave"}`, "application/x-ndjson"},
		} {
			before, want := s.counted(), 1+strings.Count(tt.body, "\n")
			if log.fail(journal.ErrSlow, 0); lost {
				log.lose(0)
			}
			body := bodyOf(tt.media, tt.body)
			s.do("POST", tt.path, tt.token, key, body).fails(503, "log_slow")
			log.mend()
			again := s.do("POST", tt.path, tt.token, key, body)
			if again.status >= 300 || again.seq() == 0 {
				t.Errorf("%s: %d %s", tt.path, again.status, again.body)
			}
			if n := s.counted() - before; n != want {
				t.Errorf("%s %s, lost %v: %d events count, want %d", tt.path, tt.body, lost, n, want)
			}
		}
	}
}

func TestAStreamWaitsForRoomInTheLog(t *testing.T) {
	small := journaltest.Open(t, journal.Config{QueueLimit: 40})
	s := serve(t, func(c *api.Config) { c.Log = small })
	got := s.do("POST", "/v1/events", writer, asNDJSON(strings.Repeat(`{"type":"login","user":"a"}`+"\n", 500))).lines()
	if got.Accepted != 500 {
		t.Errorf("%+v", got)
	}
}

func TestAPanicIsAProblemAndOneLineInTheLog(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.View = panics{c.View} })
	s.do("GET", "/v1/me", alice).fails(500, "internal")
	if logged := s.logs.String(); strings.Count(logged, "level=ERROR") != 1 || !strings.Contains(logged, "the view has a hole") {
		t.Errorf("log: %s", logged)
	}
}

func TestAnUnknownErrorIsNotShown(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.View = faulty{c.View} })
	a := s.do("GET", "/v1/me", alice).fails(500, "internal")
	if strings.Contains(string(a.body), "bolt") || !strings.Contains(s.logs.String(), "bolt") {
		t.Errorf("%s; log: %s", a.body, s.logs)
	}
	s.do("POST", "/v1/logout", alice).is(200) // a view that cannot be read keeps nobody from leaving
}

func TestAWriteThatTheViewIsSlowToShowIsStoredAndSaysWhere(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.View, c.Patience = stopped{c.View}, time.Millisecond })
	for _, a := range []*answer{
		s.do("PUT", "/v1/users/alice/override", root, asJSON(`{"status":"busy"}`)).fails(503, "view_behind"),
		s.do("POST", "/api/users/heartbeat/", alice).fails(503, "view_behind"),
		s.do("POST", "/api/users/logout/", alice).fails(503, "view_behind"),
	} {
		if a.seq() == 0 || a.seq() > s.last() {
			t.Errorf("%s: seq %d of %d", a.what, a.seq(), s.last())
		}
	}
}

// TestAStreamWaitsForAViewThatIsBehindItsReader, who has seen more from another node: a snapshot would lead him back.
func TestAStreamWaitsForAViewThatIsBehindItsReader(t *testing.T) {
	var view api.View
	s := serve(t, func(c *api.Config) {
		view = c.View
		c.View, c.Patience, c.Live = stopped{c.View}, time.Millisecond, live.NewHub(c.View.(*current.View), api.EncodeChanges)
	})
	seq := s.do("POST", "/v1/login", alice).is(200).seq()
	if err := view.WaitFor(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	s.do("GET", "/v1/stream", minted(auth.MintClaims{User: "reader", Scope: "presence:read"}),
		header("Last-Event-ID", strconv.FormatUint(seq, 10))).fails(503, "view_behind")
}

// stopped is a view that folds nothing any more.
type stopped struct{ api.View }

func (stopped) Seq() uint64 { return 0 }
func (stopped) WaitFor(ctx context.Context, _ uint64) error {
	<-ctx.Done()
	return fmt.Errorf("%w: it stands at 0", projections.ErrBehind)
}

type panics struct{ api.View }

func (panics) User(string) (events.User, bool, error) { panic("the view has a hole") }

type faulty struct{ api.View }

func (faulty) User(string) (events.User, bool, error) {
	return events.User{}, false, errors.New("bolt: page 7 is broken")
}

func TestTokensThatFail(t *testing.T) {
	s := serve(t)
	expired := minted(auth.MintClaims{User: "alice", TTL: time.Second, Now: time.Now().Add(-time.Hour)})
	for _, tt := range []struct{ token, code string }{
		{"nonsense", "invalid_token"}, {alice[:len(alice)-2], "invalid_token"}, {expired, "expired_token"},
		{strings.Repeat("x", 9000), "invalid_token"},
	} {
		a := s.do("POST", "/v1/heartbeat", tt.token).fails(401, tt.code)
		if got := a.headers.Get("WWW-Authenticate"); got != `Bearer error="invalid_token"` {
			t.Errorf("WWW-Authenticate %q", got)
		}
	}
	s.do("POST", "/v1/heartbeat", "", header("Authorization", "Basic abc")).fails(401, "invalid_token")
	s.do("POST", "/v1/heartbeat", alice, header("Authorization", "Bearer "+alice)).fails(401, "invalid_token")
	s.do("GET", "/v1/me?token="+alice, "").fails(401, "missing_token")
}

func TestKeysThatWereNeverLoadedAreA503(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.Auth = keyless{} })
	if a := s.do("POST", "/v1/heartbeat", alice).fails(503, "auth_unavailable"); a.headers.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

type keyless struct{}

func (keyless) FromRequest(*http.Request) (*auth.Principal, error) { return nil, auth.ErrUnavailable }
func (keyless) VerifyBytes(context.Context, []byte) (*auth.Principal, error) {
	return nil, auth.ErrUnavailable
}
func (keyless) CacheStats() auth.CacheStats { return auth.CacheStats{} }
func (keyless) Ready() error                { return auth.ErrUnavailable }

// hasty is a response writer whose time to read passes quickly.
type hasty struct{ http.ResponseWriter }

func (h hasty) SetReadDeadline(at time.Time) error {
	if !at.IsZero() {
		at = time.Now().Add(50 * time.Millisecond)
	}
	return http.NewResponseController(h.ResponseWriter).SetReadDeadline(at)
}

func TestABodyThatStopsComingIsA408(t *testing.T) {
	s := serve(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.api.Handler().ServeHTTP(hasty{w}, r)
	}))
	defer server.Close()
	s.url = server.URL
	for _, path := range []string{"/v1/login", "/v1/heartbeat"} {
		body := newStalled(`{"session":`)
		a := s.do("POST", path, alice, func(r *http.Request) { r.Body, r.ContentLength = body, 100 })
		body.Close()
		a.fails(408, "request_timeout")
	}
}

func TestDrainingRefusesWritesAndGoesOnReading(t *testing.T) {
	s := serve(t)
	seq := s.do("POST", "/v1/login", alice).is(200).seq()
	s.do("GET", "/readyz", "").is(200)
	s.api.Drain()
	for _, path := range []string{"/v1/login", "/v1/heartbeat", "/v1/logout", "/v1/events", "/v1/heartbeats", "/api/users/heartbeat/"} {
		if a := s.do("POST", path, root).fails(503, "shutting_down"); a.headers.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	s.do("PUT", "/v1/users/a/override", root, asJSON(`{"status":"busy"}`)).fails(503, "shutting_down")
	s.do("GET", "/v1/me"+at(seq), alice).is(200)
	s.do("GET", "/livez", "").is(200)
	s.do("GET", "/readyz", "").is(503)
}
