package presence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node takes batches; each one that it answered is in got.
type node struct {
	got chan []events.Beat
	out chan string // lines of events

	after  string        // Retry-After while it is broken
	slow   time.Duration // which it takes to answer
	refuse bool          // it takes no heartbeat of the token, as if that were no service's

	mu     sync.Mutex
	broken bool // it answers 503
}

func (n *node) breaks(broken bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = broken
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	broken := n.broken
	n.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/v1/events" {
		n.out <- string(body)
		accepted := 1
		if n.refuse {
			accepted = 0
		}
		fmt.Fprintf(w, `{"accepted":%d,"rejected":%d,"seq":10}`, accepted, 1-accepted)
		return
	}
	var raw events.Batch
	if err := raw.Walk(body); err != nil || r.URL.Path != "/v1/heartbeats" || r.Header.Get("Authorization") != "Bearer service" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var beats []events.Beat
	for i := range raw.Beats {
		beats = append(beats, raw.Beats[i].Beat())
	}
	if n.slow > 0 {
		select {
		case <-time.After(n.slow):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case broken:
		w.Header().Set("Retry-After", n.after)
		w.WriteHeader(http.StatusServiceUnavailable)
	case n.refuse:
		fmt.Fprintf(w, `{"accepted":0,"rejected":%d,"seq":0}`, len(beats))
	default:
		fmt.Fprintf(w, `{"accepted":%d,"rejected":0,"seq":9}`, len(beats))
	}
	n.got <- beats
}

// start runs beats that go to n until the test ends, or stop is called.
func start(t *testing.T, n *node, o Options) (b *Beats, stop func()) {
	t.Helper()
	n.got, n.out = make(chan []events.Beat, 100), make(chan string, 100)
	server := httptest.NewServer(n)
	c, err := client.New(client.Config{Server: server.URL, Token: "service", HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	o.User = func(r *http.Request) string { return r.Header.Get("X-User") }
	if b, err = New(c, o); err != nil {
		t.Fatal(err)
	}
	b.pace = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		server.Close()
	})
	t.Cleanup(stop)
	return b, stop
}

