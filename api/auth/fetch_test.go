package auth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestKeySetSkipsWhatItCannotUse(t *testing.T) {
	good := publicRSA("good")
	for name, bad := range map[string]obj{
		"symmetric":         {"kty": "oct", "kid": "bad", "k": "AAAA"},
		"private":           publicRSA("bad").with("d", "AAAA"),
		"for encryption":    publicRSA("bad").with("use", "enc"),
		"not for verifying": publicRSA("bad").with("key_ops", []string{"encrypt"}),
		"for RS512":         publicRSA("bad").with("alg", "RS512"),
		"for HS256":         publicRSA("bad").with("alg", "HS256"),
		"P-384":             jwk("bad", &ecKeyP384().PublicKey),
		"off the curve":     jwk("bad", &ecKey().PublicKey).with("x", "AAAA"),
		"short RSA":         publicRSA("bad").with("n", "AQAB"),
		"X25519":            jwk("bad", ed25519Key().Public()).with("crv", "X25519"),
		"unknown type":      {"kty": "AKP", "kid": "bad"},
		"x5u over http":     publicRSA("bad").with("x5u", "http://example.com/"),
	} {
		keys, skipped, err := parseKeySet([]byte(obj{"keys": []obj{bad, good}}.json()))
		if err != nil || len(keys) != 1 || keys[0].kid != "good" {
			t.Errorf("%s: %+v, %v, want the good key alone", name, keys, err)
		}
		if !strings.Contains(skipped, `"bad"`) {
			t.Errorf("%s: skipped %q does not name the key", name, skipped)
		}
	}
	keys, skipped, err := parseKeySet([]byte(obj{"keys": []any{7, "x", nil, good, good, publicRSA2("").with("use", "sig").with("alg", rs256)}}.json()))
	if err != nil || len(keys) != 2 || skipped == "" {
		t.Errorf("keys of other kinds: %d keys, skipped %q, %v", len(keys), skipped, err)
	}
}

func TestKeySetKeepsOneKeyUnderTwoNames(t *testing.T) {
	keys, _, err := parseKeySet([]byte(obj{"keys": []obj{publicRSA("a"), publicRSA("b"), publicRSA("a")}}.json()))
	if err != nil || len(keys) != 2 || !keys.names("a") || !keys.names("b") {
		t.Errorf("%+v, %v, want a and b", keys, err)
	}
}

func TestFetchRefusesALongAnswer(t *testing.T) {
	id := newIssuer(publicRSA("a"))
	id.answer(http.StatusOK, `{"keys":[`+strings.Repeat(" ", maxKeySet)+`]}`)
	_, _, err := fetchKeys(t.Context(), newHTTPClient(), id.serve(t))
	if err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("error %v", err)
	}
}

func TestRedirects(t *testing.T) {
	follow := newHTTPClient().CheckRedirect
	request := func(url string) *http.Request {
		return must(http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody))
	}
	secure := request("https://id.example.com/keys")
	if err := follow(request("http://id.example.com/keys"), []*http.Request{secure}); err == nil {
		t.Error("a redirect from https to http is followed")
	}
	if err := follow(request("https://cdn.example.com/keys"), []*http.Request{secure}); err != nil {
		t.Errorf("a redirect from https to https: %v", err)
	}
	srv := httptest.NewServer(http.RedirectHandler("/", http.StatusFound))
	defer srv.Close()
	if _, _, err := fetchKeys(t.Context(), newHTTPClient(), srv.URL); err == nil {
		t.Error("a circle of redirects gives keys")
	}
}
