package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// answer is what the service said.
type answer struct {
	t       testing.TB
	what    string
	status  int
	headers http.Header
	body    []byte
}

// with changes a request.
type with func(*http.Request)

func header(name, value string) with {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func bodyOf(contentType, body string) with {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
	}
}

func asJSON(body string) with   { return bodyOf("application/json", body) }
func asNDJSON(body string) with { return bodyOf("application/x-ndjson", body) }

// is fails the test unless the answer has this status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d %s, want %d", a.what, a.status, a.body, status)
	}
	return a
}

// fails fails the test unless the answer is the problem of this status and code, in the one form that problems have.
func (a *answer) fails(status int, code string) *answer {
	a.t.Helper()
	a.is(status)
	p := a.json()
	if p["code"] != code || p["type"] != "/problems/"+code || p["status"] != float64(status) || p["title"] == "" || p["detail"] == "" {
		a.t.Fatalf("%s: %s, want the problem %s", a.what, a.body, code)
	}
	if got := a.headers.Get("Content-Type"); got != "application/problem+json" {
		a.t.Fatalf("%s: content type %q", a.what, got)
	}
	return a
}

// json returns the body as an object.
func (a *answer) json() map[string]any {
	a.t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		a.t.Fatalf("%s: %s: %v", a.what, a.body, err)
	}
	return m
}

// into fills v from the body.
func (a *answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%s: %s: %v", a.what, a.body, err)
	}
}

// seq returns the header Rollcall-Seq.
func (a *answer) seq() uint64 {
	a.t.Helper()
	n, err := strconv.ParseUint(a.headers.Get("Rollcall-Seq"), 10, 64)
	if err != nil {
		a.t.Fatalf("%s: Rollcall-Seq: %v", a.what, err)
	}
	return n
}

// at returns the query that makes a read see what stands at seq.
func at(seq uint64) string { return fmt.Sprintf("?min_seq=%d", seq) }

// shown is a presence object.
type shown struct {
	User     string
	Status   string
	Observed string
	Since    *time.Time
	LastSeen *time.Time `json:"last_seen"`
	Seq      uint64
	Sessions []struct {
		Session, Device string
		Since           time.Time
		LastSeen        time.Time `json:"last_seen"`
		Idle            bool
	}
	Override *struct {
		Status, By, Reason string
		Until              *time.Time
	}
}

// stalled is a body that stops coming until it is closed.
type stalled struct {
	head io.Reader
	end  chan struct{}
	once sync.Once
}

func newStalled(head string) *stalled {
	return &stalled{head: strings.NewReader(head), end: make(chan struct{})}
}

func (s *stalled) Read(b []byte) (int, error) {
	if n, err := s.head.Read(b); err == nil {
		return n, nil
	}
	<-s.end
	return 0, io.EOF
}

func (s *stalled) Close() error {
	s.once.Do(func() { close(s.end) })
	return nil
}

func TestAProblemIsReadableAsItComes(t *testing.T) {
	s := serve(t)
	if a := s.do("GET", "/v1/me", "").fails(401, "missing_token"); !bytes.Contains(a.body, []byte("Bearer <token>")) {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/v1/me?%3Ca%26b%3E=1", alice).fails(400, "invalid_parameter"); !bytes.Contains(a.body, []byte("query.<a&b>")) {
		t.Errorf("%s", a.body)
	}
}
