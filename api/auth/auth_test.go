package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// The private keys of all tests; made once, for an RSA key takes its time.
var (
	rsaKey     = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsaKey2    = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey      = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ecKeyP384  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	ed25519Key = sync.OnceValue(func() ed25519.PrivateKey { _, k, err := ed25519.GenerateKey(rand.Reader); return must(k, err) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// clock is a settable Config.Now.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func atNoon() time.Time { return noon }

func newVerifier(t testing.TB, cfg Config) *Verifier {
	t.Helper()
	v, err := New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return v
}

// hsVerifier accepts HS256 with secret, at noon.
func hsVerifier(t testing.TB) *Verifier {
	return newVerifier(t, Config{Secret: secret, Now: atNoon})
}

// obj is a JSON object of a token.
type obj map[string]any

// with returns o with name set to value; a nil value takes it out.
func (o obj) with(name string, value any) obj {
	out := obj{}
	for k, v := range o {
		out[k] = v
	}
	if out[name] = value; value == nil {
		delete(out, name)
	}
	return out
}

func (o obj) json() string { return string(must(json.Marshal(o))) }

// alice are good claims at noon.
func alice() obj { return obj{"sub": "alice", "exp": noon.Add(time.Hour).Unix()} }

// header is a plain header of alg.
func header(alg string) obj { return obj{"alg": alg, "typ": "JWT"} }

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// signRaw signs header and claims exactly as they are written.
func signRaw(method jwt.SigningMethod, key any, header, claims string) string {
	text := b64(header) + "." + b64(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(must(method.Sign(text, key)))
}

func hs(claims obj) string { return hsRaw(header(hs256).json(), claims.json()) }

func hsRaw(header, claims string) string {
	return signRaw(jwt.SigningMethodHS256, secret, header, claims)
}

// signed signs claims with alg and a private key of its type; kid "" is left out of the header.
func signed(alg, kid string, private any, claims obj) string {
	h := header(alg)
	if kid != "" {
		h = h.with("kid", kid)
	}
	return signRaw(methods[alg], private, h.json(), claims.json())
}

func verifyErr(v *Verifier, token string) error {
	_, err := v.Verify(context.Background(), token)
	return err
}

func publicPEM(public any) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(public))})
}

func writeFile(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// eventually polls until ok, for what happens in another goroutine without a signal.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.Done():
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}

// start runs v until the test ends.
func start(t testing.TB, v *Verifier) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- v.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}
