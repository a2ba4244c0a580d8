package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/api/client"
)

// broadcast is a node that gives each connection the next of its parts and then cuts it off; the last one stays.
type broadcast struct {
	parts []string

	mu    sync.Mutex
	asked []string // Last-Event-ID of each connection
}

func (b *broadcast) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	n := len(b.asked)
	b.asked = append(b.asked, r.URL.RawQuery+"|"+r.Header.Get("Last-Event-ID"))
	b.mu.Unlock()
	if n >= len(b.parts) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"status":401,"code":"expired_token","title":"Unauthorized"}`)
		return
	}
	if b.parts[n] == "" {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	io.WriteString(w, "retry: 1\n\n"+b.parts[n])
}

func (b *broadcast) client(t *testing.T) *client.Client {
	t.Helper()
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{Server: server.URL, Token: "t0ken", HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	bobComes = `"user":"bob","status":"online","observed":"online","since":"2026-11-23T08:00:00.123Z","last_seen":"2026-11-23T08:00:00.123Z",` +
		`"from":"offline","cause":"login","actor":"bob"`
	bobGoes = `"user":"bob","status":"offline","observed":"offline","since":"2026-11-23T08:04:30.456Z","last_seen":null,"from":"online","cause":"timeout"`
)

func TestWatchingGoesOnWhereItWasCutOff(t *testing.T) {
	b := &broadcast{parts: []string{
		"event: snapshot\ndata: {\"users\":[{\"user\":\"carol\"}]}\n\n", // cut off between two parts of a snapshot
		"event: snapshot\ndata: {\"users\":[" + strings.ReplaceAll(alice, "\n", "") + "]}\n\nevent: snapshot\nid: 5\ndata: {\"users\":[{\"user\":\"carol\"}]}\n\n" +
			"event: status\ndata: {" + bobComes + ",\"seq\":7}\n\n", // and before the last of two changes of one event
		"", // a proxy has no node to ask
		"event: status\ndata: {" + bobComes + ",\"seq\":7}\n\nevent: status\nid: 7\ndata: {" + bobGoes + ",\"seq\":7}\n\nevent: pizza\ndata: 1\n\n",
		"event: reset\ndata: {}\n\nevent: snapshot\nid: 9\ndata: {\"users\":[]}\n\n",
	}}
	var got []client.Update
	var ended error
	connected := 0
	options := client.WatchOptions{Users: []string{"alice", "bob"}, After: "3", Connected: func() { connected++ }}
	for u, err := range b.client(t).Watch(t.Context(), options) {
		if ended = err; err == nil {
			got = append(got, u)
		}
	}
	want := []client.Update{
		client.Snapshot{ID: "5", Users: []client.Presence{wantAlice, {User: "carol"}}},
		client.Change{ID: "5", User: "bob", Status: client.StatusOnline, Observed: client.StatusOnline, Since: at(8, 0, 0, 123),
			LastSeen: at(8, 0, 0, 123), From: client.StatusOffline, Cause: "login", Actor: "bob", Seq: 7},
		client.Change{ID: "7", User: "bob", Status: client.StatusOffline, Observed: client.StatusOffline, Since: at(8, 4, 30, 456),
			From: client.StatusOnline, Cause: "timeout", Seq: 7},
		client.Reset{},
		client.Snapshot{ID: "9"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !client.HasCode(ended, client.CodeExpiredToken) {
		t.Errorf("it ended with %v", ended)
	}
	if connected != 4 {
		t.Errorf("it was connected %d times", connected)
	}
	const users = "users=alice&users=bob|"
	if diff := cmp.Diff([]string{users + "3", users + "3", users + "5", users + "5", users + "7", users + "9"}, b.asked); diff != "" {
		t.Error(diff)
	}
}

// A stream that has nothing to tell is one nevertheless: the pauses begin anew after it.
func TestPausesBeginAnewAfterASilentConnection(t *testing.T) {
	const quiet = ": still here\n\n"
	b := &broadcast{parts: []string{quiet, "", "", "", "", "", "", quiet}}
	var waits []time.Duration
	for _, err := range b.client(t).Watch(t.Context(), client.WatchOptions{After: "3", Lost: func(_ error, wait time.Duration) { waits = append(waits, wait) }}) {
		if !client.HasCode(err, client.CodeExpiredToken) {
			t.Errorf("it ended with %v", err)
		}
	}
	if len(waits) != 8 || waits[6] < 16*time.Millisecond || waits[7] > time.Millisecond {
		t.Errorf("it waited %v", waits)
	}
}

// A refused token ends watching only where there is no other.
func TestWatchingGoesOnWithTheNextToken(t *testing.T) {
	const snapshot = "retry: 1\n\nevent: snapshot\nid: 5\ndata: {\"users\":[]}\n\n"
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization")+"|"+r.Header.Get("Last-Event-ID"))
		switch len(seen) {
		case 1: // a stream ends with its token
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, snapshot)
		case 3:
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "event: status\nid: 7\ndata: {"+bobComes+",\"seq\":7}\n\n")
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	fresh := []string{"one", "one", "two", "two"}
	asked := 0
	c, err := client.New(client.Config{Server: server.URL, HTTPClient: server.Client(), TokenSource: func(context.Context) (string, error) {
		token := fresh[min(asked, len(fresh)-1)]
		asked++
		return token, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	updates, ended := 0, error(nil)
	for _, err := range c.Watch(t.Context(), client.WatchOptions{}) {
		if err != nil {
			ended = err
			continue
		}
		updates++
	}
	var p *client.Problem
	if updates != 2 || !errors.As(ended, &p) || p.Status != http.StatusUnauthorized {
		t.Errorf("%d updates, then %v", updates, ended)
	}
	if diff := cmp.Diff([]string{"Bearer one|", "Bearer one|5", "Bearer two|5", "Bearer two|7"}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestWhoLeavesALoopIsNotConnectedAnyMore(t *testing.T) {
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: snapshot\nid: 1\ndata: {\"users\":[]}\n\n")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{Server: server.URL, HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Watch(t.Context(), client.WatchOptions{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	<-gone
}

func TestWatchingEndsWithItsContextAndWithoutAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lost := 0
	c, err := client.New(client.Config{Server: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Watch(ctx, client.WatchOptions{Lost: func(err error, wait time.Duration) {
		if lost++; err == nil || wait <= 0 {
			t.Errorf("lost by %v, for %s", err, wait)
		}
		cancel()
	}}) {
		t.Errorf("got %v", err)
	}
	if lost != 1 {
		t.Errorf("it was told %d times", lost)
	}
}

func TestWatchingEndsWhereAnotherTryMendsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		exchange exchange
		want     error
		status   int
	}{
		"a page":     {exchange{header: map[string]string{"Content-Type": "text/html"}, answer: "<h1>Welcome"}, client.ErrAnswer, 0},
		"no token":   {exchange{status: 401}, nil, 401},
		"moved":      {exchange{status: 308, header: map[string]string{"Location": "https://elsewhere.example/"}}, nil, 308},
		"not yours":  {exchange{status: 403}, nil, 403},
		"no stream":  {exchange{status: 404, header: map[string]string{"Content-Type": "application/problem+json"}, answer: `{"code":"not_found"}`}, nil, 404},
		"no message": {exchange{header: map[string]string{"Content-Type": "text/event-stream"}, answer: "event: status\nid: 1\ndata: pizza\n\n"}, client.ErrAnswer, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, err := range serve(t, &test.exchange).Watch(t.Context(), client.WatchOptions{}) {
				n++
				var p *client.Problem
				if errors.As(err, &p) && p.Status != test.status || test.want != nil && !errors.Is(err, test.want) || err == nil {
					t.Errorf("got %v", err)
				}
			}
			if n != 1 {
				t.Errorf("it ended %d times", n)
			}
		})
	}
}

func TestManyAreSentAtOnce(t *testing.T) {
	x := &exchange{answer: `{"accepted":1,"rejected":1,"seq":9}`}
	got, err := serve(t, x).Send(t.Context(), []client.UserEvent{{Type: "login", User: "a", Device: "Firefox"}, {Type: "heartbeat", User: "b", Session: "s", Every: 8}})
	if err != nil || got != (client.Batch{Accepted: 1, Rejected: 1, Seq: 9}) {
		t.Errorf("got %+v, %v", got, err)
	}
	lines := `{"type":"login","user":"a","device":"Firefox"}` + "\n" + `{"type":"heartbeat","user":"b","session":"s","every":8}` + "\n"
	if diff := cmp.Diff([]string{"/v1/events", lines}, []string{x.target, x.body}); diff != "" {
		t.Error(diff)
	}
	if _, err = serve(t, x).SendOnce(t.Context(), "k1", []client.UserEvent{{Type: "logout", User: "a"}}); err != nil || x.key != "k1" || x.target != "/v1/events" {
		t.Errorf("it sent %q to %s, %v", x.key, x.target, err)
	}
}
