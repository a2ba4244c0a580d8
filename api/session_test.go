package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
)

func (a *answer) cookie() *http.Cookie {
	a.t.Helper()
	all := (&http.Response{Header: a.headers}).Cookies()
	if len(all) != 1 {
		a.t.Fatalf("%s: cookies %v", a.what, all)
	}
	return all[0]
}

func TestABearerTokenComesBackAsACookie(t *testing.T) {
	s := serve(t)
	a := s.do("POST", "/v1/session", alice).is(200)
	c := a.cookie()
	if c.Name != auth.CookieName || c.Value != alice || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure ||
		c.MaxAge < 3000 || c.MaxAge > 3600 {
		t.Errorf("cookie %v", c)
	}
	if m := a.json(); m["user"] != "alice" || len(m) != 2 {
		t.Errorf("%s", a.body)
	}
	expires, err := time.Parse(time.RFC3339, a.json()["expires"].(string))
	if err != nil || time.Until(expires) > time.Hour {
		t.Errorf("expires %v, %v", expires, err)
	}
	with := header("Cookie", c.Name+"="+c.Value)
	s.do("POST", "/v1/login", "", with).is(200)
	s.do("POST", "/v1/session", "", with).fails(401, "missing_token")
	out := s.do("DELETE", "/v1/session", "", with).is(204).cookie()
	if out.MaxAge >= 0 || out.Value != "" || out.Path != "/" {
		t.Errorf("cookie %v", out)
	}
	s.do("DELETE", "/v1/session", "").is(204)
}

func TestTheCookieEndsWithTheToken(t *testing.T) {
	s := serve(t)
	c := s.do("POST", "/v1/session", minted(auth.MintClaims{User: "alice", TTL: 10 * time.Minute})).is(200).cookie()
	if c.MaxAge > 600 || c.MaxAge < 500 {
		t.Errorf("Max-Age %d", c.MaxAge)
	}
	late := minted(auth.MintClaims{User: "alice", TTL: time.Second, Now: time.Now().Add(-10 * time.Second)})
	s.do("GET", "/v1/me", late).fails(404, "unknown_user") // the leeway is good for a request, not for a cookie
	s.do("POST", "/v1/session", late).fails(401, "expired_token")
}

func TestTheCookieIsSecureBehindTLS(t *testing.T) {
	s := serve(t)
	if c := s.do("POST", "/v1/session", alice, header("X-Forwarded-Proto", "https")).is(200).cookie(); !c.Secure {
		t.Errorf("cookie %v", c)
	}
}

func TestATokenTooLongForACookieIsRefused(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/session", minted(auth.MintClaims{User: "alice", Scope: long(4000)})).fails(400, "invalid_parameter")
}

func TestAPageOfAnotherOriginCannotUseTheCookie(t *testing.T) {
	s := serve(t)
	cookie := header("Cookie", auth.CookieName+"="+root)
	for name, foreign := range map[string]with{
		"by Sec-Fetch-Site": header("Sec-Fetch-Site", "cross-site"), "by a sibling": header("Sec-Fetch-Site", "same-site"),
		"by Origin": header("Origin", "https://evil.example"),
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			s.do("POST", "/v1/heartbeat", "", cookie, foreign).fails(403, "not_allowed")
			s.do("PUT", "/v1/users/a/override", "", cookie, foreign, asJSON(`{"status":"busy"}`)).fails(403, "not_allowed")
			s.do("DELETE", "/v1/session", "", cookie, foreign).fails(403, "not_allowed")
			s.do("GET", "/v1/users", "", cookie, foreign).is(200) // a browser keeps the answer from the page
			s.do("POST", "/v1/heartbeat", alice, foreign).is(204) // whoever has the token itself may
			s.do("POST", "/v1/heartbeat", alice, cookie, foreign).is(204)
		})
	}
	s.do("POST", "/v1/heartbeat", "", cookie, header("Sec-Fetch-Site", "same-origin")).is(204)
	s.do("POST", "/v1/heartbeat", "", cookie, header("Origin", s.url)).is(204)
}
