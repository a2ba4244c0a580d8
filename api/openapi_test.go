package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

// contract is the OpenAPI document that the services of all tests publish, made strict: an answer may have nothing that
// it does not tell.
var contract struct {
	once  sync.Once
	mu    sync.Mutex // the validator is used by one at a time
	check validator.Validator
	paths map[string]map[string]any // path → method in lower case → operation
}

func loadContract(t testing.TB, doc []byte) {
	t.Helper()
	parsed, err := libopenapi.NewDocument(closed(t, doc))
	if err != nil {
		t.Fatal(err)
	}
	check, errs := validator.NewValidator(parsed)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, problems := check.ValidateDocument(); !ok {
		for _, p := range problems {
			t.Error(p)
		}
	}
	contract.check = check
	var paths struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(doc, &paths); err != nil {
		t.Fatal(err)
	}
	contract.paths = paths.Paths
}

// closed allows no object of the document's schemas a property that it does not name.
func closed(t testing.TB, doc []byte) []byte {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal(doc, &d); err != nil {
		t.Fatal(err)
	}
	for _, s := range d["components"].(map[string]any)["schemas"].(map[string]any) {
		s.(map[string]any)["additionalProperties"] = false
	}
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// documented holds an answer against the document, if its request was for a call of it.
func documented(t testing.TB, r *http.Request, a *answer) {
	t.Helper()
	contract.once.Do(func() {
		resp, err := http.Get(r.URL.Scheme + "://" + r.URL.Host + "/openapi.json")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		doc, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		loadContract(t, doc)
		http.DefaultClient.CloseIdleConnections()
	})
	path, ok := operation(r)
	if !ok || a.status == http.StatusMethodNotAllowed || bytes.Contains(a.body, []byte(`"code":"not_found"`)) {
		return
	}
	// The validator does not decode ids; what stands in a path is of no matter to it.
	asked := &http.Request{Method: r.Method, URL: &url.URL{Path: strings.ReplaceAll(path, "{user}", "alice")}, Header: r.Header}
	contract.mu.Lock()
	defer contract.mu.Unlock()
	for _, body := range bodies(a) {
		ok, problems := contract.check.ValidateHttpResponse(asked, &http.Response{StatusCode: a.status, Header: a.headers,
			Body: io.NopCloser(bytes.NewReader(body))})
		if !ok {
			for _, p := range problems {
				t.Errorf("%s: %d %s is not what the document says: %v", a.what, a.status, body, p)
			}
		}
	}
}

// bodies returns the lines of an answer that has lines, else its one body.
func bodies(a *answer) [][]byte {
	if a.headers.Get("Content-Type") == "application/x-ndjson" {
		return bytes.FieldsFunc(a.body, func(r rune) bool { return r == '\n' })
	}
	return [][]byte{a.body}
}

func fits(pattern, path string) bool {
	p, q := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(p) != len(q) {
		return false
	}
	for i := range p {
		if p[i] != q[i] && !strings.HasPrefix(p[i], "{") {
			return false
		}
	}
	return true
}

// operation returns the path in the document, literal ones first, that r asks for.
func operation(r *http.Request) (string, bool) {
	path, method := strings.TrimSuffix(r.URL.EscapedPath(), "/"), strings.ToLower(r.Method)
	if _, ok := contract.paths[path][method]; ok {
		return path, true
	}
	for p, item := range contract.paths {
		if _, ok := item[method]; ok && fits(p, path) {
			return p, true
		}
	}
	return "", false
}

func TestDocumentIsValidAndSaysWhatTheRoutesDo(t *testing.T) {
	s := serve(t)
	a := s.do("GET", "/openapi.json", "").is(200)
	doc := a.json()
	if v := doc["openapi"].(string); !strings.HasPrefix(v, "3.1") {
		t.Errorf("version %s", v)
	}
	for _, want := range []string{
		"POST /v1/login", "POST /v1/heartbeat", "POST /v1/logout", "POST /v1/events", "POST /v1/heartbeats",
		"PUT /v1/users/{user}/override", "DELETE /v1/users/{user}/override", "GET /v1/me", "GET /v1/users/{user}",
		"GET /v1/users", "POST /v1/users/query", "GET /v1/stats", "GET /v1/users/{user}/history", "GET /v1/stats/concurrency",
		"GET /v1/events", "GET /v1/overdue", "POST /v1/overdue", "POST /v1/verify", "POST /v1/rebuild", "DELETE /v1/users/{user}", "POST /v1/session", "DELETE /v1/session",
		"POST /api/users/heartbeat", "GET /api/users/admin/users/online", "GET /api/users/admin/users/{user}/online-status",
		"POST /api/users/admin/users/{user}/set-online-status", "POST /api/users/login", "POST /api/users/logout",
		"GET /livez", "GET /readyz",
	} {
		method, path, _ := strings.Cut(want, " ")
		item, _ := doc["paths"].(map[string]any)[path].(map[string]any)
		op, ok := item[strings.ToLower(method)].(map[string]any)
		if !ok {
			t.Errorf("%s is not in the document", want)
			continue
		}
		if op["operationId"] == "" || op["summary"] == "" {
			t.Errorf("%s has no id or summary", want)
		}
	}
}

func TestDocsPageNeedsNobodyElse(t *testing.T) {
	s := serve(t)
	for path, prefix := range map[string]string{"/docs": "docs/", "/docs/": ""} {
		page := s.do("GET", path, "").is(200)
		if policy := page.headers.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "http") {
			t.Errorf("policy %q", policy)
		}
		if strings.Contains(string(page.body), "//") {
			t.Errorf("%s asks somebody else: %s", path, page.body)
		}
		for _, file := range []string{"swagger-ui.css", "docs.css", "swagger-ui-bundle.js", "docs.js"} {
			if !strings.Contains(string(page.body), `"`+prefix+file+`"`) {
				t.Errorf("%s does not name %s", path, file)
			}
			if a := s.do("GET", "/docs/"+file, ""); a.status != 200 || len(a.body) < 10 {
				t.Errorf("%s: %d, %d bytes", file, a.status, len(a.body))
			}
		}
	}
	for _, file := range []string{"LICENSE", "NOTICE", "LICENSE-bundle.txt"} {
		s.do("GET", "/docs/"+file, "").is(200)
	}
	s.do("GET", "/docs/page.html", "").fails(404, "not_found")
	s.do("GET", "/docs/..%2Fpage.html", "").fails(404, "not_found")
}

