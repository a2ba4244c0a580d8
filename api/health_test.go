package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api"
)

func TestANodeWithoutAnAPISaysHowFarItIs(t *testing.T) {
	far := "at sequence 1 of 3"
	h := api.Starting(func() string { return "the views read\nthe log: " + far })
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
		return w
	}
	for _, path := range []string{"/livez", "/livez/"} {
		if w := ask("GET", path); w.Code != 200 || w.Body.String() != "ok\n" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, far = range []string{"at sequence 1 of 3", "at sequence 2 of 3"} {
		if w := ask("GET", "/readyz?verbose"); w.Code != 503 || w.Body.String() != "[-]starting: the views read the log: "+far+"\nnot ready\n" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	for _, call := range []string{"POST /v1/heartbeat", "GET /", "GET /v1/users"} {
		method, path, _ := strings.Cut(call, " ")
		w := ask(method, path)
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(w.Body.String(), `"code":"log_unavailable"`) {
			t.Errorf("%s: %d %v %s", call, w.Code, w.Header(), w.Body)
		}
	}
}

// TestLeavingServesOn is the time between Leave and Drain.
func TestLeavingServesOn(t *testing.T) {
	s := serve(t)
	s.api.Leave()
	if got := s.do("GET", "/readyz?verbose", "").is(503); !strings.Contains(string(got.body), "[-]accepting: the node is shutting down") {
		t.Errorf("%s", got.body)
	}
	s.do("POST", "/v1/heartbeat", alice).is(204)
	s.api.Drain()
	s.do("POST", "/v1/heartbeat", alice).fails(503, "shutting_down")
}
