package auth

// Action is what a request wants to do. The zero value is no action and never allowed.
type Action uint8

// The actions.
const (
	_ Action = iota
	// ActWriteSelf is login, heartbeat and logout as oneself.
	ActWriteSelf
	// ActReadSelf is reading one's own presence, sessions and override included.
	ActReadSelf
	// ActRead is reading anybody's present status; with user "" it is the list and the live stream of all.
	ActRead
	// ActReadPrivate is reading somebody's sessions and override.
	ActReadPrivate
	// ActWriteAny is sending events that name their user.
	ActWriteAny
	// ActOverride is setting or clearing an override.
	ActOverride
	// ActAudit is the audit, the history and erasure.
	ActAudit
)

// Allow says whether p may do a to user; user is "" where the action concerns nobody in particular. It is pure: the
// whole of "who may what" is here. A nil p may nothing, an admin everything.
func Allow(p *Principal, a Action, user string) bool {
	if p == nil {
		return false
	}
	if p.Roles.Has(RoleAdmin) {
		return ActWriteSelf <= a && a <= ActAudit
	}
	itself := user != "" && user == p.User
	service := p.Roles.Has(RoleService)
	switch a {
	case ActWriteSelf, ActReadSelf:
		return itself
	case ActRead:
		return itself || service || p.Roles.Has(RoleReader)
	case ActReadPrivate:
		return itself || service
	case ActWriteAny:
		return service
	default: // ActOverride, ActAudit: an admin's alone
		return false
	}
}
