package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api"
)

// TestBodiesAreReadStrictly is the table of what encoding/json would let pass.
func TestBodiesAreReadStrictly(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct{ name, body, code, location string }{
		{"not JSON", `session`, "malformed_body", ""},
		{"half", `{"session":`, "malformed_body", ""},
		{"an array", `[]`, "malformed_body", ""},
		{"a string", `"x"`, "malformed_body", ""},
		{"null", `null`, "malformed_body", ""},
		{"blanks only", "  \n", "malformed_body", ""},
		{"trailing data", `{"session":"a"}{}`, "malformed_body", ""},
		{"trailing text", `{"session":"a"} x`, "malformed_body", ""},
		{"a comment", `{"session":"a"/**/}`, "malformed_body", ""},
		{"a trailing comma", `{"session":"a",}`, "malformed_body", ""},
		{"single quotes", `{'session':'a'}`, "malformed_body", ""},
		{"byte order mark", "\ufeff{}", "malformed_body", ""},
		{"UTF-16", "{\x00}\x00", "malformed_body", ""},
		{"invalid UTF-8", "{\"session\":\"a\xff\"}", "malformed_body", ""},
		{"invalid UTF-8 in a key", "{\"sessio\xff\":\"a\"}", "malformed_body", ""},
		{"an overlong encoding", "{\"session\":\"\xc0\xaf\"}", "malformed_body", ""},
		{"a lone high surrogate", `{"session":"\ud83d"}`, "malformed_body", ""},
		{"a lone low surrogate", `{"session":"\ude00"}`, "malformed_body", ""},
		{"two high surrogates", `{"session":"\ud83d\ud83d"}`, "malformed_body", ""},
		{"a high surrogate and a letter", `{"session":"\ud83dx\ude00"}`, "malformed_body", ""},
		{"a field twice", `{"session":"a","session":"a"}`, "malformed_body", "body.session"},
		{"a field twice, once escaped", `{"session":"a","sess\u0069on":"b"}`, "malformed_body", "body.session"},
		{"a number for a string", `{"session":1}`, "malformed_body", "body.session"},
		{"an object for a string", `{"session":{"a":1}}`, "malformed_body", "body.session"},
		{"an unknown field", `{"sesion":"a"}`, "unknown_field", "body.sesion"},
		{"an unknown field that is null", `{"actor":null}`, "unknown_field", "body.actor"},
		{"a field of the event", `{"at":"2020-01-01T00:00:00Z"}`, "unknown_field", "body.at"},
		{"another case", `{"Session":"a"}`, "unknown_field", "body.Session"},
		{"capitals", `{"SESSION":"a"}`, "unknown_field", "body.SESSION"},
		{"a letter that folds to s", `{"ſession":"a"}`, "unknown_field", "body.ſession"},
		{"an empty key", `{"":"a"}`, "unknown_field", "body."},
		{"nested deeply", `{"session":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "malformed_body", ""},
		{"nested very deeply", strings.Repeat(`{"session":`, 4000) + "1" + strings.Repeat("}", 4000), "malformed_body", ""},
		{"nested beyond all measure", strings.Repeat("[", 60000), "malformed_body", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := s.in(t)
			a := s.do("POST", "/v1/login", alice, asJSON(tt.body)).fails(400, tt.code)
			if tt.location != "" && !strings.Contains(string(a.body), `"location":"`+tt.location+`"`) {
				t.Errorf("%s", a.body)
			}
			s.do("POST", "/v1/heartbeat", alice, asJSON(tt.body)).fails(400, tt.code)
		})
	}
	for _, body := range []string{`{}`, ` { "session" : "a" } `, `{"session":"\ud83d\ude00"}`, `{"session":"a\\ud83d"}`, `{"device":"{\"session\":1}"}`,
		`{"device":"a\"b:{[","session":"x"}`, "\t\r\n{}\n"} {
		s.do("POST", "/v1/login", alice, asJSON(body)).is(200)
	}
	if p := s.see("alice", s.last()); p.Seq != s.last() {
		t.Errorf("something that was refused is in the log")
	}
}

func TestContentTypesAreChecked(t *testing.T) {
	s := serve(t)
	for _, ct := range []string{"", "application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"} {
		for _, path := range []string{"/v1/login", "/v1/logout"} {
			s.do("POST", path, alice, bodyOf(ct, `{}`)).is(200)
		}
		s.do("POST", "/v1/heartbeat", alice, bodyOf(ct, `{}`)).is(204)
	}
	for _, ct := range []string{"text/plain", "application/xml", "application/json; charset=latin1", "application/merge-patch+json",
		"application/x-ndjson", "multipart/form-data; boundary=x", "/", ";", "application/json; charset"} {
		s.do("POST", "/v1/login", alice, bodyOf(ct, `{}`)).fails(415, "unsupported_media_type")
		s.do("POST", "/v1/heartbeat", alice, bodyOf(ct, `{}`)).fails(415, "unsupported_media_type")
	}
	form := s.do("POST", "/v1/login", alice, bodyOf("application/x-www-form-urlencoded", `{}`)).fails(415, "unsupported_media_type")
	if !strings.Contains(form.json()["detail"].(string), "-H 'Content-Type: application/json'") {
		t.Errorf("%s", form.body)
	}
	s.do("POST", "/v1/login", alice, asJSON(`{}`), header("Content-Encoding", "gzip")).fails(415, "unsupported_media_type")
	s.do("POST", "/v1/login", alice, asJSON(`{}`), header("Content-Encoding", "identity")).is(200)
	s.do("POST", "/v1/events", writer, bodyOf("text/csv", "a,b")).fails(415, "unsupported_media_type")
	s.do("POST", "/v1/login", alice, header("Content-Type", "text/plain")).is(200) // of no body at all
}

func TestAnAnswerMustBeAcceptable(t *testing.T) {
	s := serve(t)
	for _, accept := range []string{"", "*/*", "application/json", "application/*;q=0.5", "text/html, */*;q=0.1", "application/json, text/plain, */*",
		"APPLICATION/JSON", "garbage, application/json"} {
		s.do("POST", "/v1/login", alice, header("Accept", accept)).is(200)
	}
	last := s.last()
	for _, accept := range []string{"text/html", "application/xml", "application/json;q=0", "application/json;q=0, */*;q=0.5;x", "text/*", "image/png, text/html;q=0.8"} {
		if strings.Contains(accept, "*/*") {
			continue
		}
		s.do("POST", "/v1/login", alice, header("Accept", accept)).fails(406, "not_acceptable")
		s.do("GET", "/v1/me", alice, header("Accept", accept)).fails(406, "not_acceptable")
	}
	s.do("POST", "/v1/login", alice, header("Accept", "application/json;q=0, */*")).fails(406, "not_acceptable")
	s.do("POST", "/v1/login", alice, header("Accept", "text/html"), header("Accept", "application/json")).is(200)
	s.do("POST", "/v1/heartbeat", alice, header("Accept", "text/html")).is(204) // there is nothing to accept
	if s.last() != last+2 {
		t.Errorf("something that was refused is in the log: %d, wanted %d", s.last(), last+2)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	s := serve(t)
	fits := `{"device":"x"` + strings.Repeat(" ", 64<<10-14) + `}`
	s.do("POST", "/v1/login", alice, asJSON(fits)).is(200)
	s.do("POST", "/v1/login", alice, asJSON(fits+" ")).fails(413, "body_too_large")
	s.do("POST", "/v1/heartbeat", alice, asJSON(fits+" ")).fails(413, "body_too_large")
	s.do("POST", "/v1/login", alice, asJSON(fits+" "), chunked).fails(413, "body_too_large")
	s.do("POST", "/v1/login", alice, asJSON(fits), chunked).is(200)
	ids := make([]string, 1000) // of which the contract takes as many, however long they are
	for i := range ids {
		ids[i] = fmt.Sprintf("%0128d", i)
	}
	body, err := json.Marshal(map[string]any{"users": ids})
	if err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/v1/users/query", root, asJSON(string(body))).is(200)
	s.do("POST", "/v1/users/query", root, asJSON(string(body)+strings.Repeat(" ", 512<<10))).fails(413, "body_too_large")
	s.do("POST", "/v1/events", writer, declared(64<<20+1, "application/x-ndjson")).fails(413, "body_too_large")
	s.do("POST", "/v1/heartbeats", writer, declared(64<<20+1, "application/x-protobuf")).fails(413, "body_too_large")
}

// chunked keeps the length of a body from the server.
func chunked(r *http.Request) { r.ContentLength = -1 }

// declared is a body of n bytes of nothing.
func declared(n int64, contentType string) with {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Expect", "100-continue")
		r.Body, r.ContentLength = io.NopCloser(io.LimitReader(zeros{}, n)), n
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestAStreamBeyondItsLimitIsCutAndSaysSo(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 64 MiB")
	}
	s := serve(t)
	line := `{"type":"heartbeat","user":"a"}` + "\n"
	padded := strings.Repeat(" ", 1<<20-len(line)-1) + line
	body := io.MultiReader(strings.NewReader(line), strings.NewReader(strings.Repeat(padded, 65)))
	got := s.do("POST", "/v1/events", writer, func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(body), -1
		r.Header.Set("Content-Type", "application/x-ndjson")
	}).lines()
	if got.Accepted < 60 || got.Rejected != 1 || !strings.Contains(got.codes(), "body_too_large") {
		t.Errorf("%d accepted, %s", got.Accepted, got.codes())
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/nothing", "/v1/users/a/b", "/v2/me", "/v1/login/x", "/admins", "/api/users/", "//v1/me", "/v1//me"} {
		s.do("GET", path, alice).fails(404, "not_found")
		s.do("POST", path, "").fails(404, "not_found")
	}
	for request, allow := range map[string]string{
		"GET /v1/login": "POST", "DELETE /v1/login/": "POST", "POST /v1/me": "GET, HEAD", "PATCH /v1/heartbeat": "POST",
		"PATCH /v1/users/alice": "GET, HEAD, DELETE", "POST /v1/users/alice/override": "PUT, DELETE", "PUT /v1/users": "GET, HEAD",
		"PUT /v1/events": "GET, HEAD, POST", "OPTIONS /v1/me": "GET, HEAD", "GET /v1/session": "POST, DELETE", "PUT /v1/users/query": "GET, HEAD, POST, DELETE",
		"BREW /v1/me": "GET, HEAD",
	} {
		method, path, _ := strings.Cut(request, " ")
		if a := s.do(method, path, alice).fails(405, "method_not_allowed"); a.headers.Get("Allow") != allow {
			t.Errorf("%s: Allow %q, want %q", request, a.headers.Get("Allow"), allow)
		}
	}
	if a := s.do("HEAD", "/livez", "").is(200); len(a.body) > 0 {
		t.Errorf("HEAD has a body")
	}
}

func TestATrailingSlashChangesNothing(t *testing.T) {
	s := serve(t)
	seq := s.do("POST", "/v1/login/", alice, asJSON(`{"session":"a"}`)).is(200).seq()
	for _, path := range []string{"/v1/me", "/v1/users", "/v1/users/alice", "/v1/stats"} {
		x, y := s.do("GET", path+at(seq), root), s.do("GET", path+"/"+at(seq), root)
		if path == "/v1/me" {
			x, y = s.do("GET", path+at(seq), alice), s.do("GET", path+"/"+at(seq), alice)
		}
		if x.status != 200 || y.status != 200 || !bytes.Equal(x.body, y.body) {
			t.Errorf("%s: %d %s, with a slash %d %s", path, x.status, x.body, y.status, y.body)
		}
	}
	s.do("POST", "/v1/heartbeat/", alice).is(204)
	s.do("POST", "/v1/users/query/", reader, asJSON(`{"users":[]}`)).is(200)
	s.do("POST", "/v1/events/", writer, asJSON(`{"type":"login","user":"a"}`)).is(202)
	for _, path := range []string{"/livez/", "/readyz/", "/openapi.json/"} {
		s.do("GET", path, "").is(200)
	}
}

func TestMountedUnderAPrefixItWorksTheSame(t *testing.T) {
	s := serve(t)
	mux := http.NewServeMux()
	mux.Handle("/presence/", http.StripPrefix("/presence", s.api.Handler()))
	w := newRecorder()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "/presence/v1/users/a%2Fb/override/", strings.NewReader(`{"status":"busy"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+root)
	mux.ServeHTTP(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"user":"a/b"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestNewWantsItsParts(t *testing.T) {
	if _, err := api.New(api.Config{}); err == nil {
		t.Error("an API without anything")
	}
}
