package api_test

import (
	"strings"
	"testing"
)

func TestTheAdminPageNeedsNoTokenToBeLoaded(t *testing.T) {
	s := serve(t)
	a := s.do("GET", "/admin/", "").is(200)
	if !strings.Contains(string(a.body), "<title>Rollcall</title>") || !strings.Contains(a.headers.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%v %s", a.headers, a.body)
	}
	s.do("GET", "/admin/assets/admin.js", "").is(200)
	s.do("GET", "/admin/assets/nothing.js", "").fails(404, "not_found")
	s.do("GET", "/admin/assets/..%2Findex.html", "").fails(404, "not_found")
	s.do("POST", "/admin/", "").fails(405, "method_not_allowed")
}

func TestTheAdminPageIsAtItsSlash(t *testing.T) {
	// The client of the tests follows the redirect: the page comes from where its relative addresses hold.
	a := serve(t).do("GET", "/admin", "").is(200)
	if !strings.Contains(string(a.body), "./assets/admin.js") {
		t.Errorf("%s", a.body)
	}
}
