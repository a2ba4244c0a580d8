package api_test

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api"
)

func TestWritesAreLimitedByUser(t *testing.T) {
	clock := &steps{at: time.Now()}
	s := serve(t, func(c *api.Config) { c.RateLimit, c.Now = 3, clock.now })
	for range 3 {
		s.do("POST", "/v1/heartbeat", alice).is(204)
	}
	if a := s.do("POST", "/v1/heartbeat", alice).fails(429, "rate_limited"); a.headers.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", a.headers.Get("Retry-After"))
	}
	s.do("POST", "/v1/login", alice).fails(429, "rate_limited")
	s.do("POST", "/api/users/heartbeat/", alice).fails(429, "rate_limited")
	s.do("GET", "/v1/users/alice"+at(s.last()), alice).is(200)
	s.do("POST", "/v1/heartbeat", bob).is(204)
	clock.pass(340 * time.Millisecond)
	s.do("POST", "/v1/heartbeat", alice).is(204)
	s.do("POST", "/v1/heartbeat", alice).fails(429, "rate_limited")
	clock.pass(time.Minute)
	for range 3 {
		s.do("POST", "/v1/heartbeat", alice).is(204)
	}
	s.do("POST", "/v1/heartbeat", alice).fails(429, "rate_limited")
}

func TestThoseWhoSpeakForManyAreNotLimited(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.RateLimit = 1 })
	for range 5 {
		s.do("POST", "/v1/heartbeat", writer).is(204)
		s.do("POST", "/v1/heartbeat", root).is(204)
	}
	s.do("POST", "/v1/heartbeat", reader).is(204)
	s.do("POST", "/v1/heartbeat", reader).fails(429, "rate_limited")
}

func TestNoLimitIsNone(t *testing.T) {
	s := serve(t)
	for range 50 {
		s.do("POST", "/v1/heartbeat", alice).is(204)
	}
}
