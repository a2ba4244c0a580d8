package auth

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func unix(d time.Duration) int64 { return noon.Add(d).Unix() }

// TestTokenMatrix holds every token fault known against a verifier that asks for issuer and audience.
func TestTokenMatrix(t *testing.T) {
	v := newVerifier(t, Config{Secret: secret, Issuer: "us", Audience: "rollcall", Now: atNoon})
	good := alice().with("iss", "us").with("aud", "rollcall")
	goodRaw, hdr := good.json(), header(hs256)
	token := hs(good)
	dot := strings.LastIndexByte(token, '.')
	claim := func(name string, value any) string { return hs(good.with(name, value)) }
	raw := func(extra string) string { return hsRaw(hdr.json(), "{"+extra+","+goodRaw[1:]) }
	head := func(name string, value any) string { return hsRaw(hdr.with(name, value).json(), goodRaw) }
	headRaw := func(h string) string { return hsRaw(h, goodRaw) }

	for _, tt := range []struct {
		name, token string
		want        error
	}{
		{"good", token, nil},
		{"good with aud array", claim("aud", []string{"other", "rollcall"}), nil},
		{"good with fractional exp", claim("exp", float64(unix(time.Hour))+0.5), nil},
		{"good with exponent in exp", hsRaw(hdr.json(), strings.Replace(goodRaw, fmt.Sprint(unix(time.Hour)), "1.9e9", 1)), nil},
		{"good with an unknown claim", claim("jti", "x"), nil},
		{"good without typ", headRaw(`{"alg":"HS256"}`), nil},
		{"good with a kid that no key has", head("kid", "whatever"), nil},

		{"alg none, unsigned", b64(`{"alg":"none"}`) + "." + b64(goodRaw) + ".", ErrInvalid},
		{"alg none with a signature", headRaw(`{"alg":"none"}`), ErrInvalid},
		{"alg None", headRaw(`{"alg":"None"}`), ErrInvalid},
		{"alg hs256 in lower case", headRaw(`{"alg":"hs256"}`), ErrInvalid},
		{"alg missing", headRaw(`{"typ":"JWT"}`), ErrInvalid},
		{"alg number", headRaw(`{"alg":256}`), ErrInvalid},
		{"alg null", headRaw(`{"alg":null}`), ErrInvalid},
		{"alg empty", headRaw(`{"alg":""}`), ErrInvalid},
		{"alg array", headRaw(`{"alg":["HS256"]}`), ErrInvalid},
		{"alg HS384", signRaw(jwt.SigningMethodHS384, secret, `{"alg":"HS384"}`, goodRaw), ErrInvalid},
		{"alg HS512", signRaw(jwt.SigningMethodHS512, secret, `{"alg":"HS512"}`, goodRaw), ErrInvalid},
		{"alg RS256, which is not configured", signed(rs256, "", rsaKey(), good), ErrInvalid},
		{"alg twice", headRaw(`{"alg":"HS256","alg":"HS256"}`), ErrInvalid},
		{"alg in upper case besides", headRaw(`{"alg":"HS256","ALG":"none"}`), ErrInvalid},
		{"another header twice", headRaw(`{"alg":"HS256","x":1,"x":1}`), ErrInvalid},
		{"header crit", head("crit", []string{"exp"}), ErrInvalid},
		{"header crit null", headRaw(`{"alg":"HS256","crit":null}`), ErrInvalid},
		{"header crit, escaped", headRaw(`{"alg":"HS256","\u0063rit":["exp"]}`), ErrInvalid},
		{"header CRIT", head("CRIT", []string{"exp"}), ErrInvalid},
		{"header b64", head("b64", false), ErrInvalid},
		{"header jku", head("jku", "https://example.com/keys"), ErrInvalid},
		{"header jwk", head("jwk", obj{"kty": "oct", "k": "AA"}), ErrInvalid},
		{"header x5u", head("x5u", "https://example.com/cert"), ErrInvalid},
		{"header kid number", head("kid", 7), ErrInvalid},
		{"header kid null", headRaw(`{"alg":"HS256","kid":null}`), ErrInvalid},
		{"header array", headRaw(`["HS256"]`), ErrInvalid},
		{"header null", headRaw(`null`), ErrInvalid},
		{"header with a second value", headRaw(hdr.json() + hdr.json()), ErrInvalid},

		{"exp missing", claim("exp", nil), ErrInvalid},
		{"exp 31 s ago", claim("exp", unix(-31*time.Second)), ErrExpired},
		{"exp 30 s ago", claim("exp", unix(-30*time.Second)), ErrExpired},
		{"exp 29 s ago", claim("exp", unix(-29*time.Second)), nil},
		{"exp string", claim("exp", fmt.Sprint(unix(time.Hour))), ErrInvalid},
		{"exp null", raw(`"exp":null`), ErrInvalid},
		{"exp true", claim("exp", true), ErrInvalid},
		{"exp of the year 9999", claim("exp", maxDate), nil},
		{"exp of the year 10000", claim("exp", maxDate+1), ErrInvalid},
		{"exp of the year 318857", claim("exp", 9999999999999), ErrInvalid},
		{"exp not finite", hsRaw(hdr.json(), `{"sub":"a","iss":"us","aud":"rollcall","exp":1e999}`), ErrInvalid},
		{"exp not finite, negative", hsRaw(hdr.json(), `{"sub":"a","iss":"us","aud":"rollcall","exp":-1e999}`), ErrInvalid},
		{"exp far before 1970", claim("exp", -1e300), ErrInvalid},
		{"nbf far before 1970", claim("nbf", -1e300), ErrInvalid},
		{"exp NaN", hsRaw(hdr.json(), `{"sub":"a","iss":"us","aud":"rollcall","exp":NaN}`), ErrInvalid},
		{"exp before 1970", claim("exp", -5), ErrExpired},
		{"exp twice", raw(`"exp":1`), ErrInvalid},
		{"EXP besides", claim("EXP", 1), ErrInvalid},
		{"nbf in 60 s", claim("nbf", unix(time.Minute)), ErrInvalid},
		{"nbf in 30 s", claim("nbf", unix(30*time.Second)), nil},
		{"nbf string", claim("nbf", "0"), ErrInvalid},
		{"nbf null", hsRaw(hdr.json(), `{"nbf":null,`+goodRaw[1:]), ErrInvalid},
		{"iat in 60 s", claim("iat", unix(time.Minute)), ErrInvalid},
		{"iat in 30 s", claim("iat", unix(30*time.Second)), nil},
		{"iat object", claim("iat", obj{}), ErrInvalid},
		{"expired and too early", hs(good.with("exp", unix(-time.Hour)).with("nbf", unix(time.Hour))), ErrInvalid},
		{"expired, wrong issuer", hs(good.with("exp", unix(-time.Hour)).with("iss", "them")), ErrInvalid},
		{"expired, wrong signature", hs(good.with("exp", unix(-time.Hour)))[:dot] + token[dot:], ErrInvalid},

		{"iss wrong", claim("iss", "them"), ErrInvalid},
		{"iss missing", claim("iss", nil), ErrInvalid},
		{"iss array", claim("iss", []string{"us"}), ErrInvalid},
		{"aud wrong", claim("aud", "other"), ErrInvalid},
		{"aud missing", claim("aud", nil), ErrInvalid},
		{"aud empty array", claim("aud", []string{}), ErrInvalid},
		{"aud array with a number", claim("aud", []any{"rollcall", 1}), ErrInvalid},
		{"aud array with null", claim("aud", []any{"rollcall", nil}), ErrInvalid},
		{"aud prefix", claim("aud", "rollcall-2"), ErrInvalid},

		{"sub missing", claim("sub", nil), ErrInvalid},
		{"sub empty", claim("sub", ""), ErrInvalid},
		{"sub null", hsRaw(hdr.json(), `{"sub":null,`+strings.Replace(goodRaw, `"sub"`, `"s"`, 1)[1:]), ErrInvalid},
		{"sub number", claim("sub", 42), ErrInvalid},
		{"sub object", claim("sub", obj{"id": 1}), ErrInvalid},
		{"sub of 128 bytes", claim("sub", strings.Repeat("ü", 64)), nil},
		{"sub of 129 bytes", claim("sub", strings.Repeat("a", 129)), ErrInvalid},
		{"sub with a line break", claim("sub", "al\nice"), ErrInvalid},
		{"sub with NUL", claim("sub", "alice\x00"), ErrInvalid},
		{"sub with a C1 control", claim("sub", "alice\u0085"), ErrInvalid},
		{"sub with half a surrogate pair", hsRaw(hdr.json(), strings.Replace(goodRaw, `alice`, `al\ud800ice`, 1)), ErrInvalid},
		{"sub that is not UTF-8", hsRaw(hdr.json(), strings.Replace(goodRaw, `alice`, "al\xffice", 1)), ErrInvalid},
		{"sub twice", raw(`"sub":"admin"`), ErrInvalid},
		{"sub twice, one escaped", raw(`"s\u0075b":"admin"`), ErrInvalid},
		{"SUB besides sub", raw(`"SUB":"admin"`), ErrInvalid},
		{"SUB alone", hsRaw(hdr.json(), strings.Replace(goodRaw, `"sub"`, `"SUB"`, 1)), ErrInvalid},
		{"ſub, which folds to sub", claim("ſub", "admin"), ErrInvalid},
		{"Role besides", claim("Role", "admin"), ErrInvalid},
		{"SCOPE besides", claim("SCOPE", "presence:admin"), ErrInvalid},
		{"Scp besides", claim("Scp", "presence:admin"), ErrInvalid},
		{"Sid besides", claim("Sid", "x"), ErrInvalid},
		{"Aud besides", claim("Aud", "x"), ErrInvalid},
		{"Iss besides", claim("Iss", "x"), ErrInvalid},
		{"Nbf besides", claim("Nbf", 1), ErrInvalid},
		{"Iat besides", claim("Iat", 1), ErrInvalid},
		{"another claim twice", raw(`"x":1,"x":2`), ErrInvalid},
		{"sid number", claim("sid", 5), ErrInvalid},
		{"sid empty", claim("sid", ""), ErrInvalid},
		{"sid null", raw(`"sid":null`), ErrInvalid},
		{"scope object", claim("scope", obj{}), ErrInvalid},
		{"scope array with a number", claim("scope", []any{"presence:read", 1}), ErrInvalid},
		{"scp number", claim("scp", 1), ErrInvalid},

		{"claims array", hsRaw(hdr.json(), `["sub"]`), ErrInvalid},
		{"claims string", hsRaw(hdr.json(), `"alice"`), ErrInvalid},
		{"claims null", hsRaw(hdr.json(), `null`), ErrInvalid},
		{"claims empty object", hsRaw(hdr.json(), `{}`), ErrInvalid},
		{"claims cut short", hsRaw(hdr.json(), goodRaw[:len(goodRaw)-1]), ErrInvalid},
		{"claims with a second value", hsRaw(hdr.json(), goodRaw+`{}`), ErrInvalid},
		{"claims of 128 names", hsRaw(hdr.json(), manyNames(goodRaw, 128)), nil},
		{"claims of 129 names", hsRaw(hdr.json(), manyNames(goodRaw, 129)), ErrInvalid},
		{"claims nested too deep", raw(`"x":` + strings.Repeat("[", 3000)), ErrInvalid},

		{"signature truncated", token[:len(token)-2], ErrInvalid},
		{"signature empty", token[:dot+1], ErrInvalid},
		{"signature of another secret", signRaw(jwt.SigningMethodHS256, []byte("another"), hdr.json(), goodRaw), ErrInvalid},
		{"trailing bits of the signature altered", alterTrailingBits(t, token), ErrInvalid},
		{"padding", token + "=", ErrInvalid},
		{"standard base64 letters", token[:dot] + ".+/" + token[dot+3:], ErrInvalid},
		{"two segments", token[:dot], ErrInvalid},
		{"four segments", token + "." + token[dot+1:], ErrInvalid},
		{"four segments, empty last", token + ".", ErrInvalid},
		{"empty header", token[strings.IndexByte(token, '.'):], ErrInvalid},
		{"1 MiB of dots", strings.Repeat(".", 1<<20), ErrInvalid},
		{"trailing newline", token + "\n", ErrInvalid},
		{"newline inside", token[:10] + "\n" + token[10:], ErrInvalid},
		{"carriage return inside", token[:dot+9] + "\r" + token[dot+9:], ErrInvalid},
		{"leading space", " " + token, ErrInvalid},
		{"empty", "", ErrInvalid},
		{"longer than 8 KiB", claim("x", strings.Repeat("x", maxToken)), ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time past whatever the first left in the cache
				p, err := v.Verify(t.Context(), tt.token)
				if !errors.Is(err, tt.want) {
					t.Fatalf("Verify: error %v, want %v", err, tt.want)
				}
				if (p == nil) == (tt.want == nil) {
					t.Fatalf("Verify: principal %+v with error %v", p, err)
				}
			}
			if e := v.Explain(tt.token); e.Accepted() != (tt.want == nil) {
				t.Errorf("Explain disagrees with Verify: %+v", e)
			}
		})
	}
}

