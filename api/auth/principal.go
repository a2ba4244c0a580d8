package auth

import (
	"strings"
	"time"
)

// Role is a set of what a token is trusted with beyond its own user. Zero is a plain user.
type Role uint8

// The roles. A token may have several; RoleAdmin includes what the others allow.
const (
	// RoleReader may read anybody's present status (scope presence:read).
	RoleReader Role = 1 << iota
	// RoleService may send events for any user (scope presence:write).
	RoleService
	// RoleAdmin may do everything (scope presence:admin, or the admin claim).
	RoleAdmin
)

// Has says whether all of want are in r.
func (r Role) Has(want Role) bool { return r&want == want }

// String names the roles, comma separated; "user" for none.
func (r Role) String() string {
	var names []string
	for _, known := range []struct {
		role Role
		name string
	}{{RoleReader, "reader"}, {RoleService, "service"}, {RoleAdmin, "admin"}} {
		if r.Has(known.role) {
			names = append(names, known.name)
		}
	}
	if len(names) == 0 {
		return "user"
	}
	return strings.Join(names, ",")
}

// Principal is who a verified token speaks for. It is immutable: all requests that bring the same token share one.
type Principal struct {
	User    string    // the user id, 1 to 128 bytes
	Session string    // claim sid; "" where the token names none
	Roles   Role      // from the scopes and the admin claim
	Expires time.Time // claim exp, UTC, whole seconds
}

// ValidUntil is the moment from which Verify refuses the token: Expires and the leeway. A credential made from it must
// end at Expires, lest a chain of them live on by the leeway.
func (p *Principal) ValidUntil() time.Time { return p.Expires.Add(Leeway) }

// StreamEnds is the moment at which a stream ends that began at began: with its token. Only one that began within the
// leeway has that too.
func (p *Principal) StreamEnds(began time.Time) time.Time {
	if began.Before(p.Expires) {
		return p.Expires
	}
	return p.ValidUntil()
}
