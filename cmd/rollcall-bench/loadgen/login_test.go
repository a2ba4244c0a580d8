package loadgen

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestEachLoginHasAGoodTokenOfAnotherUser(t *testing.T) {
	expires := time.Now().Add(time.Hour).Unix()
	n := &newcomers{secret: secret, expires: expires}
	first, second := n.source("127.0.0.1:80", 0), n.source("127.0.0.1:80", 1)
	for i, next := range []source{first, second, first, first} {
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(next())))
		if err != nil || request.Method != http.MethodPost || request.URL.Path != loginPath {
			t.Fatal(request, err)
		}
		var claims jwt.RegisteredClaims
		_, err = jwt.ParseWithClaims(strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer "), &claims,
			func(*jwt.Token) (any, error) { return secret, nil }, jwt.WithValidMethods([]string{"HS256"}))
		want := "login-" + string(rune('1'+i))
		if err != nil || claims.Subject != want || claims.ExpiresAt.Unix() != expires {
			t.Errorf("got %+v, %v, want %s", claims, err, want)
		}
	}
}

func TestMakingALoginAllocatesNothing(t *testing.T) {
	next := (&newcomers{secret: secret}).source("127.0.0.1:80", 0)
	if n := testing.AllocsPerRun(100, func() { next() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
