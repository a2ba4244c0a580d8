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
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-dev/rollcall/api/client"
)

func TestCallsAboutThePastAreThoseOfTheContract(t *testing.T) {
	for name, test := range map[string]struct {
		call                 func(context.Context, *client.Client) (any, error)
		method, target, gave string
		want                 any
	}{
		"history": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.History(ctx, "alice", client.HistoryQuery{From: at(8, 0, 0, 1).In(time.FixedZone("", 3600)), To: at(9, 0, 0, 0), Limit: 2, Cursor: "x", At: 7})
			},
			method: "GET", target: "/v1/users/alice/history?cursor=x&from=2026-11-23T08%3A00%3A00.001Z&limit=2&min_seq=7&to=2026-11-23T09%3A00%3A00.000Z",
			gave: `{"user":"alice","intervals":[{"status":"online","from":"2026-11-23T08:00:00.000Z","to":null,"cause":"login","actor":"alice","seq":3}],` +
				`"online_seconds":60,"complete":true,"next":"y"}`,
			want: client.History{User: "alice", Intervals: []client.Interval{{Status: "online", From: at(8, 0, 0, 0), Cause: "login", Actor: "alice", Seq: 3}},
				OnlineSeconds: 60, Complete: true, Next: "y"},
		},
		"a user at a moment": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.At(ctx, "a.b", at(8, 0, 0, 0), 0) },
			method: "GET", target: "/v1/users/a%2Eb?at=2026-11-23T08%3A00%3A00.000Z",
			gave: `{"user":"a.b","status":"offline","since":"2026-11-23T07:00:00.000Z","last_seen":null,"seq":3,"complete":true}`,
			want: client.PresenceAt{Presence: client.Presence{User: "a.b", Status: "offline", Since: at(7, 0, 0, 0), Seq: 3}, Complete: true},
		},
		"users at a moment": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.UsersAt(ctx, at(8, 0, 0, 0), client.List{Status: "busy"})
			},
			method: "GET", target: "/v1/users?at=2026-11-23T08%3A00%3A00.000Z&status=busy",
			gave: `{"users":[{"user":"a","status":"busy","seq":3}],"total":1,"next":"y","complete":true}`,
			want: client.PageAt{Page: client.Page{Users: []client.Presence{{User: "a", Status: "busy", Seq: 3}}, Total: 1, Next: "y"}, Complete: true},
		},
		"concurrency": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return c.Concurrency(ctx, client.Stretch{From: at(8, 0, 0, 0), Step: time.Hour})
			},
			method: "GET", target: "/v1/stats/concurrency?from=2026-11-23T08%3A00%3A00.000Z&step=1h0m0s",
			gave: `{"points":[{"at":"2026-11-23T08:00:00.000Z","online":3,"peak":4}],"complete":true}`,
			want: client.Concurrency{Points: []client.Point{{At: at(8, 0, 0, 0), Online: 3, Peak: 4}}, Complete: true},
		},
		"erase": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.Erase(ctx, "alice") },
			method: "DELETE", target: "/v1/users/alice", gave: `{"user":"alice","events_erased":4,"seq":9}`,
			want: client.Erased{User: "alice", Events: 4, Seq: 9},
		},
		"events": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				return collect(c.Events(ctx, client.AuditQuery{User: "alice", Types: []string{"login", "logout"}, After: "3.17", Limit: 9, Heartbeats: true, Follow: true}))
			},
			method: "GET", target: "/v1/events?after_seq=3.17&follow=true&heartbeats=true&limit=9&type=login%2Clogout&user=alice",
			gave: `{"seq":4,"id":"x","type":"login","v":1,"user":"alice","at":"2026-11-23T08:00:00.000Z","actor":"alice","new":1}` + "\n\n" +
				`{"seq":5,"nth":2,"undecodable":true,"user":"bob","error":"e","data":"AP8="}` + "\n" +
				`{"seq":6,"undecodable":true,"commit":true,"error":"e","data":"AP8="}` + "\n",
			want: []client.Event{{Seq: 4, ID: "x", Type: "login", V: 1, User: "alice", At: at(8, 0, 0, 0), Actor: "alice"},
				{Seq: 5, Nth: 2, Undecodable: true, User: "bob", Error: "e", Data: []byte{0, 255}},
				{Seq: 6, Undecodable: true, Commit: true, Error: "e", Data: []byte{0, 255}}},
		},
		"verify": {
			call:   func(ctx context.Context, c *client.Client) (any, error) { return c.Verify(ctx, nil) },
			method: "POST", target: "/v1/verify",
			gave: `{"seq":0,"to":9,"events":0,"seconds":0.5}` + "\n" + `{"done":true,"views":[{"view":"current","seq":9,"users":2,"equal":true,"digest":"a","live":"a"}]}` + "\n",
			want: []client.Comparison{{View: "current", Seq: 9, Users: 2, Equal: true, Digest: "a", Live: "a"}},
		},
		"rebuild": {
			call: func(ctx context.Context, c *client.Client) (any, error) {
				var told []client.Progress
				err := c.Rebuild(ctx, "history", func(p client.Progress) { told = append(told, p) })
				return told, err
			},
			method: "POST", target: "/v1/rebuild?view=history", gave: `{"seq":4,"to":9,"events":5,"seconds":0.5}` + "\n" + `{"done":true}` + "\n",
			want: []client.Progress{{Seq: 4, To: 9, Events: 5, Took: 500 * time.Millisecond}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := &exchange{answer: test.gave}
			got, err := test.call(t.Context(), serve(t, x))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(client.Event{}, "Raw")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{test.method, test.target, ""}, []string{x.method, x.target, x.body}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func collect(events func(func(client.Event, error) bool)) (all []client.Event, err error) {
	for e, err := range events {
		if err != nil {
			return all, err
		}
		all = append(all, e)
	}
	return all, nil
}

func TestAnEventIsKeptAsItCame(t *testing.T) {
	const line = `{"seq":4,"type":"login","new":{"x":1}}`
	all, err := collect(serve(t, &exchange{answer: line + "\n"}).Events(t.Context(), client.AuditQuery{}))
	if err != nil || len(all) != 1 || string(all[0].Raw) != line {
		t.Errorf("%v %v", all, err)
	}
}

func TestAnAnswerThatBreaksOffIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"seq":1,"type":"login"}`+"\n")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{Server: server.URL, HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if all, err := collect(c.Events(t.Context(), client.AuditQuery{})); err == nil || len(all) != 1 {
		t.Errorf("%v %v", all, err)
	}
	if _, err := c.Verify(t.Context(), nil); err == nil {
		t.Error("a verification without an end is none")
	}
}

func TestWorkThatFailsSaysSo(t *testing.T) {
	for _, answer := range []string{`{"done":true,"error":"it is late"}`, `{"seq":1,"to":2,"events":1,"seconds":1}`, ""} {
		if err := serve(t, &exchange{answer: answer}).Rebuild(t.Context(), "", nil); !errors.Is(err, client.ErrWork) {
			t.Errorf("%q: %v", answer, err)
		}
	}
	busy := &exchange{status: 409, header: map[string]string{"Content-Type": "application/problem+json"}, answer: `{"code":"in_progress","status":409}`}
	if _, err := serve(t, busy).Verify(t.Context(), nil); !client.HasCode(err, client.CodeInProgress) {
		t.Error(err)
	}
	if all, err := collect(serve(t, busy).Events(t.Context(), client.AuditQuery{})); !client.HasCode(err, client.CodeInProgress) || len(all) > 0 {
		t.Error(err)
	}
}
