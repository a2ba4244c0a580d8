package api_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dev/rollcall/api"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func TestReadySaysWhy(t *testing.T) {
	var fault error
	s := serve(t, func(c *api.Config) {
		c.Checks = []api.Check{
			{Name: "log", Probe: func(context.Context) (string, error) { return "sync always", fault }},
			{Name: "view", Probe: func(context.Context) (string, error) { return "", nil }},
		}
	})
	if a := s.do("GET", "/livez", "").is(200); string(a.body) != "ok\n" {
		t.Errorf("livez %q", a.body)
	}
	if a := s.do("GET", "/readyz", "").is(200); string(a.body) != "ready\n" {
		t.Errorf("readyz %q", a.body)
	}
	if a := s.do("GET", "/readyz?verbose", "").is(200); string(a.body) != "[+]accepting ok\n[+]auth ok\n[+]log ok sync always\n[+]view ok\nready\n" {
		t.Errorf("readyz %q", a.body)
	}
	fault = errors.New("the disk\nis full")
	if a := s.do("GET", "/readyz", "").is(503); string(a.body) != "not ready\n" {
		t.Errorf("readyz %q", a.body)
	}
	a := s.do("GET", "/readyz?verbose", "").is(503)
	if !strings.Contains(string(a.body), "[-]log: the disk is full\n[+]view ok\n") || !strings.HasPrefix(a.headers.Get("Content-Type"), "text/plain") {
		t.Errorf("readyz %q", a.body)
	}
	s = serve(t, func(c *api.Config) { c.Auth = keyless{} })
	if a := s.do("GET", "/readyz?verbose", "").is(503); !strings.Contains(string(a.body), "[-]auth: keys unavailable\n") {
		t.Errorf("readyz %q", a.body)
	}
}

func TestMetricsCountWhatHappened(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.Registry = prometheus.NewRegistry() })
	seq := s.do("POST", "/v1/heartbeat", alice).is(204).seq()
	s.do("POST", "/v1/heartbeat", alice).is(204)
	s.do("POST", "/v1/heartbeat", "").is(401)
	s.do("GET", "/v1/users/alice%2Fx", root).is(404)
	s.do("GET", "/nothing/here", "").is(404)
	s.do("GET", "/v1/me"+at(seq), alice).is(200)
	body := string(s.do("GET", "/metrics", "").is(200).body)
	for _, want := range []string{
		`rollcall_http_requests_total{code="204",route="POST /v1/heartbeat"} 2`,
		`rollcall_http_requests_total{code="401",route="POST /v1/heartbeat"} 1`,
		`rollcall_http_requests_total{code="404",route="GET /v1/users/{user}"} 1`,
		`rollcall_http_requests_total{code="404",route="none"} 1`,
		`rollcall_http_request_seconds_count{route="POST /v1/heartbeat"} 3`,
		`rollcall_users{status="online"} 1`, `rollcall_sessions 1`, `rollcall_view_lag_seconds 0`, `rollcall_view_sequence `,
		`rollcall_token_cache_entries 2`, `rollcall_token_cache_hits_total `, `rollcall_token_cache_misses_total 2`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if strings.Contains(body, "alice") {
		t.Error("a user id is in the metrics")
	}
}

func TestMetricsStayAwayWhereTheyAreNotWanted(t *testing.T) {
	serve(t).do("GET", "/metrics", "").fails(404, "not_found")
	s := serve(t, func(c *api.Config) { c.Registry, c.MetricsApart = prometheus.NewRegistry(), true })
	s.do("GET", "/metrics", "").fails(404, "not_found")
	w := newRecorder()
	s.api.MetricsHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "rollcall_sessions") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPagesOfConfiguredOriginsMayCall(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.CORSOrigins = []string{"https://app.example"} })
	preflight := func(origin, method string) http.Header {
		return s.do("OPTIONS", "/v1/heartbeat", "", header("Origin", origin), header("Access-Control-Request-Method", method),
			header("Access-Control-Request-Headers", "authorization,content-type,idempotency-key,rollcall-session,last-event-id")).headers
	}
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		if h := preflight("https://app.example", method); h.Get("Access-Control-Allow-Origin") != "https://app.example" ||
			h.Get("Access-Control-Allow-Methods") != method || h.Get("Access-Control-Allow-Headers") == "" ||
			h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("preflight %v", h)
		}
	}
	if h := preflight("https://evil.example", "POST"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of a stranger %v", h)
	}
	a := s.do("POST", "/v1/heartbeat", alice, header("Origin", "https://app.example")).is(204)
	exposed := strings.ToLower(a.headers.Get("Access-Control-Expose-Headers"))
	for _, name := range []string{"rollcall-seq", "rollcall-heartbeat", "rollcall-timeout", "retry-after"} {
		if !strings.Contains(exposed, name) {
			t.Errorf("%s is not exposed: %s", name, exposed)
		}
	}
	if a := s.do("POST", "/v1/heartbeat", "", header("Origin", "https://app.example")).is(401); a.headers.Get("Access-Control-Allow-Origin") == "" {
		t.Error("a page could not read the problem")
	}
	if h := serve(t).do("POST", "/v1/heartbeat", alice, header("Origin", "https://app.example")).is(204).headers; h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without configuration: %v", h)
	}
}

// Tools in a page add headers to all of its requests.
func TestPreflightsThatNameOthersHeadersGetTheirAnswer(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.CORSOrigins = []string{"https://app.example", "capacitor://localhost"} })
	for _, name := range []string{"traceparent", "tracestate", "baggage", "sentry-trace", "x-requested-with", "x-csrftoken", "x-datadog-trace-id",
		"x-datadog-sampling-priority", "x-b3-traceid", "accept-language", "cache-control", "a-tool-of-tomorrow"} {
		for _, origin := range []string{"https://app.example", "capacitor://localhost"} {
			h := s.do("OPTIONS", "/v1/heartbeat", "", header("Origin", origin), header("Access-Control-Request-Method", "POST"),
				header("Access-Control-Request-Headers", "authorization,"+name)).headers
			if h.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), name) {
				t.Errorf("%s from %s: %v", name, origin, h)
			}
		}
		h := s.do("OPTIONS", "/v1/heartbeat", "", header("Origin", "https://evil.example"), header("Access-Control-Request-Method", "POST"),
			header("Access-Control-Request-Headers", name)).headers
		if h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Headers") != "" {
			t.Errorf("%s from a stranger: %v", name, h)
		}
	}
}

// TestNoPathWaitsForABodyThatNobodyReads: whichever part of the service answers.
func TestNoPathWaitsForABodyThatNobodyReads(t *testing.T) {
	s := serve(t, func(c *api.Config) {
		c.CORSOrigins, c.Registry = []string{"https://app.example"}, prometheus.NewRegistry()
	})
	metrics := httptest.NewServer(s.api.MetricsHandler())
	defer metrics.Close()
	for _, tt := range []struct{ url, request string }{
		{s.url, "OPTIONS /v1/heartbeat HTTP/1.1\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"},
		{s.url, "POST /v1/login HTTP/1.1\r\n"},
		{s.url, "GET /nowhere HTTP/1.1\r\n"},
		{metrics.URL, "GET /metrics HTTP/1.1\r\n"},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(tt.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // without a bound the answer would never come
		if _, err := io.WriteString(conn, tt.request+"Host: x\r\nContent-Length: 10\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%.40q: %v", tt.request, err)
		} else {
			resp.Body.Close()
		}
		_ = conn.Close()
	}
}
