package auth

import (
	"encoding/json"
	"slices"
	"time"
)

// Signature is what Inspect found out about a token's signature.
type Signature string

// The findings.
const (
	// SignatureUnchecked: there is no verifier, no loaded key, or nothing to check.
	SignatureUnchecked Signature = "unchecked"
	// SignatureValid: a configured key verifies it.
	SignatureValid Signature = "valid"
	// SignatureInvalid: no configured key verifies it.
	SignatureInvalid Signature = "invalid"
)

// Explanation is what a token says and all that stands against it. It holds nothing secret of the server's, but it is
// for the token's owner: Claims are shown as they are, proven or not.
type Explanation struct {
	Header    json.RawMessage `json:"header,omitempty"`  // as sent; nil where it is no JSON object
	Claims    json.RawMessage `json:"claims,omitempty"`  // as sent; nil where they are no JSON object
	User      string          `json:"user,omitempty"`    // "" where it cannot be read
	Session   string          `json:"session,omitempty"` // "" where there is none
	Roles     string          `json:"roles"`             // as Role.String
	Expires   time.Time       `json:"expires,omitzero"`  // zero where it cannot be read
	Signature Signature       `json:"signature"`
	Refusals  []string        `json:"refusals"` // every reason for which it would be refused; empty, never nil, for none
}

// Accepted says whether Verify would take the token: its signature is proven and nothing stands against it.
func (e Explanation) Accepted() bool { return e.Signature == SignatureValid && len(e.Refusals) == 0 }

// Explain tells what this verifier makes of token now, with the keys it has; it fetches none.
func (v *Verifier) Explain(token string) Explanation { return Inspect(token, v, v.now()) }

// Inspect tells what v makes of token at now. Without a v it judges by the default configuration and leaves the
// signature unchecked.
func Inspect(token string, v *Verifier, now time.Time) Explanation {
	rules, algs := newRules(Config{}.withDefaults()), allAlgs
	if v != nil {
		rules, algs = v.rules, v.algs
	}
	t := read(token, algs)
	t.readClaims(rules)
	e := Explanation{
		Header: t.header, Claims: t.claims,
		User: t.said.user, Session: t.said.session, Roles: t.said.roles.String(), Expires: t.said.expires,
		Signature: SignatureUnchecked,
	}
	reasons := slices.Concat(t.faults, t.said.early(now))
	if !t.said.expires.IsZero() && t.said.expired(now) {
		reasons.add("it expired at %s, with %s of leeway", t.said.expires.Format(time.RFC3339), Leeway)
	}
	if v != nil && t.alg != "" && t.signature != nil {
		e.Signature = v.inspectSignature(t, &reasons)
	}
	e.Refusals = append([]string{}, reasons...)
	return e
}

func (v *Verifier) inspectSignature(t reading, reasons *faults) Signature {
	keys := v.fixed
	if v.remote != nil && t.alg != hs256 {
		remote := v.remote.keys.Load()
		if remote == nil && !keys.verifies(t) {
			reasons.add("the signature cannot be checked: no key of the JWKS is loaded")
			return SignatureUnchecked
		}
		if remote != nil {
			keys = slices.Concat(keys, *remote)
		}
	}
	if !keys.verifies(t) {
		reasons.add("no configured key verifies the signature")
		return SignatureInvalid
	}
	return SignatureValid
}
