package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func publicRSA(kid string) obj  { return jwk(kid, &rsaKey().PublicKey) }
func publicRSA2(kid string) obj { return jwk(kid, &rsaKey2().PublicKey) }

// ready starts v and waits for its keys.
func ready(t *testing.T, v *Verifier) {
	t.Helper()
	start(t, v)
	eventually(t, "Ready", func() bool { return v.Ready() == nil })
}

func TestJWKSVerifiesByKeyType(t *testing.T) {
	url := newIssuer(publicRSA("r"), jwk("e", &ecKey().PublicKey), jwk("d", ed25519Key().Public())).serve(t)
	v := newVerifier(t, Config{JWKSURL: url, Now: atNoon})
	ready(t, v)
	for name, tt := range map[string]struct {
		token string
		want  error
	}{
		"RS256":                     {signed(rs256, "r", rsaKey(), alice()), nil},
		"ES256":                     {signed(es256, "e", ecKey(), alice()), nil},
		"EdDSA":                     {signed(eddsa, "d", ed25519Key(), alice()), nil},
		"no kid":                    {signed(es256, "", ecKey(), alice()), nil},
		"kid of a key of other alg": {signed(es256, "r", ecKey(), alice()), ErrInvalid},
		"kid of another key":        {signed(rs256, "r", rsaKey2(), alice()), ErrInvalid},
		"HS256":                     {hs(alice()), ErrInvalid},
		"expired":                   {signed(es256, "e", ecKey(), alice().with("exp", 1)), ErrExpired},
	} {
		if err := verifyErr(v, tt.token); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
		if e := v.Explain(tt.token); e.Accepted() != (tt.want == nil) {
			t.Errorf("%s: Explain disagrees: %+v", name, e)
		}
	}
}

func TestJWKSDownAtStartThenUp(t *testing.T) {
	id := newIssuer()
	id.answer(http.StatusBadGateway, "")
	v := newVerifier(t, Config{JWKSURL: id.serve(t), Secret: secret, Now: atNoon})
	token := signed(rs256, "r", rsaKey(), alice())
	unavailable := func(when string) {
		t.Helper()
		if err := v.Ready(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: Ready: %v, want ErrUnavailable", when, err)
		}
		if err := verifyErr(v, token); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: Verify: %v, want ErrUnavailable", when, err)
		}
	}
	unavailable("before Run")
	start(t, v)
	eventually(t, "a fetch", func() bool { return id.fetched() > 0 })
	unavailable("while the issuer is down")
	if err := verifyErr(v, hs(alice())); err != nil {
		t.Errorf("HS256 while the issuer is down: %v", err)
	}
	forged := signRaw(methods[hs256], []byte("another"), header(hs256).json(), alice().json())
	if err := verifyErr(v, forged); !errors.Is(err, ErrInvalid) {
		t.Errorf("forged HS256 while the issuer is down: %v, want ErrInvalid", err)
	}
	if err := verifyErr(v, token[:strings.LastIndexByte(token, '.')]); !errors.Is(err, ErrInvalid) {
		t.Errorf("a token without a signature while the issuer is down: %v, want ErrInvalid", err)
	}
	id.publish(publicRSA("r"))
	eventually(t, "Ready", func() bool { return v.Ready() == nil })
	if err := verifyErr(v, token); err != nil {
		t.Errorf("after the issuer came up: %v", err)
	}
}

// TestJWKSRotation: the first token of a new key is accepted at once, by a refresh that it brings about itself.
func TestJWKSRotation(t *testing.T) {
	id := newIssuer(publicRSA("old"))
	v := newVerifier(t, Config{JWKSURL: id.serve(t), Now: atNoon})
	ready(t, v)
	old, fresh := signed(rs256, "old", rsaKey(), alice()), signed(rs256, "new", rsaKey2(), alice())
	if err := verifyErr(v, old); err != nil {
		t.Fatalf("old key: %v", err)
	}
	id.publish(publicRSA2("new"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := verifyErr(v, fresh); err != nil {
				t.Errorf("new key: %v", err)
			}
		})
	}
	wg.Wait()
	if err := verifyErr(v, old); !errors.Is(err, ErrInvalid) {
		t.Errorf("remembered token of the withdrawn key: error %v, want ErrInvalid", err)
	}
	if got := id.fetched(); got != 2 {
		t.Errorf("%d fetches, want 2", got)
	}
}

