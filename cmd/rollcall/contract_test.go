package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// contractNode speaks the part of the HTTP contract that the commands use, over users that are just there. What a real
// node does is tested in TestServe…; this one has as many users, and as much trouble, as a test wants.
type contractNode struct {
	*httptest.Server

	mu      sync.Mutex
	users   []map[string]any // in the order of their ids
	limits  []string         // what was asked for, page by page
	overdue []map[string]any
	ready   string // body of /readyz; not ready where it holds [-]
}

const adminToken = "an-admins-token"

var firstSeen = time.Date(2026, 11, 23, 8, 0, 0, 123e6, time.UTC)

// newContractNode has n users user-0000 and so on, every other one online and the rest away.
func newContractNode(t *testing.T, n int) *contractNode {
	t.Helper()
	c := &contractNode{ready: "[+]log ok\n[+]view ok at sequence 9\nready\n"}
	for i := range n {
		status := []string{"online", "away"}[i%2]
		c.users = append(c.users, map[string]any{
			"user": fmt.Sprintf("user-%04d", i), "status": status, "observed": status, "since": firstSeen, "last_seen": firstSeen, "seq": i + 1,
			"sessions": []map[string]any{{"session": "web", "since": firstSeen, "last_seen": firstSeen, "idle": i%2 == 1}},
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", c.sayReady)
	mux.HandleFunc("GET /v1/me", c.guarded(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "unknown_user", "not seen yet") }))
	mux.HandleFunc("GET /v1/users", c.guarded(c.list))
	mux.HandleFunc("GET /v1/users/{user}", c.guarded(c.show))
	mux.HandleFunc("PUT /v1/users/{user}/override", c.guarded(c.override))
	mux.HandleFunc("DELETE /v1/users/{user}/override", c.guarded(c.clear))
	mux.HandleFunc("GET /v1/stats", c.guarded(c.stats))
	mux.HandleFunc("GET /v1/overdue", c.guarded(func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"overdue": c.overdue}) }))
	mux.HandleFunc("POST /v1/overdue", c.guarded(func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"emitted": len(c.overdue)}) }))
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

// rollcall runs a command against c as an admin.
func (c *contractNode) rollcall(t *testing.T, args ...string) said {
	t.Helper()
	return call{env: []string{"ROLLCALL_SERVER=" + c.URL, "ROLLCALL_TOKEN=" + adminToken}}.rollcall(t, args...)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"type": "/problems/" + code, "title": http.StatusText(status), "status": status, "code": code, "detail": detail})
}

func (c *contractNode) guarded(next http.HandlerFunc) http.HandlerFunc {
	refusals := map[string]struct {
		status int
		code   string
	}{
		"":               {401, "missing_token"},
		"Bearer expired": {401, "expired_token"},
		"Bearer alices":  {403, "not_allowed"},
	}
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("Authorization")
		if refusal, ok := refusals[token]; ok {
			refuse(w, refusal.status, refusal.code, "no")
			return
		}
		if token != "Bearer "+adminToken {
			refuse(w, 401, "invalid_token", "no")
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		next(w, r)
	}
}

func (c *contractNode) sayReady(w http.ResponseWriter, _ *http.Request) {
	if strings.Contains(c.ready, "[-]") {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	io.WriteString(w, c.ready)
}

func (c *contractNode) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c.limits = append(c.limits, q.Get("limit"))
	var found []map[string]any
	for _, u := range c.users {
		if s := q.Get("status"); s == "" || s == u["status"] {
			found = append(found, u)
		}
	}
	from, _ := strconv.Atoi(q.Get("cursor"))
	limit, _ := strconv.Atoi(q.Get("limit"))
	to := min(from+limit, len(found))
	page := map[string]any{"users": slices.Concat([]map[string]any{}, found[from:to]), "total": len(found)}
	if to < len(found) {
		page["next"] = strconv.Itoa(to)
	}
	answer(w, page)
}

func (c *contractNode) find(w http.ResponseWriter, r *http.Request) map[string]any {
	for _, u := range c.users {
		if u["user"] == r.PathValue("user") {
			return u
		}
	}
	refuse(w, 404, "unknown_user", "The log has never named this user.")
	return nil
}

func (c *contractNode) show(w http.ResponseWriter, r *http.Request) {
	if u := c.find(w, r); u != nil {
		answer(w, u)
	}
}

func (c *contractNode) override(w http.ResponseWriter, r *http.Request) {
	u := c.find(w, r)
	if u == nil {
		return
	}
	var body map[string]any
	json.NewDecoder(r.Body).Decode(&body)
	if d, ok := body["for"]; ok {
		held, _ := time.ParseDuration(d.(string))
		body["until"] = firstSeen.Add(held)
		delete(body, "for")
	}
	body["by"] = "root"
	u["status"], u["override"] = body["status"], body
	answer(w, u)
}

func (c *contractNode) clear(w http.ResponseWriter, r *http.Request) {
	u := c.find(w, r)
	switch {
	case u == nil:
	case u["override"] == nil:
		refuse(w, 404, "no_override", "This user has no override.")
	default:
		u["status"] = u["observed"]
		delete(u, "override")
		answer(w, u)
	}
}

func (c *contractNode) stats(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"users": len(c.users), "online": 1, "away": 2, "busy": 3, "offline": 4, "sessions": 5, "seq": 6, "lag_seconds": 0.5})
}
