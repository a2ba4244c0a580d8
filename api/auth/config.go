package auth

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	minSecret        = 32 // bytes: RFC 7518 3.2 wants a key at least as long as the hash
	defaultUserClaim = "sub"
	defaultAdmin     = "role=admin"
	defaultCacheSize = 65536
)

// Config says which tokens are accepted. At least one of Secret, KeyFile and JWKSURL must be given; those that are
// accept side by side, each for its own algorithms only.
type Config struct {
	// Secret verifies HS256; at least 32 bytes. Empty: HS256 is refused.
	Secret []byte
	// KeyFile holds PEM public keys or certificates; each verifies RS256, ES256 or EdDSA by its type, whatever kid a
	// token names. It is read once, by New. Empty: none.
	KeyFile string
	// JWKSURL answers with a JSON Web Key Set whose RSA, P-256 and Ed25519 keys verify RS256, ES256 and EdDSA; Run
	// keeps it fresh. Empty: none.
	JWKSURL string
	// Issuer must be the claim iss. Empty: iss is not looked at.
	Issuer string
	// Audience must be the claim aud, or one of it. Empty: aud is not looked at.
	Audience string
	// UserClaim names the claim that holds the user id: a string or, except in sub (a string by RFC 7519), a JSON
	// integer, taken digit by digit. Empty: sub.
	UserClaim string
	// AdminClaim is name=value of the claim that makes an admin: a string, a boolean, or an array that holds the
	// string. Empty: role=admin.
	AdminClaim string
	// CacheSize bounds the verified tokens that are remembered, at 1 KiB of token each on average. Zero: 65536.
	CacheSize int
	// Now is the clock that exp, nbf and iat are held against. Nil: time.Now.
	Now func() time.Time
	// HTTPClient fetches the JWKS. Nil: one that gives up after 5 s and follows no redirect from https to http.
	HTTPClient *http.Client
	// Logger hears of key sets that came, changed or failed; never of a token. Nil: nothing is logged.
	Logger *slog.Logger
}

// withDefaults fills in what zero stands for.
func (c Config) withDefaults() Config {
	if c.UserClaim == "" {
		c.UserClaim = defaultUserClaim
	}
	if c.AdminClaim == "" {
		c.AdminClaim = defaultAdmin
	}
	if c.CacheSize == 0 {
		c.CacheSize = defaultCacheSize
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.HTTPClient == nil {
		c.HTTPClient = newHTTPClient()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// check returns everything that is wrong with the values themselves; the key file is checked where it is read.
func (c Config) check() error {
	var missing, size error
	if len(c.Secret) == 0 && c.KeyFile == "" && c.JWKSURL == "" {
		missing = errors.New("no token could be verified: set --jwt-secret, --jwt-key-file or --jwks-url")
	}
	if c.CacheSize < 0 {
		size = fmt.Errorf("cache size %d: give the number of tokens to remember, or 0 for %d", c.CacheSize, defaultCacheSize)
	}
	return errors.Join(missing, checkSecret(c.Secret), checkURL(c.JWKSURL), checkUserClaim(c.UserClaim),
		checkAdminClaim(c.AdminClaim), size)
}

func checkSecret(secret []byte) error { return CheckSecret("--jwt-secret", secret) }

// CheckSecret returns what is wrong with an HS256 secret that the flag gave, nil
// for a good one and for none.
func CheckSecret(flag string, secret []byte) error {
	switch {
	case len(secret) == 0:
		return nil
	case bytes.HasPrefix(bytes.TrimSpace(secret), []byte("-----BEGIN")):
		// A public key used as a shared secret would let everybody sign.
		return fmt.Errorf("%s holds a PEM key: set --jwt-key-file to its file instead", flag)
	case len(secret) < minSecret:
		return fmt.Errorf("%s has %d bytes: set at least %d random ones, as from `openssl rand -base64 48`", flag, len(secret), minSecret)
	}
	return nil
}

func checkURL(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("--jwks-url is no http or https URL: set it to the address of the JSON Web Key Set")
	}
	return nil
}

// checkUserClaim refuses the claims that mean something else here.
func checkUserClaim(name string) error {
	if !plainName(name) || slices.Contains([]string{"exp", "nbf", "iat", "iss", "aud", "scope", "scp"}, name) {
		return fmt.Errorf("--jwt-user-claim %q cannot hold a user id: set the name of the claim that does, as sub or user_id", name)
	}
	return nil
}

func checkAdminClaim(pair string) error {
	name, value, ok := strings.Cut(pair, "=")
	if !ok || value == "" || !plainName(name) || slices.Contains([]string{"exp", "nbf", "iat"}, name) {
		return fmt.Errorf("--admin-claim %q is not of the form name=value: set it like %s", pair, defaultAdmin)
	}
	return nil
}

func plainName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}
