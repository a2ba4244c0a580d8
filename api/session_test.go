package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
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
	if c.Name != auth.CookieName+"_"+port(s) || c.Value != alice || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure ||
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

// port is what the names of cookies end in.
func port(s *service) string { return s.url[strings.LastIndexByte(s.url, ':')+1:] }

// The cookie goes to no other application of the host.
func TestTheCookieHasThePathOfThePrefix(t *testing.T) {
	s := serve(t)
	mounted := httptest.NewServer(http.StripPrefix("/a/presence", s.api.Handler()))
	defer mounted.Close()
	for _, tt := range []struct {
		url, header, value, want string
	}{
		{s.url, "", "", "/"},
		{mounted.URL + "/a/presence", "", "", "/a/presence"},
		{s.url, "X-Forwarded-Prefix", "/presence", "/presence"},
		{s.url, "X-Forwarded-Prefix", "/presence/", "/presence"},
		{s.url, "X-Forwarded-Prefix", "/", "/"},
		{s.url, "X-Forwarded-Prefix", "presence", "/"},
		{s.url, "X-Forwarded-Prefix", "/x; Domain=example.com", "/"},
		{s.url, "X-Forwarded-Prefix", "//evil.example", "/"},
		{mounted.URL + "/a/presence", "X-Forwarded-Prefix", "/outer", "/outer/a/presence"},
		{s.url, "Rollcall-Prefix", "/x/y/", "/x/y"},
		{mounted.URL + "/a/presence", "Rollcall-Prefix", "/b/a/presence", "/b/a/presence"},
		{mounted.URL + "/a/presence", "Rollcall-Prefix", "/", "/"},
	} {
		for _, method := range []string{"POST", "DELETE"} {
			r, err := http.NewRequestWithContext(t.Context(), method, tt.url+"/v1/session", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+alice)
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			resp, err := s.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if all := resp.Cookies(); len(all) != 1 || all[0].Path != tt.want || all[0].Domain != "" {
				t.Errorf("%s %s, %s %s: %v, want the path %s", method, tt.url, tt.header, tt.value, all, tt.want)
			}
		}
	}
}

// A browser sends the cookies of all ports of a host to each of them.
func TestNodesOnOneHostDoNotSignEachOtherOut(t *testing.T) {
	one, two := serve(t), serve(t)
	a := one.do("POST", "/v1/session", alice).is(200).cookie()
	b := two.do("POST", "/v1/session", bob).is(200).cookie()
	if a.Name == b.Name {
		t.Fatalf("both are named %s", a.Name)
	}
	both := header("Cookie", a.Name+"="+a.Value+"; "+b.Name+"="+b.Value)
	atOne := at(one.do("POST", "/v1/login", alice).is(200).seq())
	atTwo := at(two.do("POST", "/v1/login", bob).is(200).seq())
	if m := one.do("GET", "/v1/me"+atOne, "", both).is(200).json(); m["user"] != "alice" {
		t.Errorf("one: %v", m)
	}
	if m := two.do("GET", "/v1/me"+atTwo, "", both).is(200).json(); m["user"] != "bob" {
		t.Errorf("two: %v", m)
	}
	if out := two.do("DELETE", "/v1/session", "", both).is(204).cookie(); out.Name != b.Name {
		t.Errorf("signed %s out", out.Name)
	}
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
	host := strings.TrimPrefix(s.url, "http://")
	for name, tt := range map[string]struct {
		changes []with
		want    bool
	}{
		"a proxy says so":      {[]with{header("X-Forwarded-Proto", "https")}, true},
		"the first of two":     {[]with{header("X-Forwarded-Proto", "HTTPS, http")}, true},
		"the page's origin":    {[]with{header("Origin", "https://"+host)}, true},
		"its host, forwarded":  {[]with{header("Origin", "https://presence.example"), header("X-Forwarded-Host", "presence.example")}, true},
		"a proxy without TLS":  {[]with{header("X-Forwarded-Proto", "http")}, false},
		"a page without TLS":   {[]with{header("Origin", "http://"+host)}, false},
		"not the first of two": {[]with{header("X-Forwarded-Proto", "http, https")}, false},
	} {
		if c := s.do("POST", "/v1/session", alice, tt.changes...).is(200).cookie(); c.Secure != tt.want {
			t.Errorf("%s: cookie %v", name, c)
		}
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
	for name, foreign := range map[string]with{"by Sec-Fetch-Site": header("Sec-Fetch-Site", "same-site"), "by Origin": header("Origin", "https://evil.example")} {
		a := s.do("POST", "/v1/session", alice, foreign).fails(403, "not_allowed") // nor give it to a browser
		if len(a.headers.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: %v", name, a.headers)
		}
	}
	s.do("POST", "/v1/heartbeat", "", cookie, header("Sec-Fetch-Site", "same-origin")).is(204)
	s.do("POST", "/v1/heartbeat", "", cookie, header("Origin", s.url)).is(204)
}

// TestAProxyThatRewritesHostIsNamed: only it can make the service's own page one of another origin.
func TestAProxyThatRewritesHostIsNamed(t *testing.T) {
	s := serve(t)
	cookie := header("Cookie", auth.CookieName+"="+root)
	own := header("Origin", "http://presence.example")
	for _, path := range []string{"POST /v1/heartbeat", "DELETE /v1/session"} {
		method, path, _ := strings.Cut(path, " ")
		a := s.do(method, path, "", cookie, own).fails(403, "not_allowed")
		if detail := a.json()["detail"].(string); !strings.Contains(detail, "proxy rewrites the header Host") || !strings.Contains(detail, "X-Forwarded-Host") {
			t.Errorf("%s", a.body)
		}
	}
	s.do("POST", "/v1/heartbeat", "", cookie, own, header("X-Forwarded-Host", "presence.example")).is(204)
	s.do("POST", "/v1/heartbeat", "", cookie, own, header("X-Forwarded-Host", "evil.example")).fails(403, "not_allowed")
}
