package auth

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestUserIDFromTheConfiguredClaim(t *testing.T) {
	v := newVerifier(t, Config{Secret: secret, UserClaim: "user_id", Now: atNoon})
	for _, tt := range []struct{ value, want string }{
		{`42`, "42"}, // as Django simplejwt writes it
		{`"42"`, "42"},
		{`"alice"`, "alice"},
		{`0`, "0"},
		{`-7`, "-7"},
		{`9007199254740993`, "9007199254740993"}, // no float64
		{`123456789012345678901234567890`, "123456789012345678901234567890"},
		{`42.0`, ""}, {`4.2`, ""}, {`4e1`, ""}, {`4E1`, ""}, {`-0`, ""}, {`042`, ""},
		{strings.Repeat("1", 129), ""},
		{`true`, ""}, {`null`, ""}, {`[42]`, ""}, {`{"id":42}`, ""}, {`""`, ""},
	} {
		claims := alice().with("sub", nil).with("token_type", "access").json()
		token := hsRaw(header(hs256).json(), `{"user_id":`+tt.value+`,`+claims[1:])
		p, err := v.Verify(t.Context(), token)
		switch {
		case tt.want == "" && !errors.Is(err, ErrInvalid):
			t.Errorf("user_id %s: error %v, want ErrInvalid", tt.value, err)
		case tt.want != "" && (err != nil || p.User != tt.want):
			t.Errorf("user_id %s: %+v, %v, want user %s", tt.value, p, err, tt.want)
		}
	}
}

func TestSubDoesNotStandInForTheConfiguredClaim(t *testing.T) {
	v := newVerifier(t, Config{Secret: secret, UserClaim: "user_id", Now: atNoon})
	if err := verifyErr(v, hs(alice())); !errors.Is(err, ErrInvalid) {
		t.Errorf("a token without user_id: error %v, want ErrInvalid", err)
	}
	p, err := v.Verify(t.Context(), hs(alice().with("user_id", 7)))
	if err != nil || p.User != "7" {
		t.Errorf("a token with sub and user_id: %+v, %v, want user 7", p, err)
	}
	for _, name := range []string{"USER_ID", "User_Id"} {
		if err := verifyErr(v, hs(alice().with("user_id", 7).with(name, 8))); !errors.Is(err, ErrInvalid) {
			t.Errorf("a token with user_id and %s: error %v, want ErrInvalid", name, err)
		}
	}
}

func TestRefreshTokensAreForFetchingOthers(t *testing.T) {
	v := hsVerifier(t)
	for _, tt := range []struct {
		claims obj
		good   bool
	}{
		{alice().with("token_type", "access"), true},
		{alice().with("token_type", "Bearer"), true},
		{alice().with("token_type", 7), true}, // whatever that means there
		{alice().with("token_type", "refresh"), false},
		{alice().with("Token_Type", "refresh"), false},
	} {
		if err := verifyErr(v, hs(tt.claims)); (err == nil) != tt.good || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v", tt.claims.json(), err)
		}
	}
}

func TestPrincipalCarriesTheClaims(t *testing.T) {
	p, err := hsVerifier(t).Verify(t.Context(), hs(alice().with("sid", "web-1").with("role", "admin")))
	if err != nil {
		t.Fatal(err)
	}
	want := Principal{User: "alice", Session: "web-1", Roles: RoleAdmin, Expires: noon.Add(time.Hour)}
	if *p != want {
		t.Errorf("principal %+v, want %+v", *p, want)
	}
	if got := p.ValidUntil(); !got.Equal(noon.Add(time.Hour + 30*time.Second)) {
		t.Errorf("valid until %s", got)
	}
}

func TestRolesFromScopesAndAdminClaim(t *testing.T) {
	for _, tt := range []struct {
		name, admin string
		claims      obj
		want        Role
	}{
		{"none", "", obj{}, 0},
		{"read", "", obj{"scope": "presence:read"}, RoleReader},
		{"write", "", obj{"scope": "presence:write"}, RoleService},
		{"admin", "", obj{"scope": "presence:admin"}, RoleAdmin},
		{"several, with others", "", obj{"scope": "openid  presence:read presence:write"}, RoleReader | RoleService},
		{"array", "", obj{"scope": []string{"openid", "presence:write"}}, RoleService},
		{"an array's members are not split", "", obj{"scope": []string{"x presence:admin"}}, 0},
		{"scp string", "", obj{"scp": "presence:read"}, RoleReader},
		{"scp array", "", obj{"scp": []string{"presence:admin"}}, RoleAdmin},
		{"scope and scp", "", obj{"scope": "presence:read", "scp": []string{"presence:write"}}, RoleReader | RoleService},
		{"not a prefix", "", obj{"scope": "presence:adminx presence presence:"}, 0},
		{"not another case", "", obj{"scope": "PRESENCE:ADMIN"}, 0},
		{"role admin", "", obj{"role": "admin"}, RoleAdmin},
		{"role of another case", "", obj{"role": "Admin"}, 0},
		{"role of somebody else's kind", "", obj{"role": 7}, 0},
		{"role array", "", obj{"role": []string{"editor", "admin"}}, RoleAdmin},
		{"role array with a number", "", obj{"role": []any{"admin", 1}}, 0},
		{"configured", "groups=ops", obj{"groups": []string{"ops"}}, RoleAdmin},
		{"configured replaces the default", "groups=ops", obj{"role": "admin"}, 0},
		{"configured boolean", "is_staff=true", obj{"is_staff": true}, RoleAdmin},
		{"configured boolean, false", "is_staff=true", obj{"is_staff": false}, 0},
		{"configured scope", "scope=root", obj{"scope": "a root"}, RoleAdmin},
		{"value with an equals sign", "g=a=b", obj{"g": "a=b"}, RoleAdmin},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newVerifier(t, Config{Secret: secret, AdminClaim: tt.admin, Now: atNoon})
			claims := alice()
			for name, value := range tt.claims {
				claims = claims.with(name, value)
			}
			p, err := v.Verify(t.Context(), hs(claims))
			if err != nil {
				t.Fatal(err)
			}
			if p.Roles != tt.want {
				t.Errorf("roles %s, want %s", p.Roles, tt.want)
			}
		})
	}
}

func TestRoleNames(t *testing.T) {
	for role, want := range map[Role]string{
		0: "user", RoleReader: "reader", RoleService | RoleReader: "reader,service", RoleAdmin: "admin",
	} {
		if got := role.String(); got != want {
			t.Errorf("role %d is %q, want %q", role, got, want)
		}
	}
}
