package auth

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rollcall-dev/rollcall/events"
)

// FuzzVerify changes good tokens: no change may be accepted, and nothing may panic.
func FuzzVerify(f *testing.F) {
	file := joined(publicPEM(&rsaKey().PublicKey), publicPEM(ed25519Key().Public()))
	v := newVerifier(f, Config{Secret: secret, KeyFile: writeFile(f, file), Now: atNoon})
	// ES256 stays out: of every signature (r, s) its mathematics make a second, (r, n-s), for the same claims.
	good := []string{
		hs(alice()), hs(alice().with("role", "admin").with("sid", "web-1")),
		signed(rs256, "k", rsaKey(), alice()), signed(eddsa, "", ed25519Key(), alice()),
	}
	for i, token := range good {
		f.Add(i, 0, 0, "", token)
		f.Add(i, len(token)-1, 1, "A", "")
		f.Add(i, len(token), 0, "\n", "")
		f.Add(i, 0, strings.IndexByte(token, '.'), b64(`{"alg":"none"}`), "")
	}
	f.Add(0, 0, 0, "", "..")
	f.Add(0, 0, 0, "", b64(`{"alg":"HS256","alg":"none"}`)+"."+b64(`{"sub":"a","SUB":"b","exp":1e999}`)+".AA")

	f.Fuzz(func(t *testing.T, which, at, cut int, insert, whole string) {
		original := good[abs(which)%len(good)]
		at = abs(at) % (len(original) + 1)
		cut = min(abs(cut), len(original)-at)
		for _, token := range []string{original[:at] + insert + original[at+cut:], whole} {
			p, err := v.Verify(context.Background(), token)
			switch {
			case (p == nil) != (err != nil):
				t.Fatalf("%q: principal %+v with error %v", token, p, err)
			case err == nil && !slices.Contains(good, token):
				t.Fatalf("accepted a token that nobody signed: %q", token)
			case err != nil && !errors.Is(err, ErrInvalid):
				t.Fatalf("%q: error %v, want ErrInvalid", token, err)
			case v.Explain(token).Accepted() != (err == nil):
				t.Fatalf("%q: Explain disagrees with Verify (%v)", token, err)
			}
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

// FuzzClaims signs whatever it is given: what is accepted must be so by the strictest settings of the JWT library
// too, for the same user and the same time.
func FuzzClaims(f *testing.F) {
	v := newVerifier(f, Config{Secret: secret, Issuer: "us", Audience: "rollcall", UserClaim: "user_id", Now: atNoon})
	library := jwt.NewParser(jwt.WithValidMethods([]string{hs256}), jwt.WithIssuer("us"), jwt.WithAudience("rollcall"),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(Leeway), jwt.WithStrictDecoding(),
		jwt.WithJSONNumber(), jwt.WithTimeFunc(atNoon))
	good := obj{"user_id": 42, "exp": noon.Add(time.Hour).Unix(), "iss": "us", "aud": "rollcall"}
	for _, claims := range []obj{
		good, good.with("user_id", "ali\u00e7e"), good.with("nbf", noon.Unix()), good.with("iat", 1.5), good.with("sid", "x"),
		good.with("scope", []string{"presence:read"}), good.with("aud", []string{"rollcall", "x"}), good.with("exp", 1e300),
	} {
		f.Add(header(hs256).json(), claims.json())
	}
	f.Add(`{"alg":"HS256","alg":"HS256"}`, `{"user_id":1,"user_id":2,"exp":1e999}`)
	f.Add(`{"alg":"HS256","kid":"\ud800"}`, `{"user_id":"\ud800","exp":9e9,"iss":"us","aud":"rollcall"}`)

	f.Fuzz(func(t *testing.T, header, claims string) {
		token := hsRaw(header, claims)
		p, err := v.Verify(context.Background(), token)
		if err != nil {
			return
		}
		parsed, err := library.Parse(token, func(*jwt.Token) (any, error) { return secret, nil })
		if err != nil {
			t.Fatalf("the library refuses %s %s: %v", header, claims, err)
		}
		m := parsed.Claims.(jwt.MapClaims)
		if got := asString(m["user_id"]); got != p.User || events.ValidID(p.User) != nil {
			t.Fatalf("user %q, by the library %q", p.User, got)
		}
		if exp, err := m.GetExpirationTime(); err != nil || exp.Unix() != p.Expires.Unix() {
			t.Fatalf("expires %s, by the library %v, %v", p.Expires, exp, err)
		}
	})
}

func asString(claim any) string {
	switch c := claim.(type) {
	case string:
		return c
	case interface{ String() string }: // a json.Number
		return c.String()
	}
	return strconv.Quote("neither string nor number")
}