// ask makes a request of a user and returns the status of its answer.
func ask(b *Beats, user string) int {
	h := b.Touch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("X-User", user)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestARequestIsAHeartbeatAndTheNextOnesAreNot(t *testing.T) {
	n := &node{}
	b, stop := start(t, n, Options{Session: "shop", Every: time.Minute})
	for range 3 {
		if status := ask(b, "alice"); status != http.StatusTeapot {
			t.Errorf("the answer became %d", status)
		}
	}
	got := <-n.got
	want := events.Beat{User: "alice", Session: "shop", Every: 60}
	if diff := cmp.Diff([]events.Beat{want}, got); diff != "" {
		t.Error(diff)
	}
	ask(b, "alice")
	ask(b, "")
	ask(b, "bob")
	if got = <-n.got; len(got) != 1 || got[0].User != "bob" {
		t.Errorf("got %+v", got)
	}
	stop()
	if diff := cmp.Diff(Stats{Sent: 2}, b.Stats()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatWaitsAtTheEndIsSent(t *testing.T) {
	n := &node{}
	b, stop := start(t, n, Options{})
	for i := range 2500 {
		ask(b, fmt.Sprint("user-", i))
	}
	stop()
	close(n.got)
	var users []string
	for beats := range n.got {
		if len(beats) > batch {
			t.Errorf("a batch has %d heartbeats", len(beats))
		}
		for _, beat := range beats {
			users = append(users, beat.User)
		}
	}
	slices.Sort(users)
	if users = slices.Compact(users); len(users) != 2500 || b.Stats() != (Stats{Sent: 2500}) {
		t.Errorf("got %d users and %+v", len(users), b.Stats())
	}
}

func TestANodeInTroubleFailsNoRequestAndUsersCountAgain(t *testing.T) {
	n := &node{broken: true}
	var log strings.Builder
	b, stop := start(t, n, Options{Every: time.Minute, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if status := ask(b, "alice"); status != http.StatusTeapot {
		t.Errorf("the answer became %d", status)
	}
	<-n.got
	n.breaks(false)
	deadline := time.After(10 * time.Second)
	for sent := false; !sent; { // until the failure has been counted, the user is known
		ask(b, "alice")
		select {
		case got := <-n.got:
			sent = true
			if got[0].User != "alice" {
				t.Errorf("got %+v", got)
			}
		case <-deadline:
			t.Fatal("alice never counted again")
		default:
		}
	}
	stop()
	if diff := cmp.Diff(Stats{Sent: 1, Failed: 1}, b.Stats()); diff != "" {
		t.Error(diff)
	}
	if text := log.String(); !strings.Contains(text, "heartbeats are not sent") || !strings.Contains(text, "sent again") {
		t.Errorf("it logged %s", text)
	}
}

func TestANodeThatSaysWhenIsNotAskedBefore(t *testing.T) {
	b := &Beats{pace: time.Second}
	busy := fmt.Errorf("sending: %w", &client.Problem{Status: http.StatusTooManyRequests, RetryAfter: 7 * time.Second})
	for _, test := range []struct {
		err      error
		failures int
		want     time.Duration
	}{
		{nil, 0, time.Second},
		{errors.New("no node"), 1, 2 * time.Second},
		{errors.New("no node"), 50, paceMost},
		{busy, 1, 7 * time.Second},
		{busy, 4, 16 * time.Second},
		{&client.Problem{RetryAfter: time.Hour}, 1, paceMost},
	} {
		if got := b.pause(test.err, test.failures); got != test.want {
			t.Errorf("after %d failures, %v: %s, want %s", test.failures, test.err, got, test.want)
		}
	}
}

// A token that may not do it is answered with a success that has taken nothing.
func TestThatNothingIsTakenIsLoggedOnce(t *testing.T) {
	n := &node{refuse: true}
	var log strings.Builder
	b, stop := start(t, n, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range 3 {
		ask(b, fmt.Sprint("user-", i))
		<-n.got
	}
	stop()
	if diff := cmp.Diff(Stats{Failed: 3}, b.Stats()); diff != "" {
		t.Error(diff)
	}
	if text := log.String(); strings.Count(text, "heartbeats are not sent") != 1 || !strings.Contains(text, "presence:write") {
		t.Errorf("it logged %q", text)
	}
}

// A node that acknowledges, but slowly, does not hold up the end of a program for every batch that waits.
func TestTheEndIsBoundedWhateverWaits(t *testing.T) {
	n := &node{slow: 3 * time.Second}
	b, stop := start(t, n, Options{})
	b.grace = time.Millisecond
	for i := range 4 * batch {
		b.Seen(fmt.Sprint("user-", i))
	}
	stop()
	if got := b.Stats(); got.Failed == 0 || got.Sent+got.Failed != 4*batch || got.Waiting != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	c, err := client.New(client.Config{Server: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	user := func(*http.Request) string { return "" }
	for name, test := range map[string]struct {
		c *client.Client
		o Options
	}{
		"no client":     {nil, Options{User: user}},
		"no user":       {c, Options{}},
		"often":         {c, Options{User: user, Every: time.Millisecond}},
		"seldom":        {c, Options{User: user, Every: time.Hour}},
		"no room":       {c, Options{User: user, Users: -1}},
		"wrong session": {c, Options{User: user, Session: "\n"}},
	} {
		if _, err := New(test.c, test.o); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The request that signs out is counted by Touch before its handler runs.
func TestASignOutStays(t *testing.T) {
	n := &node{}
	b, stop := start(t, n, Options{Every: time.Minute})
	b.recent.see("bob", b.now()) // so that something is sent whatever comes of alice
	signsOut := b.Touch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := b.SignOut(r.Context(), r.Header.Get("X-User")); err != nil {
			t.Error(err)
		}
	}))
	r := httptest.NewRequest(http.MethodPost, "/logout", http.NoBody)
	r.Header.Set("X-User", "alice")
	signsOut.ServeHTTP(httptest.NewRecorder(), r)
	ask(b, "alice") // of another tab
	b.Seen("alice")
	if got := <-n.out; got != `{"type":"logout","user":"alice","all":true}`+"\n" {
		t.Errorf("it sent %s", got)
	}
	ask(b, "carol")
	if err := b.SignOut(t.Context(), "dave"); err != nil {
		t.Error(err)
	}
	<-n.out
	b.Seen("dave")
	b.SignIn("dave") // counts though they have just signed out
	stop()
	close(n.got)
	back := map[string]bool{}
	for beats := range n.got {
		for _, beat := range beats {
			back[beat.User] = true
			if beat.User == "alice" {
				t.Error("alice beat after the logout")
			}
			if beat.Session != "requests" {
				t.Errorf("for the session %q", beat.Session)
			}
		}
	}
	if !back["carol"] || !back["dave"] {
		t.Errorf("there beat %v, and carol and dave should have", back)
	}
}

func TestABeatUnderWayComesBeforeTheLogout(t *testing.T) {
	n := &node{}
	b, _ := start(t, n, Options{Every: time.Minute})
	b.sending <- struct{}{} // as if one was
	ask(b, "alice")
	ended := make(chan error)
	go func() { ended <- b.SignOut(t.Context(), "alice") }()
	select {
	case <-n.out:
		t.Error("the logout did not wait")
	case <-ended:
		t.Error("the logout did not wait")
	default:
	}
	<-b.sending
	if err := <-ended; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.sending <- struct{}{}
	if err := b.SignOut(ctx, "alice"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-b.sending
}

func TestWhoSignsInAgainCounts(t *testing.T) {
	now := time.Now()
	r := newRecent(time.Minute, 1000)
	r.see("alice", now)
	r.signOut("alice", now)
	if got := r.take(); len(got) != 0 || r.see("alice", now.Add(59*time.Second)) != known || len(r.present([]string{"alice", "bob"}, now)) != 1 {
		t.Errorf("waiting: %q", got)
	}
	if r.see("alice", now.Add(time.Minute)) != fresh {
		t.Error("a minute later alice does not count")
	}
	r.signOut("alice", now)
	r.signIn("alice")
	if r.see("alice", now) != fresh {
		t.Error("after signing in alice does not count")
	}
}

func TestALogoutThatIsRefusedIsAnError(t *testing.T) {
	n := &node{refuse: true}
	b, _ := start(t, n, Options{})
	if err := b.SignOut(t.Context(), "alice"); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
}
