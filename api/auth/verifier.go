// Package auth turns the credentials of a request into a Principal and decides what it may do. A token goes through
// one way only: its shape and header, the signature, the claims held against the configuration, the time; what comes
// out good is remembered until it expires or a key changes.
package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	now    func() time.Time
	rules  rules
	algs   []string // accepted, in the order of allAlgs
	fixed  keySet   // of the secret and the key file
	remote *jwks    // nil without a JWKS URL
	cache  *cache
}

// New checks the configuration and reads the key file. The error joins every problem found, each saying which flag to
// set. New starts nothing: with a JWKS URL no key is there until Run is running.
func New(cfg Config) (*Verifier, error) {
	cfg = cfg.withDefaults()
	err := cfg.check()
	fixed, keyErr := fixedKeys(cfg)
	if err := errors.Join(err, keyErr); err != nil {
		return nil, fmt.Errorf("configuring who may come in: %w", err)
	}
	v := &Verifier{now: cfg.Now, rules: newRules(cfg), fixed: fixed, cache: newCache(cfg.CacheSize)}
	if cfg.JWKSURL != "" {
		v.remote = newJWKS(cfg, v.cache.flush)
	}
	v.algs = v.accepted()
	return v, nil
}

func fixedKeys(cfg Config) (keys keySet, err error) {
	if cfg.KeyFile != "" {
		if keys, err = readKeyFile(cfg.KeyFile); err != nil {
			return nil, err
		}
	}
	if len(cfg.Secret) > 0 {
		keys = append(keys, key{alg: hs256, material: bytes.Clone(cfg.Secret)})
	}
	return keys, nil
}

// accepted lists the algorithms that some key is or may come to be configured for.
func (v *Verifier) accepted() (algs []string) {
	for _, alg := range allAlgs {
		configured := v.remote != nil && alg != hs256
		for _, k := range v.fixed {
			configured = configured || k.alg == alg
		}
		if configured {
			algs = append(algs, alg)
		}
	}
	return algs
}

// Run keeps the keys of the JWKS URL fresh until ctx ends, and returns nil then; without a JWKS URL it only waits.
// Call it once.
func (v *Verifier) Run(ctx context.Context) error {
	if v.remote == nil {
		<-ctx.Done()
		return nil
	}
	v.remote.run(ctx)
	return nil
}

// Ready is nil when every configured source of keys has them, else ErrUnavailable.
func (v *Verifier) Ready() error {
	if v.remote != nil && v.remote.keys.Load() == nil {
		return fmt.Errorf("%w: no key of the JWKS is loaded", ErrUnavailable)
	}
	return nil
}

// Verify returns who token speaks for. The errors are ErrInvalid, ErrExpired and ErrUnavailable; never ErrMissing. A
// token that names an unknown key may wait for one refresh of the JWKS, at most a second and no longer than ctx.
func (v *Verifier) Verify(ctx context.Context, token string) (*Principal, error) {
	if len(token) > maxToken {
		return nil, read(token, v.algs).faults.err()
	}
	now := v.now()
	if p := v.cache.get(token, now); p != nil {
		return p, nil
	}
	// Read before the keys are: a flush from here on keeps this token out of the cache.
	generation := v.cache.generation.Load()
	p, err := v.verify(ctx, token, now)
	if err != nil {
		return nil, err
	}
	v.cache.put(token, p, generation)
	return p, nil
}

// VerifyBytes is Verify for a token that is a part of somebody's buffer. With a remembered one it does not allocate.
func (v *Verifier) VerifyBytes(ctx context.Context, token []byte) (*Principal, error) {
	if p := v.cache.find(token, v.now()); p != nil {
		return p, nil
	}
	return v.Verify(ctx, string(token))
}

// verify checks the signature before it looks at a claim: what nobody signed costs little and learns nothing.
func (v *Verifier) verify(ctx context.Context, token string, now time.Time) (*Principal, error) {
	t := read(token, v.algs)
	if err := t.faults.err(); err != nil {
		return nil, err
	}
	if err := v.checkSignature(ctx, t); err != nil {
		return nil, err
	}
	t.readClaims(v.rules)
	if err := append(t.faults, t.said.early(now)...).err(); err != nil {
		return nil, err
	}
	if t.said.expired(now) {
		return nil, ErrExpired
	}
	return t.said.principal(), nil
}

func (v *Verifier) checkSignature(ctx context.Context, t reading) error {
	if v.fixed.verifies(t) {
		return nil
	}
	if v.remote == nil || t.alg == hs256 {
		return errSignature
	}
	return v.remote.check(ctx, t)
}

var errSignature = fmt.Errorf("%w: no configured key verifies the signature", ErrInvalid)

// CacheStats are counts since New, for metrics.
type CacheStats struct {
	Entries int    // verified tokens remembered now
	Bytes   int    // of these tokens
	Hits    uint64 // tokens found
	Misses  uint64 // tokens not found, or no longer valid
}

// CacheStats returns the state of the token cache.
func (v *Verifier) CacheStats() CacheStats { return v.cache.stats() }
