package auth

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

const (
	// Leeway is how far the clocks of an issuer and of a node may differ: exp, nbf and iat are all held against it.
	Leeway = 30 * time.Second

	maxDate = 253402300799 // 9999-12-31T23:59:59Z in Unix seconds; later ones can be neither printed nor meant
)

// rules are what the configuration asks of a token's claims.
type rules struct {
	userClaim             string
	adminName, adminValue string
	issuer, audience      string   // "" where not asked for
	names                 []string // claims whose case variants are refused
}

func newRules(c Config) rules {
	name, value, _ := strings.Cut(c.AdminClaim, "=")
	return rules{
		userClaim: c.UserClaim,
		adminName: name, adminValue: value,
		issuer: c.Issuer, audience: c.Audience,
		names: []string{"sub", "exp", "nbf", "iat", "iss", "aud", "sid", "scope", "scp", "role", "token_type", c.UserClaim, name},
	}
}

// claims are what a token says about its bearer.
type claims struct {
	user, session              string
	roles                      Role
	expires, notBefore, issued time.Time // zero where the token does not say
}

// principal is who the claims speak for, once they are proven.
func (c claims) principal() *Principal {
	return &Principal{User: c.user, Session: c.session, Roles: c.roles, Expires: c.expires}
}

// expired says whether the token's time is over at now, by the same rule as the cache.
func (c claims) expired(now time.Time) bool { return !now.Before(c.expires.Add(Leeway)) }

// early collects the claims that put the token's time after now.
func (c claims) early(now time.Time) (f faults) {
	if now.Before(c.notBefore.Add(-Leeway)) {
		f.add("claim nbf lies in the future")
	}
	if now.Before(c.issued.Add(-Leeway)) {
		f.add("claim iat lies in the future")
	}
	return f
}

// readClaims takes the claims apart and holds them against r.
func (t *reading) readClaims(r rules) {
	if t.claims == nil {
		return
	}
	o, err := readObject(t.claims)
	if err != nil {
		t.faults.add("the payload %v", err)
		t.claims = nil
		return
	}
	t.faults = append(t.faults, o.faults("claim", r.names)...)
	t.said.user = t.faults.user(o, r.userClaim)
	t.said.session = t.faults.session(o)
	t.said.expires = t.faults.date(o, "exp", true)
	t.said.notBefore = t.faults.date(o, "nbf", false)
	t.said.issued = t.faults.date(o, "iat", false)
	t.faults.kind(o)
	t.faults.issuer(o, r.issuer)
	t.faults.audience(o, r.audience)
	t.said.roles = t.faults.roles(o, r)
}

// user reads the id in claim name. A number is kept as it is written, so that no rounding can make two users one.
func (f *faults) user(o object, name string) string {
	value := o.get(name)
	if value == nil {
		f.add("claim %s, which names the user, is missing", name)
		return ""
	}
	id, ok := text(value)
	if !ok && name != "sub" && isInteger(value) {
		id, ok = string(value), true
	}
	if !ok || events.ValidID(id) != nil {
		f.add("claim %s is no user id: %v", name, events.ErrInvalidID)
		return ""
	}
	return id
}

func (f *faults) session(o object) string {
	value := o.get("sid")
	if value == nil {
		return ""
	}
	id, ok := text(value)
	if !ok || events.ValidID(id) != nil {
		f.add("claim sid is no session id: %v", events.ErrInvalidID)
		return ""
	}
	return id
}

// date reads a NumericDate, in whole seconds; zero where it is missing.
func (f *faults) date(o object, name string, required bool) time.Time {
	value := o.get(name)
	if value == nil {
		if required {
			f.add("claim %s is missing", name)
		}
		return time.Time{}
	}
	seconds, err := strconv.ParseFloat(string(value), 64)
	if !isNumber(value) || err != nil || math.Abs(seconds) > maxDate {
		f.add("claim %s is no number of seconds before the year 10000", name)
		return time.Time{}
	}
	return time.Unix(int64(math.Floor(seconds)), 0).UTC()
}

// kind refuses a token that is good for fetching others only. Django simplejwt signs its refresh tokens with the key of
// its access tokens and tells them apart by this claim; they live for days, in places where no API should see them.
func (f *faults) kind(o object) {
	if kind, ok := text(o.get("token_type")); ok && kind == "refresh" {
		f.add("claim token_type says that it is a refresh token")
	}
}

func (f *faults) issuer(o object, want string) {
	if got, ok := text(o.get("iss")); want != "" && (!ok || got != want) {
		f.add("claim iss is not %q", want)
	}
}

func (f *faults) audience(o object, want string) {
	if list, ok := oneOrMore(o.get("aud")); want != "" && (!ok || !slices.Contains(list, want)) {
		f.add("claim aud does not hold %q", want)
	}
}

// oneOrMore reads a string, or an array of strings.
func oneOrMore(v json.RawMessage) (list []string, ok bool) {
	if s, ok := text(v); ok {
		return []string{s}, true
	}
	return texts(v)
}

func isNumber(v json.RawMessage) bool { return v[0] == '-' || '0' <= v[0] && v[0] <= '9' }

// isInteger says whether v is the one way to write some integer.
func isInteger(v json.RawMessage) bool {
	return isNumber(v) && string(v) != "-0" && !bytes.ContainsAny(v, ".eE")
}
