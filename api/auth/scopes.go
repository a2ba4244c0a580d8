package auth

import (
	"slices"
	"strings"
)

// scopeRoles is what each scope grants; others grant nothing.
var scopeRoles = map[string]Role{
	"presence:read":  RoleReader,
	"presence:write": RoleService,
	"presence:admin": RoleAdmin,
}

// roles gathers what the scopes and the admin claim grant.
func (f *faults) roles(o object, r rules) (granted Role) {
	for _, name := range []string{"scope", "scp"} {
		for _, scope := range f.scopes(o, name) {
			granted |= scopeRoles[scope]
		}
	}
	if f.admin(o, r) {
		granted |= RoleAdmin
	}
	return granted
}

// scopes reads claim name: a space separated string, or an array of scopes. Another kind is a fault, lest a token
// that was meant to grant something quietly grant nothing.
func (f *faults) scopes(o object, name string) []string {
	value := o.get(name)
	if value == nil {
		return nil
	}
	if s, ok := text(value); ok {
		return strings.Fields(s)
	}
	list, ok := texts(value)
	if !ok {
		f.add("claim %s is neither a string nor an array of strings", name)
	}
	return list
}

// admin says whether the admin claim has the configured value: as a string, as true or false, or in an array. A claim
// of another kind belongs to somebody else and grants nothing.
func (f *faults) admin(o object, r rules) bool {
	value := o.get(r.adminName)
	if value == nil {
		return false
	}
	if r.adminName == "scope" || r.adminName == "scp" {
		var known faults // the scopes' own reading has reported them
		return slices.Contains(known.scopes(o, r.adminName), r.adminValue)
	}
	if value[0] == 't' || value[0] == 'f' {
		return string(value) == r.adminValue
	}
	list, _ := oneOrMore(value)
	return slices.Contains(list, r.adminValue)
}
