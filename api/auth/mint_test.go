package auth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

func TestMintedTokenIsAccepted(t *testing.T) {
	v := newVerifier(t, Config{Secret: secret, UserClaim: "user_id", Issuer: "us", Audience: "rollcall", Now: atNoon})
	token, err := Mint(secret, MintClaims{
		User: "42", UserClaim: "user_id", Session: "web-1", Role: "admin", Scope: "presence:read presence:write",
		Issuer: "us", Audience: "rollcall", TTL: 90 * time.Minute, Now: noon,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	want := Principal{User: "42", Session: "web-1", Roles: RoleReader | RoleService | RoleAdmin, Expires: noon.Add(90 * time.Minute)}
	if *p != want {
		t.Errorf("principal %+v, want %+v", *p, want)
	}
}

func TestMintDefaultsToAnHourFromNow(t *testing.T) {
	before := time.Now().Truncate(time.Second)
	token, err := Mint(secret, MintClaims{User: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := newVerifier(t, Config{Secret: secret}).Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if p.Expires.Before(before.Add(time.Hour)) || p.Expires.After(time.Now().Add(time.Hour)) {
		t.Errorf("expires %s, want an hour from now", p.Expires)
	}
	if p.Session != "" || p.Roles != 0 {
		t.Errorf("principal %+v carries more than its user", *p)
	}
}

func TestMintRefuses(t *testing.T) {
	good := MintClaims{User: "alice", Now: noon}
	for name, change := range map[string]func(*MintClaims){
		"no user":           func(c *MintClaims) { c.User = "" },
		"long user":         func(c *MintClaims) { c.User = strings.Repeat("a", 129) },
		"control character": func(c *MintClaims) { c.User = "a\tb" },
		"bad session":       func(c *MintClaims) { c.Session = "a\xff" },
		"user claim exp":    func(c *MintClaims) { c.UserClaim = "exp" },
		"negative ttl":      func(c *MintClaims) { c.TTL = -time.Hour },
		"ttl below 1 s":     func(c *MintClaims) { c.TTL = time.Millisecond },
		"beyond year 9999":  func(c *MintClaims) { c.Now = time.Unix(maxDate, 0) },
		"too long":          func(c *MintClaims) { c.Scope = strings.Repeat("x", maxToken) },
	} {
		c := good
		change(&c)
		if token, err := Mint(secret, c); err == nil {
			t.Errorf("%s: minted %s", name, token)
		}
	}
	for name, key := range map[string][]byte{"none": nil, "short": secret[:31]} {
		if _, err := Mint(key, good); err == nil {
			t.Errorf("secret %s: minted", name)
		}
	}
	if _, err := Mint(secret, MintClaims{}); !errors.Is(err, events.ErrInvalidID) {
		t.Errorf("no user: error %v, want ErrInvalidID", err)
	}
}
