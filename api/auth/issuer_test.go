package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// issuer serves a JWKS that a test changes as it goes.
type issuer struct {
	mu      sync.Mutex
	status  int
	body    string
	fetches int
	hang    bool // answer only when the asker gives up
}

func newIssuer(keys ...obj) *issuer {
	i := &issuer{}
	i.publish(keys...)
	return i
}

func (i *issuer) publish(keys ...obj) {
	if keys == nil {
		keys = []obj{}
	}
	i.answer(http.StatusOK, obj{"keys": keys}.json())
}

func (i *issuer) answer(status int, body string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.status, i.body, i.hang = status, body, false
}

func (i *issuer) stall() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.hang = true
}

func (i *issuer) fetched() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// RoundTrip answers without a network, for tests in a bubble of fake time.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.fetches++
	status, body, hang := i.status, i.body, i.hang
	i.mu.Unlock()
	if hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: r,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// ServeHTTP is the same over the network.
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resp, err := i.RoundTrip(r)
	if err != nil {
		return
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

func (i *issuer) serve(t testing.TB) (url string) {
	t.Helper()
	srv := httptest.NewServer(i)
	t.Cleanup(srv.Close)
	return srv.URL
}

// offline is a configuration that reaches the issuer without a network.
func (i *issuer) offline() Config {
	return Config{JWKSURL: "https://id.example.com/keys", HTTPClient: &http.Client{Transport: i}}
}

// jwk is a public key as a JWKS shows it; kid "" is left out.
func jwk(kid string, public any) obj {
	bytes64 := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	var o obj
	switch k := public.(type) {
	case *rsa.PublicKey:
		o = obj{"kty": "RSA", "n": bytes64(k.N.Bytes()), "e": bytes64(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point := must(k.Bytes())[1:]
		o = obj{"kty": "EC", "crv": k.Params().Name, "x": bytes64(point[:len(point)/2]), "y": bytes64(point[len(point)/2:])}
	case ed25519.PublicKey:
		o = obj{"kty": "OKP", "crv": "Ed25519", "x": bytes64(k)}
	}
	if kid != "" {
		o["kid"] = kid
	}
	return o
}
