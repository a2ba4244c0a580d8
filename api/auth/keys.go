package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// The algorithms that can be accepted.
const (
	hs256 = "HS256"
	rs256 = "RS256"
	es256 = "ES256"
	eddsa = "EdDSA"
)

// minRSA and maxRSA bound a modulus, in bits: below it is forgeable (RFC 7518 3.3), above it one check costs
// milliseconds.
const minRSA, maxRSA = 2048, 8192

var allAlgs = []string{hs256, rs256, es256, eddsa}

// methods check signatures. Each takes one Go type of key only.
var methods = map[string]jwt.SigningMethod{
	hs256: jwt.SigningMethodHS256,
	rs256: jwt.SigningMethodRS256,
	es256: jwt.SigningMethodES256,
	eddsa: jwt.SigningMethodEdDSA,
}

// key is key material bound to the one algorithm that it may verify. The token's alg selects among keys, never how a
// key is used: this is what closes the confusion of a public key with a shared secret.
type key struct {
	alg      string
	kid      string // "" where the key names none: it is then tried whatever kid a token names
	material any    // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// bindPublic binds a public key to its algorithm.
func bindPublic(public any, kid string) (key, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA {
			return key{}, fmt.Errorf("an RSA key of %d bits: %d to %d are accepted", bits, minRSA, maxRSA)
		}
		return key{rs256, kid, k}, nil
	case *ecdsa.PublicKey:
		// The ES256 check itself does not look at the curve.
		if k.Curve != elliptic.P256() {
			return key{}, fmt.Errorf("an EC key on curve %s: P-256 is accepted", k.Curve.Params().Name)
		}
		return key{es256, kid, k}, nil
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return key{}, fmt.Errorf("an Ed25519 key of %d bytes", len(k))
		}
		return key{eddsa, kid, k}, nil
	}
	return key{}, fmt.Errorf("a key of type %T: RSA, EC P-256 and Ed25519 public keys are accepted", public)
}

// same says whether both verify the same tokens.
func (k key) same(other key) bool {
	public, ok := k.material.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.alg == other.alg && k.kid == other.kid && public.Equal(other.material)
}

// keySet is an immutable list of keys.
type keySet []key

// verifies says whether a key of the token's algorithm, and of its kid where both name one, signed it.
func (s keySet) verifies(t reading) bool {
	for _, k := range s {
		if k.alg != t.alg || k.kid != "" && t.kid != "" && k.kid != t.kid {
			continue
		}
		if methods[k.alg].Verify(t.signed, t.signature, k.material) == nil {
			return true
		}
	}
	return false
}

// names says whether a key of the set has this kid.
func (s keySet) names(kid string) bool {
	return kid != "" && slices.ContainsFunc(s, func(k key) bool { return k.kid == kid })
}

// within says whether every key of s is in other.
func (s keySet) within(other keySet) bool {
	return !slices.ContainsFunc(s, func(k key) bool { return !slices.ContainsFunc(other, k.same) })
}
