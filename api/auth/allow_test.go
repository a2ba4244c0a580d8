package auth

import (
	"strings"
	"testing"
)

// TestAllow is the whole table: every role, every action, at one's own user, at another's and at nobody's.
func TestAllow(t *testing.T) {
	const own, other, nobody = "alice", "bob", ""
	// action → the letters of the roles (user, reader, service, admin) that may, for own, other, nobody
	table := map[Action][3]string{
		ActWriteSelf:   {"ursa", "a", "a"},
		ActReadSelf:    {"ursa", "a", "a"},
		ActRead:        {"ursa", "rsa", "rsa"},
		ActReadPrivate: {"ursa", "sa", "sa"},
		ActWriteAny:    {"sa", "sa", "sa"},
		ActOverride:    {"a", "a", "a"},
		ActAudit:       {"a", "a", "a"},
		0:              {"", "", ""},
		ActAudit + 1:   {"", "", ""},
		255:            {"", "", ""},
	}
	roles := map[rune]Role{'u': 0, 'r': RoleReader, 's': RoleService, 'a': RoleAdmin}
	for action, may := range table {
		for i, user := range []string{own, other, nobody} {
			for letter, role := range roles {
				want := strings.ContainsRune(may[i], letter)
				if got := Allow(&Principal{User: own, Roles: role}, action, user); got != want {
					t.Errorf("Allow(%s, action %d, %q) = %v, want %v", role, action, user, got, want)
				}
			}
		}
	}
}

// TestAllowRolesAddUp: with two roles one may what either may, no less and no more.
func TestAllowRolesAddUp(t *testing.T) {
	for a := Action(0); a <= ActAudit+1; a++ {
		for _, user := range []string{"alice", "bob", ""} {
			for r1 := Role(0); r1 < 8; r1++ {
				for r2 := Role(0); r2 < 8; r2++ {
					may := func(r Role) bool { return Allow(&Principal{User: "alice", Roles: r}, a, user) }
					if may(r1|r2) != (may(r1) || may(r2)) {
						t.Errorf("action %d on %q: roles %s and %s do not add up", a, user, r1, r2)
					}
				}
			}
		}
	}
}

func TestAllowNobody(t *testing.T) {
	for a := Action(0); a <= ActAudit+1; a++ {
		if Allow(nil, a, "alice") || Allow(nil, a, "") {
			t.Errorf("action %d is allowed to nobody", a)
		}
		if Allow(&Principal{}, a, "") {
			t.Errorf("action %d is allowed to a principal without a user", a)
		}
	}
}
