package auth

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestInspectGivesEveryReason(t *testing.T) {
	v := newVerifier(t, Config{Secret: secret, Issuer: "us", Audience: "rollcall", Now: atNoon})
	claims := obj{"SUB": "root", "exp": unix(-time.Hour), "nbf": unix(time.Hour), "iat": unix(time.Hour), "iss": "them", "scope": 1}
	token := hsRaw(header(hs256).with("crit", []string{"x"}).json(), claims.json())
	e := v.Explain(token[:len(token)-4] + "AAAA")
	if e.Accepted() || e.Signature != SignatureInvalid {
		t.Errorf("accepted %v, signature %s", e.Accepted(), e.Signature)
	}
	all := strings.Join(e.Refusals, "\n")
	for _, want := range []string{"crit", `"SUB"`, "claim sub", "nbf", "iat", "iss", "aud", "scope", "expired at 2026-11-23T11:00:00Z", "signature"} {
		if !strings.Contains(all, want) {
			t.Errorf("no reason mentions %s:\n%s", want, all)
		}
	}
	if string(e.Claims) != claims.json() {
		t.Errorf("claims %s, want them as sent", e.Claims)
	}
}

func TestInspectOfAGoodToken(t *testing.T) {
	token := hs(alice().with("sid", "web-1").with("scope", "presence:read"))
	e := hsVerifier(t).Explain(token)
	if !e.Accepted() || e.User != "alice" || e.Session != "web-1" || e.Roles != "reader" || !e.Expires.Equal(noon.Add(time.Hour)) {
		t.Errorf("explanation %+v", e)
	}
	if got := string(must(json.Marshal(e))); !strings.Contains(got, `"refusals":[]`) || !strings.Contains(got, `"alg":"HS256"`) {
		t.Errorf("as JSON: %s", got)
	}
}

func TestInspectWithoutKeys(t *testing.T) {
	e := Inspect(hs(alice()), nil, noon)
	if e.Accepted() || e.Signature != SignatureUnchecked || len(e.Refusals) != 0 || e.User != "alice" {
		t.Errorf("good token: %+v", e)
	}
	e = Inspect(hs(alice()), nil, noon.Add(2*time.Hour))
	if len(e.Refusals) != 1 {
		t.Errorf("expired token: %q", e.Refusals)
	}
}

func TestInspectSurvivesAnything(t *testing.T) {
	for _, token := range []string{"", ".", "..", "a.b.c", "....", strings.Repeat("a", 1<<20), b64("null") + "." + b64("null") + ".AA"} {
		if e := Inspect(token, hsVerifier(t), noon); e.Accepted() || len(e.Refusals) == 0 || e.Header != nil {
			t.Errorf("%.20q: %+v", token, e)
		}
		if e := Inspect(token, nil, noon); len(e.Refusals) == 0 {
			t.Errorf("%.20q without keys: %+v", token, e)
		}
	}
}

func TestInspectBeforeTheJWKSIsLoaded(t *testing.T) {
	v := newVerifier(t, Config{JWKSURL: "https://id.example.com/keys", Now: atNoon})
	e := v.Explain(signed(es256, "k", ecKey(), alice()))
	if e.Accepted() || e.Signature != SignatureUnchecked || len(e.Refusals) != 1 {
		t.Errorf("explanation %+v", e)
	}
}