// manyNames adds unknown claims to the four of claims until there are n.
func manyNames(claims string, n int) string {
	for i := range n - 4 {
		claims = fmt.Sprintf(`{"n%d":%d,`, i, i) + claims[1:]
	}
	return claims
}

// alterTrailingBits respells the last letter of a token so that a lax decoder reads the same bytes.
func alterTrailingBits(t *testing.T, token string) string {
	t.Helper()
	lax := base64.RawURLEncoding
	sig := token[strings.LastIndexByte(token, '.')+1:]
	want, err := lax.DecodeString(sig)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		other := sig[:len(sig)-1] + string(c)
		if got, err := lax.DecodeString(other); err == nil && other != sig && string(got) == string(want) {
			return token[:len(token)-len(sig)] + other
		}
	}
	t.Fatal("no other spelling found")
	return ""
}

// TestPublicKeyIsNoSecret tries the public key, in every form that an attacker can get it in, as an HMAC secret.
func TestPublicKeyIsNoSecret(t *testing.T) {
	public := &rsaKey().PublicKey
	pemKey := publicPEM(public)
	v := newVerifier(t, Config{KeyFile: writeFile(t, pemKey), Now: atNoon})
	for name, key := range map[string][]byte{
		"PEM":         pemKey,
		"PEM trimmed": []byte(strings.TrimSpace(string(pemKey))),
		"DER":         must(x509.MarshalPKIXPublicKey(public)),
		"modulus":     public.N.Bytes(),
	} {
		for _, alg := range []string{hs256, rs256, "HS512"} {
			token := signRaw(jwt.SigningMethodHS256, key, header(alg).json(), alice().json())
			if err := verifyErr(v, token); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s as secret, alg %s: error %v, want ErrInvalid", name, alg, err)
			}
		}
	}
}

