package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func bearerRequest(token string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/heartbeat", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// BenchmarkVerifyCached is the way of a heartbeat's token: all cores at once, on one token and on many.
func BenchmarkVerifyCached(b *testing.B) {
	for _, tokens := range []int{1, 1000, 50000} {
		b.Run(fmt.Sprintf("tokens=%d", tokens), func(b *testing.B) {
			v := hsVerifier(b)
			requests := make([]*http.Request, tokens)
			for i := range requests {
				requests[i] = bearerRequest(hs(alice().with("sub", fmt.Sprintf("user-%d", i))))
				if _, err := v.FromRequest(requests[i]); err != nil {
					b.Fatal(err)
				}
			}
			var start atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := int(start.Add(7919)); pb.Next(); i++ {
					if _, err := v.FromRequest(requests[i%tokens]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkVerify is a token seen for the first time.
func BenchmarkVerify(b *testing.B) {
	file := joined(publicPEM(&rsaKey().PublicKey), publicPEM(&ecKey().PublicKey), publicPEM(ed25519Key().Public()))
	v := newVerifier(b, Config{Secret: secret, KeyFile: writeFile(b, file), Now: atNoon})
	for alg, private := range map[string]any{hs256: secret, rs256: rsaKey(), es256: ecKey(), eddsa: ed25519Key()} {
		token := signed(alg, "", private, alice().with("role", "user").with("iat", noon.Unix()))
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.verify(b.Context(), token, noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerifyFlood is a cache that is full, met by new tokens only.
func BenchmarkVerifyFlood(b *testing.B) {
	c := newCache(1 << 14)
	p := &Principal{Expires: noon}
	tokens := make([]string, 1<<17)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("%0200d", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.put(tokens[i%len(tokens)], p, 0)
	}
}

// BenchmarkVerifyHostile is what anybody can send to cost the most: a header or claims with as many names, or as deep,
// as fit, none signed.
func BenchmarkVerifyHostile(b *testing.B) {
	many := `{"alg":"HS256"`
	for i := 0; len(many) < 5900; i++ {
		many += fmt.Sprintf(`,"%x":1`, i)
	}
	many += "}"
	deep := `{"alg":"HS256","a":` + strings.Repeat("[", 2900) + strings.Repeat("]", 2900) + "}"
	plain := header(hs256).json()
	v := hsVerifier(b)
	for name, parts := range map[string][2]string{
		"many headers": {many, "{}"}, "deep header": {deep, "{}"}, "many claims": {plain, many}, "deep claims": {plain, deep},
	} {
		token := signRaw(methods[hs256], []byte("not the secret"), parts[0], parts[1])
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.verify(b.Context(), token, noon); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