func TestDocsFilesComeUnpackedWhereGzipIsNotTaken(t *testing.T) {
	s := serve(t)
	a := s.do("GET", "/docs/swagger-ui.css", "", header("Accept-Encoding", "identity")).is(200)
	if a.headers.Get("Content-Encoding") != "" || !bytes.Contains(a.body, []byte(".swagger-ui")) {
		t.Errorf("%s: %.60q", a.headers.Get("Content-Encoding"), a.body)
	}
}

// Whatever a page or a generator makes of the document must work, and do no harm.
func TestDocumentIsFitForOthersTools(t *testing.T) {
	s := serve(t)
	doc := s.do("GET", "/openapi.json", "").is(200).json()
	if url := doc["servers"].([]any)[0].(map[string]any)["url"]; url != "." {
		t.Errorf("the server is %v: under a prefix it is another one", url)
	}
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			op := op.(map[string]any)
			if text, _ := op["description"].(string); text == "" {
				t.Errorf("%s %s has no description", method, path)
			}
			security, there := op["security"].([]any)
			open := path == "/livez" || path == "/readyz" || method == "delete" && path == "/v1/session"
			if !there || open != (len(security) == 0) {
				t.Errorf("%s %s: security %v", method, path, op["security"])
			}
			for _, p := range asList(op["parameters"]) {
				p := p.(map[string]any)
				schema := p["schema"].(map[string]any)
				if p["description"] == nil || schema["examples"] == nil && schema["enum"] == nil && schema["type"] != "boolean" && schema["type"] != "array" {
					t.Errorf("%s %s: the parameter %v is not told of", method, path, p["name"])
				}
			}
			examined := asMap(op["responses"])
			if body := asMap(op["requestBody"]); body != nil {
				examined["request"] = body
			}
			for status, content := range examined {
				for media, m := range asMap(asMap(content)["content"]) {
					m := m.(map[string]any)
					if m["example"] == nil {
						t.Errorf("%s %s %s: no example of %s", method, path, status, media)
					}
					if schema := asMap(m["schema"]); schema["oneOf"] != nil || schema["anyOf"] != nil {
						t.Errorf("%s %s %s: a union that generators cannot use", method, path, status)
					}
					if status != "request" {
						continue
					}
					for _, field := range []string{"leaving", "every", "all"} {
						if value, there := asMap(m["example"])[field]; there && value != 30.0 {
							t.Errorf("%s %s offers %s: %v", method, path, field, value)
						}
					}
				}
			}
		}
	}
}

func asMap(v any) map[string]any { m, _ := v.(map[string]any); return m }

func asList(v any) []any { l, _ := v.([]any); return l }