// TestOneKeyOneAlgorithm signs with the right key by an algorithm that the key is not bound to.
func TestOneKeyOneAlgorithm(t *testing.T) {
	rsaFile := writeFile(t, publicPEM(&rsaKey().PublicKey))
	v := newVerifier(t, Config{KeyFile: rsaFile, Secret: secret, Now: atNoon})
	for alg, token := range map[string]string{
		"RS384": signRaw(jwt.SigningMethodRS384, rsaKey(), header("RS384").json(), alice().json()),
		"PS256": signRaw(jwt.SigningMethodPS256, rsaKey(), header("PS256").json(), alice().json()),
		"ES256": signed(es256, "", ecKey(), alice()),
		"HS256 called RS256": signRaw(jwt.SigningMethodHS256, secret,
			header(rs256).json(), alice().json()),
		"RS256 called HS256": signRaw(jwt.SigningMethodRS256, rsaKey(), header(hs256).json(), alice().json()),
	} {
		if err := verifyErr(v, token); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", alg, err)
		}
	}
	if err := verifyErr(v, signed(rs256, "", rsaKey(), alice())); err != nil {
		t.Errorf("RS256: %v", err)
	}
}

// TestHostileTokenGivesAShortError: what nobody signed can be as long as a token may be, its error not.
func TestHostileTokenGivesAShortError(t *testing.T) {
	v := hsVerifier(t)
	for name, token := range map[string]string{
		"duplicates": hsRaw(header(hs256).json(), `{"a":1`+strings.Repeat(`,"a":1`, 100)+`}`),
		"variants":   hsRaw(header(hs256).json(), `{"SUB":1`+strings.Repeat(`,"SUB":1`, 100)+`}`),
		"long name":  hsRaw(`{"alg":"HS256"`+strings.Repeat(`,"`+strings.Repeat("x", 2000)+`":1`, 2)+`}`, alice().json()),
		"long alg":   hsRaw(header(strings.Repeat("x", 5000)).json(), alice().json()),
	} {
		if err := verifyErr(v, token); !errors.Is(err, ErrInvalid) || len(err.Error()) > 4096 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}