func TestJWKSAddedKeyKeepsTheCache(t *testing.T) {
	id := newIssuer(publicRSA("old"))
	v := newVerifier(t, Config{JWKSURL: id.serve(t), Now: atNoon})
	ready(t, v)
	for _, publish := range [][]obj{{publicRSA("old")}, {publicRSA2("new"), publicRSA("old")}} {
		id.publish(publish...)
		_ = verifyErr(v, signed(rs256, "old", rsaKey(), alice()))
		_ = verifyErr(v, signed(rs256, "new", rsaKey2(), alice()))
	}
	if got := v.CacheStats(); got.Entries != 1 || got.Hits == 0 {
		t.Errorf("stats %+v, want the old key's token still there", got)
	}
}

// TestUnknownKeysCannotFlood: made-up kids cost the issuer one fetch, whatever their number.
func TestUnknownKeysCannotFlood(t *testing.T) {
	id := newIssuer(publicRSA("real"))
	v := newVerifier(t, Config{JWKSURL: id.serve(t), Now: atNoon})
	ready(t, v)
	h := header(rs256)
	signature := signed(rs256, "x", rsaKey2(), alice())
	signature = signature[len(signature)-342:]
	var wg sync.WaitGroup
	for g := range 10 {
		wg.Go(func() {
			for i := range 200 {
				token := b64(h.with("kid", fmt.Sprintf("%d-%d", g, i)).json()) + "." + b64(alice().json()) + "." + signature
				if err := verifyErr(v, token); !errors.Is(err, ErrInvalid) {
					t.Errorf("made-up kid: error %v, want ErrInvalid", err)
				}
			}
		})
	}
	wg.Wait()
	if got := id.fetched(); got != 2 {
		t.Errorf("%d fetches, want 2: the first and one by an unknown kid", got)
	}
	if err := verifyErr(v, signed(rs256, "real", rsaKey(), alice())); err != nil {
		t.Errorf("a good token after the flood: %v", err)
	}
}

func TestForgedTokenOfAKnownKeyCostsNoFetch(t *testing.T) {
	id := newIssuer(publicRSA("real"))
	v := newVerifier(t, Config{JWKSURL: id.serve(t), Now: atNoon})
	ready(t, v)
	if err := verifyErr(v, signed(rs256, "real", rsaKey2(), alice())); !errors.Is(err, ErrInvalid) {
		t.Errorf("error %v, want ErrInvalid", err)
	}
	if got := id.fetched(); got != 1 {
		t.Errorf("%d fetches, want 1", got)
	}
}

// TestSymmetricKeyInAJWKS: whoever can read the set could sign with it.
func TestSymmetricKeyInAJWKS(t *testing.T) {
	published := []byte("published-published-published-pub")
	oct := obj{"kty": "oct", "kid": "o", "alg": "HS256", "k": b64(string(published))}
	id := newIssuer(oct, publicRSA("r"))
	for name, own := range map[string][]byte{"no secret": nil, "a secret": secret} {
		v := newVerifier(t, Config{JWKSURL: id.serve(t), Secret: own, Now: atNoon})
		ready(t, v)
		token := signRaw(methods[hs256], published, header(hs256).with("kid", "o").json(), alice().json())
		if err := verifyErr(v, token); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", name, err)
		}
	}
}

func TestVerifyGivesUpWithItsContext(t *testing.T) {
	id := newIssuer(publicRSA("r"))
	v := newVerifier(t, Config{JWKSURL: id.serve(t), Now: atNoon})
	ready(t, v)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Verify(ctx, signed(rs256, "other", rsaKey2(), alice())); !errors.Is(err, ErrInvalid) {
		t.Errorf("error %v, want ErrInvalid", err)
	}
}

func TestRunWithoutAJWKSWaits(t *testing.T) {
	v := hsVerifier(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := v.Run(ctx); err != nil || ctx.Err() == nil {
		t.Errorf("Run: %v with the context's error %v", err, ctx.Err())
	}
}
