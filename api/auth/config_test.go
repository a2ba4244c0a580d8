package auth

import (
	"strings"
	"testing"
)

func TestNewReportsEveryProblem(t *testing.T) {
	_, err := New(Config{
		Secret: []byte("short"), JWKSURL: "keys.example.com", KeyFile: "does-not-exist.pem",
		UserClaim: "exp", AdminClaim: "role", CacheSize: -1,
	})
	if err == nil {
		t.Fatal("New accepted it")
	}
	for _, want := range []string{"--jwt-secret", "--jwks-url", "--jwt-key-file", "--jwt-user-claim", "--admin-claim", "cache size"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %s: %v", want, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := Config{Secret: secret}
	for name, tt := range map[string]struct {
		change func(*Config)
		want   string // what the error tells to set
	}{
		"nothing to verify with": {func(c *Config) { c.Secret = nil }, "--jwt-secret, --jwt-key-file or --jwks-url"},
		"a secret of 31 bytes":   {func(c *Config) { c.Secret = secret[:31] }, "--jwt-secret"},
		"a PEM key as secret":    {func(c *Config) { c.Secret = publicPEM(&rsaKey().PublicKey) }, "--jwt-key-file"},
		"a file URL":             {func(c *Config) { c.JWKSURL = "file:///etc/keys" }, "--jwks-url"},
		"a URL without a host":   {func(c *Config) { c.JWKSURL = "https:///keys" }, "--jwks-url"},
		"aud as user claim":      {func(c *Config) { c.UserClaim = "aud" }, "--jwt-user-claim"},
		"a control character":    {func(c *Config) { c.UserClaim = "user\n" }, "--jwt-user-claim"},
		"an admin claim, no =":   {func(c *Config) { c.AdminClaim = "admin" }, "--admin-claim"},
		"an empty admin value":   {func(c *Config) { c.AdminClaim = "role=" }, "--admin-claim"},
		"an empty admin name":    {func(c *Config) { c.AdminClaim = "=admin" }, "--admin-claim"},
		"exp as admin claim":     {func(c *Config) { c.AdminClaim = "exp=1" }, "--admin-claim"},
	} {
		cfg := good
		tt.change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one that says %s", name, err, tt.want)
		}
	}
}

func TestNewNeverPrintsTheSecret(t *testing.T) {
	_, err := New(Config{Secret: []byte("hunter2"), JWKSURL: "x"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}
