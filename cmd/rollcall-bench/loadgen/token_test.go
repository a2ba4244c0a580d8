package loadgen

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestTokensNameTheirUsersAndVerify(t *testing.T) {
	now := time.Now()
	tokens, err := Tokens(secret, 3, now)
	if err != nil {
		t.Fatal(err)
	}
	for i, user := range []string{"bench-00001", "bench-00002", "bench-00003"} {
		var claims jwt.RegisteredClaims
		_, err := jwt.ParseWithClaims(tokens[i], &claims, func(*jwt.Token) (any, error) { return secret, nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
		if err != nil || claims.Subject != user || !claims.ExpiresAt.Equal(now.Add(2*time.Hour).Truncate(time.Second)) {
			t.Errorf("token %d: %+v, %v, want %s for two hours", i, claims, err, user)
		}
	}
}

func TestTokensNeedUsersAndALongSecret(t *testing.T) {
	if _, err := Tokens(secret, 0, time.Now()); !errors.Is(err, ErrConfig) {
		t.Errorf("no users: got %v, want ErrConfig", err)
	}
	if _, err := Tokens(secret[:31], 1, time.Now()); !errors.Is(err, ErrConfig) {
		t.Errorf("31 bytes: got %v, want ErrConfig", err)
	}
}
