package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rollcall-dev/rollcall/events"
)

const defaultTTL = time.Hour

// MintClaims say what a new token shall carry.
type MintClaims struct {
	User      string        // the user id, 1 to 128 bytes
	UserClaim string        // the claim that carries it, as in Config; "" is sub
	Session   string        // claim sid; "" leaves it out
	Role      string        // claim role; "" leaves it out
	Scope     string        // claim scope, space separated; "" leaves it out
	Issuer    string        // claim iss; "" leaves it out
	Audience  string        // claim aud; "" leaves it out
	TTL       time.Duration // from iat to exp, in whole seconds; 0 is an hour
	Now       time.Time     // claim iat; zero is the present
}

// Mint signs a token with HS256, for tests, scripts and development. It refuses what a Verifier of the same secret
// and user claim would refuse.
func Mint(secret []byte, c MintClaims) (string, error) {
	c = c.withDefaults()
	if err := c.check(secret); err != nil {
		return "", fmt.Errorf("minting a token: %w", err)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c.claims()).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	if len(token) > maxToken {
		return "", fmt.Errorf("minting a token: it would have %d bytes, more than the %d that are accepted", len(token), maxToken)
	}
	return token, nil
}

func (c MintClaims) withDefaults() MintClaims {
	if c.UserClaim == "" {
		c.UserClaim = defaultUserClaim
	}
	if c.TTL == 0 {
		c.TTL = defaultTTL
	}
	if c.Now.IsZero() {
		c.Now = time.Now()
	}
	return c
}

func (c MintClaims) check(secret []byte) error {
	var user, session, ttl error
	if err := events.ValidID(c.User); err != nil {
		user = fmt.Errorf("the user: %w", err)
	}
	if err := events.ValidID(c.Session); c.Session != "" && err != nil {
		session = fmt.Errorf("the session: %w", err)
	}
	if c.TTL < time.Second || c.Now.Add(c.TTL).Unix() > maxDate {
		ttl = errors.New("the time to live must be a second at least and end before the year 10000")
	}
	if len(secret) == 0 {
		return errors.Join(errors.New("a secret is needed"), user, session, ttl)
	}
	return errors.Join(checkSecret(secret), checkUserClaim(c.UserClaim), user, session, ttl)
}

func (c MintClaims) claims() jwt.MapClaims {
	m := jwt.MapClaims{"iat": c.Now.Unix(), "exp": c.Now.Add(c.TTL).Unix()}
	for name, value := range map[string]string{
		"sid": c.Session, "role": c.Role, "scope": c.Scope, "iss": c.Issuer, "aud": c.Audience,
	} {
		if value != "" {
			m[name] = value
		}
	}
	m[c.UserClaim] = c.User
	return m
}
