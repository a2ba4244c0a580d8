package api_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestIDsInPathsAreDecodedOnce is the table of ids: what stands in the path, and whom it names.
func TestIDsInPathsAreDecodedOnce(t *testing.T) {
	s := serve(t)
	umlaut := strings.Repeat("ü", 64)
	for _, tt := range []struct{ path, id string }{
		{"alice", "alice"},
		{"a.b", "a.b"},
		{"a%2Eb", "a.b"},
		{"a%252Eb", "a%2Eb"},
		{"%2A", "*"},
		{"*", "*"},
		{"%3E", ">"},
		{"%3e", ">"},
		{"..%2Fx", "../x"},
		{"..", ".."},
		{".", "."},
		{"%2e%2e", ".."},
		{"a%2Fb", "a/b"},
		{"a%2F", "a/"},
		{"%2F", "/"},
		{"a%20b", "a b"},
		{"a+b", "a+b"},
		{"a%2Bb", "a+b"},
		{"a%3Fb", "a?b"},
		{"a%23b", "a#b"},
		{"%25", "%"},
		{"%2525", "%25"},
		{"query", "query"},
		{"%E2%80%AE", "\u202e"},
		{"u%C3%BC", "uü"},
		{"uü", "uü"},
		{url.PathEscape(umlaut), umlaut},
		{"$JS.API.STREAM.DELETE.PRESENCE", "$JS.API.STREAM.DELETE.PRESENCE"},
		{"a@b.example", "a@b.example"},
	} {
		for _, slash := range []string{"", "/"} {
			a := s.do("PUT", "/v1/users/"+tt.path+"/override"+slash, root, asJSON(`{"status":"busy"}`)).is(200)
			var p shown
			a.into(&p)
			if p.User != tt.id {
				t.Errorf("PUT %s named %q, want %q", tt.path, p.User, tt.id)
			}
			s.do("GET", "/v1/users/"+tt.path+slash+at(a.seq()), reader).is(200).into(&p)
			if p.User != tt.id || p.Status != "busy" {
				t.Errorf("GET %s shows %q %s, want %q", tt.path, p.User, p.Status, tt.id)
			}
			u, known, err := s.view.User(tt.id)
			if err != nil || !known || u.Override == nil {
				t.Errorf("%s did not reach %q: %v", tt.path, tt.id, err)
			}
			var own shown
			s.do("GET", "/v1/users/"+tt.path+slash+at(a.seq()), token(tt.id, "")).is(200).into(&own)
			if own.User != tt.id || own.Override == nil {
				t.Errorf("%q is not %s to himself: %+v", tt.id, tt.path, own)
			}
			s.do("DELETE", "/v1/users/"+tt.path+"/override"+slash, root).is(200)
		}
	}
	if n := s.view.Stats().Users; n != 23 {
		t.Errorf("%d users for 23 ids", n)
	}
}

func TestInvalidIDsInPathsAreRefused(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"%FF", "%00", "a%0D%0Ab", "%7F", "%C2%85", strings.Repeat("x", 129), url.PathEscape(strings.Repeat("ü", 64)) + "x"} {
		s.do("GET", "/v1/users/"+path, reader).fails(422, "invalid_user")
		s.do("PUT", "/v1/users/"+path+"/override", root, asJSON(`{"status":"busy"}`)).fails(422, "invalid_user")
		s.do("GET", "/api/users/admin/users/"+path+"/online-status/", root).fails(422, "invalid_user")
	}
	s.do("PUT", "/v1/users//override", root, asJSON(`{"status":"busy"}`)).fails(404, "not_found")
	s.do("GET", "/v1/users//", reader).fails(404, "not_found")
}
