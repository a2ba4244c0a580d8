package api_test

import (
	"bytes"
	"testing"
)

// TestRoles is the matrix of who may what.
func TestRoles(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/login", bob).is(200)
	seq := s.do("PUT", "/v1/users/bob/override", root, asJSON(`{"status":"busy"}`)).is(200).seq()
	s.do("GET", "/v1/me"+at(seq), bob).is(200)
	const allowed, denied = true, false
	for _, tt := range []struct {
		method, path, body           string
		user, reader, service, admin bool
	}{
		{"GET", "/v1/users/bob", "", denied, allowed, allowed, allowed},
		{"GET", "/v1/users/nobody", "", denied, allowed, allowed, allowed},
		{"GET", "/v1/users", "", denied, allowed, allowed, allowed},
		{"GET", "/v1/stats", "", denied, allowed, allowed, allowed},
		{"POST", "/v1/users/query", `{"users":["bob"]}`, denied, allowed, allowed, allowed},
		{"POST", "/v1/events", `{"type":"login","user":"bob"}`, denied, denied, allowed, allowed},
		{"PUT", "/v1/users/bob/override", `{"status":"busy"}`, denied, denied, denied, allowed},
		{"DELETE", "/v1/users/nobody/override", "", denied, denied, denied, allowed},
		{"GET", "/api/users/admin/users/online/", "", denied, denied, denied, allowed},
		{"GET", "/api/users/admin/users/bob/online-status/", "", denied, denied, denied, allowed},
		{"POST", "/api/users/admin/users/bob/set-online-status/", `{"status":"online"}`, denied, denied, denied, allowed},
		{"POST", "/v1/login", "", allowed, allowed, allowed, allowed},
		{"POST", "/v1/heartbeat", "", allowed, allowed, allowed, allowed},
		{"GET", "/v1/me", "", allowed, allowed, allowed, allowed},
		{"POST", "/v1/logout", "", allowed, allowed, allowed, allowed},
		{"POST", "/api/users/heartbeat/", "", allowed, allowed, allowed, allowed},
		{"POST", "/api/users/login/", "", allowed, allowed, allowed, allowed},
		{"POST", "/api/users/logout/", "", allowed, allowed, allowed, allowed},
	} {
		for _, who := range []struct {
			name, token string
			may         bool
		}{{"user", alice, tt.user}, {"reader", reader, tt.reader}, {"service", writer, tt.service}, {"admin", root, tt.admin}} {
			t.Run(who.name+" "+tt.method+" "+tt.path, func(t *testing.T) {
				s := s.in(t)
				var changes []with
				if tt.body != "" {
					changes = append(changes, asJSON(tt.body))
				}
				a := s.do(tt.method, tt.path, who.token, changes...)
				if !who.may {
					a.fails(403, "not_allowed")
				} else if a.status == 403 || a.status == 401 {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		t.Run("nobody "+tt.method+" "+tt.path, func(t *testing.T) {
			s := s.in(t)
			if a := s.do(tt.method, tt.path, "").fails(401, "missing_token"); a.headers.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("WWW-Authenticate %q", a.headers.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestAUserMayAskForItselfByAnyWay(t *testing.T) {
	s := serve(t)
	seq := s.do("POST", "/v1/login", alice).is(200).seq()
	s.do("GET", "/v1/users/alice"+at(seq), alice).is(200)
	s.do("POST", "/v1/users/query", alice, asJSON(`{"users":["alice"]}`)).is(200)
	s.do("POST", "/v1/users/query", alice, asJSON(`{"users":["alice","bob"]}`)).fails(403, "not_allowed")
	s.do("POST", "/v1/events", alice, asJSON(`{"type":"heartbeat","user":"alice"}`)).is(202)
}

func TestForbiddenSaysNothingOfWhetherTheUserExists(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/login", bob).is(200)
	there, missing := s.do("GET", "/v1/users/bob", alice).is(403), s.do("GET", "/v1/users/nobody", alice).is(403)
	if !bytes.Equal(there.body, missing.body) {
		t.Errorf("%s, but %s", there.body, missing.body)
	}
}
