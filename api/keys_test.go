package api_test

import (
	"strings"
	"testing"
)

// TestARepeatWithTheSameKeyAddsNothing goes through every call that takes a key.
func TestARepeatWithTheSameKeyAddsNothing(t *testing.T) {
	s := serve(t)
	s.do("PUT", "/v1/users/bob/override", root, asJSON(`{"status":"busy"}`)).is(200)
	for _, tt := range []struct{ method, path, token, body string }{
		{"POST", "/v1/login", alice, `{"session":"a"}`},
		{"POST", "/v1/logout", alice, `{"session":"a"}`},
		{"POST", "/v1/events", writer, `{"type":"login","user":"bob"}`},
		{"POST", "/v1/events", writer, `{"type":"heartbeat","user":"bob","every":60}`},
		{"PUT", "/v1/users/alice/override", root, `{"status":"away","for":"30m"}`},
		{"DELETE", "/v1/users/bob/override", root, ``},
	} {
		key := header("Idempotency-Key", tt.method+tt.path+tt.body)
		send := func() *answer {
			if tt.body == "" {
				return s.do(tt.method, tt.path, tt.token, key)
			}
			return s.do(tt.method, tt.path, tt.token, key, asJSON(tt.body))
		}
		first := send()
		last := s.last()
		for range 3 {
			again := send()
			if again.status != first.status || again.status >= 300 || again.seq() != first.seq() {
				t.Errorf("%s %s: %d %s at first, then %d %s", tt.method, tt.path, first.status, first.body, again.status, again.body)
			}
			if again.json()["seq"] != first.json()["seq"] {
				t.Errorf("%s: %s at first, then %s", tt.path, first.body, again.body)
			}
		}
		if s.last() != last {
			t.Errorf("%s %s: a repeat added something", tt.method, tt.path)
		}
	}
}

func TestTheSameKeyWithAnotherRequestIsAConflict(t *testing.T) {
	s := serve(t)
	key := header("Idempotency-Key", "one")
	s.do("POST", "/v1/login", root, key, asJSON(`{"session":"a"}`)).is(200)
	s.do("POST", "/v1/login", root, key, asJSON(`{"session":"b"}`)).fails(409, "idempotency_conflict")
	s.do("POST", "/v1/login", root, key, asJSON(`{"session":"a","device":"x"}`)).fails(409, "idempotency_conflict")
	s.do("POST", "/v1/logout", root, key, asJSON(`{"session":"a"}`)).fails(409, "idempotency_conflict")
	s.do("PUT", "/v1/users/a/override", root, key, asJSON(`{"status":"busy"}`)).fails(409, "idempotency_conflict")
	s.do("POST", "/v1/login", root, header("Rollcall-Session", "a"), key).is(200)
}

func TestKeysOfTwoUsersAreTwo(t *testing.T) {
	s := serve(t)
	key := header("Idempotency-Key", "one")
	a, b := s.do("POST", "/v1/login", alice, key).is(200), s.do("POST", "/v1/login", bob, key).is(200)
	if a.seq() == b.seq() {
		t.Errorf("both at %d", a.seq())
	}
}

func TestKeysAreChecked(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/login", alice, header("Idempotency-Key", strings.Repeat("ü", 64))).is(200)
	for _, key := range []string{"", strings.Repeat("x", 65), "a\tb", "\xff"} {
		a := s.do("POST", "/v1/login", alice, header("Idempotency-Key", key)).fails(400, "invalid_parameter")
		if !strings.Contains(string(a.body), "header.Idempotency-Key") {
			t.Errorf("%s", a.body)
		}
	}
	s.do("POST", "/v1/login", alice, header("Idempotency-Key", "a"), header("Idempotency-Key", "b")).fails(400, "invalid_parameter")
	s.do("POST", "/v1/events", writer, header("Idempotency-Key", ""), asNDJSON("")).fails(400, "invalid_parameter")
}
