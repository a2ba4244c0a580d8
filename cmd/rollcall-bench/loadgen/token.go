package loadgen

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// tokenTTL outlives any sensible run.
	tokenTTL = 2 * time.Hour
	// minSecret is the shortest HS256 secret in bytes that a node accepts.
	minSecret = 32
)

// Tokens signs one HS256 token for each of the users bench-00001, bench-00002 and so on; each is valid for two hours
// from now. It returns ErrConfig where users is less than 1 or the secret shorter than 32 bytes.
func Tokens(secret []byte, users int, now time.Time) ([]string, error) {
	if users < 1 {
		return nil, fmt.Errorf("%w: at least one user is needed", ErrConfig)
	}
	if len(secret) < minSecret {
		return nil, fmt.Errorf("%w: the secret must have at least %d bytes", ErrConfig, minSecret)
	}
	tokens := make([]string, users)
	for i := range tokens {
		claims := jwt.RegisteredClaims{
			Subject:   userName(i),
			ExpiresAt: jwt.NewNumericDate(now.Add(tokenTTL)),
		}
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
		if err != nil {
			return nil, fmt.Errorf("signing the token of %s: %w", claims.Subject, err)
		}
		tokens[i] = token
	}
	return tokens, nil
}

// userName is the user of the i-th token.
func userName(i int) string { return fmt.Sprintf("bench-%05d", i+1) }
