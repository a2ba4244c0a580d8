package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/api/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// exchange is what came in, and what is answered.
type exchange struct {
	method, target, token, key, body string // of the request

	status int
	header map[string]string
	answer string
}

// serve answers every call as x says and notes what it was. The client is closed with the test.
func serve(t *testing.T, x *exchange) *client.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		x.method, x.target, x.body = r.Method, r.RequestURI, string(body)
		x.token, x.key = r.Header.Get("Authorization"), r.Header.Get("Idempotency-Key")
		for name, value := range x.header {
			w.Header().Set(name, value)
		}
		if x.status != 0 {
			w.WriteHeader(x.status)
		}
		io.WriteString(w, x.answer)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{Server: server.URL + "/", Token: "t0ken", HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const alice = `{"user":"alice","status":"busy","observed":"online","since":"2026-11-23T08:00:00.123Z",
 "last_seen":"2026-11-23T08:04:30.456Z","seq":1234,
 "sessions":[{"session":"web-1","device":"Firefox","since":"2026-11-23T08:00:00.123Z","last_seen":"2026-11-23T08:04:30.456Z","idle":true}],
 "override":{"status":"busy","by":"root","reason":"on call","until":"2026-11-23T09:00:00.000Z"}}`

func at(hour, minute, second, ms int) time.Time {
	return time.Date(2026, 11, 23, hour, minute, second, ms*1e6, time.UTC)
}

var wantAlice = client.Presence{
	User: "alice", Status: client.StatusBusy, Observed: client.StatusOnline, Since: at(8, 0, 0, 123), LastSeen: at(8, 4, 30, 456), Seq: 1234,
	Sessions: []client.Session{{Session: "web-1", Device: "Firefox", Since: at(8, 0, 0, 123), LastSeen: at(8, 4, 30, 456), Idle: true}},
	Override: &client.Override{Status: client.StatusBusy, By: "root", Reason: "on call", Until: at(9, 0, 0, 0)},
}

func TestCallsAreThoseOfTheContract(t *testing.T) {
	for name, test := range map[string]struct {
		call                 func(context.Context, *client.Client) (any, error)
		method, target, body string
		key                  string
		header               map[string]string
		answer               string
		want                 any
	}{
		"login": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.Login(ctx, client.Login{Session: "web-1", Device: "Firefox", Key: "k1"})
			},
			method: "POST", target: "/v1/login", body: `{"session":"web-1","device":"Firefox"}`, key: "k1",
			answer: `{"user":"alice","session":"web-1","seq":7,"heartbeat_seconds":30,"timeout_seconds":120}`,
			want:   client.LoggedIn{User: "alice", Session: "web-1", Seq: 7, Heartbeat: 30 * time.Second, Timeout: 2 * time.Minute},
		},
		"heartbeat without a body": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.Heartbeat(ctx, client.Heartbeat{})
			},
			method: "POST", target: "/v1/heartbeat",
			header: map[string]string{"Rollcall-Seq": "9", "Rollcall-Heartbeat": "30", "Rollcall-Timeout": "120"},
			want:   client.Beaten{Seq: 9, Heartbeat: 30 * time.Second, Timeout: 2 * time.Minute},
		},
		"heartbeat": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.Heartbeat(ctx, client.Heartbeat{Session: "s", Idle: true, Every: 60, Leaving: true})
			},
			method: "POST", target: "/v1/heartbeat", body: `{"session":"s","idle":true,"every":60,"leaving":true}`,
			want: client.Beaten{},
		},
		"logout": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.Logout(ctx, client.Logout{All: true})
			},
			method: "POST", target: "/v1/logout", body: `{"all":true}`, answer: `{"user":"alice","seq":8}`, want: uint64(8),
		},
		"me": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.Me(ctx, 12) },
			method: "GET", target: "/v1/me?min_seq=12", answer: alice, want: wantAlice,
		},
		"status": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.Status(ctx, "alice", 0) },
			method: "GET", target: "/v1/users/alice", answer: alice, want: wantAlice,
		},
		"users": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.Users(ctx, client.List{Status: client.StatusBusy, Limit: 2, Cursor: "x=", At: 3})
			},
			method: "GET", target: "/v1/users?cursor=x%3D&limit=2&min_seq=3&status=busy",
			header: map[string]string{"Rollcall-Seq": "1234"},
			answer: `{"users":[` + alice + `],"total":5,"next":"y"}`,
			want:   client.Page{Users: []client.Presence{wantAlice}, Total: 5, Next: "y", Seq: 1234},
		},
		"query": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.Query(ctx, []string{"alice", "x"}, 0)
			},
			method: "POST", target: "/v1/users/query", body: `{"users":["alice","x"]}`,
			answer: `{"users":[` + alice + `,{"user":"x","status":"unknown"}]}`,
			want:   []client.Presence{wantAlice, {User: "x", Status: client.StatusUnknown}},
		},
		"stats": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.Stats(ctx, 0) },
			method: "GET", target: "/v1/stats",
			answer: `{"users":9,"online":4,"away":3,"busy":2,"offline":0,"sessions":8,"seq":11,"lag_seconds":0.25}`,
			want:   client.Stats{Users: 9, Online: 4, Away: 3, Busy: 2, Sessions: 8, Seq: 11, LagSeconds: 0.25},
		},
		"override for a while": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.SetOverride(ctx, "alice", client.SetOverride{Status: client.StatusBusy, Reason: "on call", For: 30 * time.Minute, Key: "k2"})
			},
			method: "PUT", target: "/v1/users/alice/override", body: `{"status":"busy","reason":"on call","for":"30m0s"}`, key: "k2",
			answer: alice, want: wantAlice,
		},
		"override until a time": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.SetOverride(ctx, "alice", client.SetOverride{Status: client.StatusOffline, Until: at(9, 0, 0, 0).In(time.FixedZone("", 3600))})
			},
			method: "PUT", target: "/v1/users/alice/override", body: `{"status":"offline","until":"2026-11-23T09:00:00Z"}`,
			answer: alice, want: wantAlice,
		},
		"clear override": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.ClearOverride(ctx, "alice")
			},
			method: "DELETE", target: "/v1/users/alice/override", answer: alice, want: wantAlice,
		},
		"overdue": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.Overdue(ctx) },
			method: "GET", target: "/v1/overdue",
			answer: `{"overdue":[{"user":"alice","session":"web-1","last_seen":"2026-11-23T08:00:00.000Z","due_since":"2026-11-23T08:02:00.000Z"}]}`,
			want:   []client.Overdue{{User: "alice", Session: "web-1", LastSeen: at(8, 0, 0, 0), DueSince: at(8, 2, 0, 0)}},
		},
		"emit overdue": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.EmitOverdue(ctx) },
			method: "POST", target: "/v1/overdue", answer: `{"emitted":3}`, want: 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := &exchange{header: test.header, answer: test.answer}
			got, err := test.call(t.Context(), serve(t, x))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			sent := []string{x.method, x.target, x.body, x.key, x.token}
			if diff := cmp.Diff([]string{test.method, test.target, test.body, test.key, "Bearer t0ken"}, sent); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryIDReachesTheNodeAsItIs(t *testing.T) {
	for _, id := range []string{"a.b", "..", ".", "a/b", "a b", "a%2Eb", "ä€", "?x=1", "#x", "a+b", "a\\b", ";"} {
		var got string
		mux := http.NewServeMux()
		mux.HandleFunc("GET /v1/users/{user}", func(w http.ResponseWriter, r *http.Request) {
			got = r.PathValue("user")
			io.WriteString(w, "{}")
		})
		server := httptest.NewServer(mux)
		c, err := client.New(client.Config{Server: server.URL, HTTPClient: server.Client()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Status(t.Context(), id, 0); err != nil || got != id {
			t.Errorf("%q: got %q, %v", id, got, err)
		}
		server.Close()
	}
}

func TestPagesEndWithTheLastOne(t *testing.T) {
	pages := map[string]string{
		"":   `{"users":[{"user":"a"},{"user":"b"}],"total":3,"next":"c1"}`,
		"c1": `{"users":[{"user":"c"}],"total":3}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, pages[r.URL.Query().Get("cursor")])
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{Server: server.URL, HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for page, err := range c.Pages(t.Context(), client.List{}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			got = append(got, u.User)
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPagesEndWithAnError(t *testing.T) {
	c := serve(t, &exchange{status: 503, answer: "{}"})
	n := 0
	for _, err := range c.Pages(t.Context(), client.List{}) {
		if n++; err == nil {
			t.Error("no error")
		}
	}
	if n != 1 {
		t.Errorf("got %d pages", n)
	}
}

func TestServerThatIsNoURLIsRefused(t *testing.T) {
	for _, server := range []string{"", "127.0.0.1:8080", "ftp://x", "http://", "http://u:p@host", "http://host?x", "http://host#x", "://"} {
		if _, err := client.New(client.Config{Server: server}); !errors.Is(err, client.ErrServer) {
			t.Errorf("%q: got %v", server, err)
		}
	}
}

func TestPathOfTheServerIsKept(t *testing.T) {
	c, err := client.New(client.Config{Server: "https://example.com/presence/"})
	if err != nil || c.Server() != "https://example.com/presence" {
		t.Errorf("got %v, %v", c, err)
	}
}
