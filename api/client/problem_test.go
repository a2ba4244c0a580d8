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

	"github.com/rollcall-dev/rollcall/api/client"
)

func TestRefusalIsTheProblemOfTheContract(t *testing.T) {
	c := serve(t, &exchange{
		status: 422,
		header: map[string]string{"Content-Type": "application/problem+json; charset=utf-8", "Retry-After": "2"},
		answer: `{"type":"/problems/invalid_status","title":"Unprocessable","status":422,"code":"invalid_status","detail":"No such status.",
			"errors":[{"location":"body.status","message":"is none of the four"},{"location":"body.for","message":"too long"}]}`,
	})
	_, err := c.SetOverride(t.Context(), "alice", client.SetOverride{Status: "sleeping"})
	var got *client.Problem
	if !errors.As(err, &got) {
		t.Fatalf("got %v, want a Problem", err)
	}
	want := &client.Problem{
		Type: "/problems/invalid_status", Title: "Unprocessable", Status: 422, Code: "invalid_status", Detail: "No such status.",
		Errors:     []client.FieldProblem{{Location: "body.status", Message: "is none of the four"}, {Location: "body.for", Message: "too long"}},
		RetryAfter: 2 * time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if text := err.Error(); text != "No such status: body.status: is none of the four; body.for: too long (invalid_status)" {
		t.Errorf("got %q", text)
	}
	if !client.HasCode(err, "invalid_status") || client.HasCode(err, client.CodeUnknownUser) || client.HasCode(nil, "") {
		t.Error("HasCode does not tell")
	}
}

func TestRefusalOfAProxyIsAProblemWithoutACode(t *testing.T) {
	for name, x := range map[string]*exchange{
		"page":      {status: 502, header: map[string]string{"Content-Type": "text/html"}, answer: "<h1>Bad Gateway</h1>"},
		"bad json":  {status: 502, header: map[string]string{"Content-Type": "application/problem+json"}, answer: "{"},
		"no header": {status: 502, answer: ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := serve(t, x).Stats(t.Context(), 0)
			var got *client.Problem
			if !errors.As(err, &got) || got.Status != 502 || got.Code != "" || err.Error() != "Bad Gateway (status 502)" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	x := &exchange{status: http.StatusFound, header: map[string]string{"Location": "/elsewhere"}}
	_, err := serve(t, x).Me(t.Context(), 0)
	var got *client.Problem
	if !errors.As(err, &got) || got.Status != http.StatusFound || x.target != "/v1/me" {
		t.Errorf("got %v after %s", err, x.target)
	}
}

func TestAnswerThatIsNoJSONIsNotANodes(t *testing.T) {
	_, err := serve(t, &exchange{answer: "<html>"}).Me(t.Context(), 0)
	if !errors.Is(err, client.ErrAnswer) {
		t.Errorf("got %v", err)
	}
}

func TestReadinessIsAskedWithoutAnError(t *testing.T) {
	x := &exchange{status: 503, answer: "[+]log\n[-]views: behind\nnot ready\n"}
	got, err := serve(t, x).Ready(t.Context())
	if err != nil || got.Ready || x.target != "/readyz?verbose=" {
		t.Fatalf("got %+v, %v, by %s", got, err, x.target)
	}
	if diff := cmp.Diff([]string{"[+]log", "[-]views: behind"}, got.Lines); diff != "" {
		t.Error(diff)
	}
	if got.Date.IsZero() {
		t.Error("the node's clock is missing")
	}
	got, err = serve(t, &exchange{answer: "[+]log\n"}).Ready(t.Context())
	if err != nil || !got.Ready {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err = serve(t, &exchange{status: 404}).Ready(t.Context()); !errors.Is(err, client.ErrAnswer) {
		t.Errorf("got %v for what is no node", err)
	}
}

// A path without its id is another call, whose answer must not pass for a user's.
func TestAUserWithoutAnIDIsNotAskedFor(t *testing.T) {
	x := &exchange{answer: `{"users":[],"total":0}`}
	c := serve(t, x)
	_, status := c.Status(t.Context(), "", 0)
	_, then := c.At(t.Context(), "", at(8, 0, 0, 0), 0)
	_, erased := c.Erase(t.Context(), "")
	_, override := c.ClearOverride(t.Context(), "")
	for _, err := range []error{status, then, erased, override} {
		if !errors.Is(err, client.ErrUser) {
			t.Errorf("got %v", err)
		}
	}
	for _, users := range [][]string{{""}, {"alice", ""}} {
		n := 0
		for _, err := range c.Watch(t.Context(), client.WatchOptions{Users: users}) {
			if n++; !errors.Is(err, client.ErrUser) {
				t.Errorf("%q: got %v", users, err)
			}
		}
		if n != 1 {
			t.Errorf("%q: it ended %d times", users, n)
		}
	}
	if x.method != "" {
		t.Errorf("%s %s was asked", x.method, x.target)
	}
}

func TestEveryCallAsksForItsToken(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	next := []string{"one", " two\n"}
	empty := errors.New("no more tokens")
	c, err := client.New(client.Config{Server: server.URL, HTTPClient: server.Client(), TokenSource: func(context.Context) (string, error) {
		if len(next) == 0 {
			return "", empty
		}
		token := next[0]
		next = next[1:]
		return token, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Me(t.Context(), 0); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Me(t.Context(), 0); !errors.Is(err, client.ErrToken) || !errors.Is(err, empty) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"Bearer one", "Bearer two"}, got); diff != "" {
		t.Error(diff)
	}
}
