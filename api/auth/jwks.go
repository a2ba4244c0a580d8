package auth

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	refreshEvery = 5 * time.Minute  // so long may a key that was withdrawn still count
	retryFirst   = time.Second      // after a failed fetch, doubling
	retryMost    = 30 * time.Second // up to here
	keysMaxAge   = 24 * time.Hour   // so long are the last good keys used while the URL fails
	refreshWait  = time.Second      // so long waits a token that names an unknown key
)

// jwks holds the keys behind the JWKS URL. All fetches happen in run; what tokens do is ask it for one.
type jwks struct {
	url    string
	client *http.Client
	log    *slog.Logger
	flush  func() // forgets the tokens verified with keys that are gone

	keys     atomic.Pointer[keySet] // nil while none are loaded
	schedule *schedule

	// Of run alone:
	loaded   time.Time // last good fetch
	failures int       // since then
	skipped  string    // what was last logged as skipped
}

func newJWKS(cfg Config, flush func()) *jwks {
	return &jwks{url: cfg.JWKSURL, client: cfg.HTTPClient, log: cfg.Logger, flush: flush, schedule: newSchedule()}
}

// check verifies t with the keys as they stand and, where they lack the one it names, as they stand after a refresh.
func (j *jwks) check(ctx context.Context, t reading) error {
	keys := j.keys.Load()
	switch {
	case keys == nil:
		return fmt.Errorf("%w: no key of the JWKS is loaded", ErrUnavailable)
	case keys.verifies(t):
		return nil
	case keys.names(t.kid):
		return errSignature
	}
	j.await(ctx)
	if keys = j.keys.Load(); keys != nil && keys.verifies(t) {
		return nil
	}
	return errSignature
}

// await waits for the refresh that an unknown key may ask for, or not at all where one was asked for just before.
func (j *jwks) await(ctx context.Context) {
	done := j.schedule.ask(time.Now())
	if done == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refreshWait)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// run fetches when due until ctx ends.
func (j *jwks) run(ctx context.Context) {
	if u, err := url.Parse(j.url); err == nil && u.Scheme == "http" {
		j.log.WarnContext(ctx, "the JWKS comes unencrypted: who is in between can make tokens", "url", u.Redacted())
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.schedule.moved:
		case <-timer.C:
			j.schedule.begin(time.Now())
			pause := j.refresh(ctx)
			j.schedule.end(time.Now().Add(pause))
		}
		timer.Reset(time.Until(j.schedule.next()))
	}
}

// refresh fetches once and returns the pause until the next time.
func (j *jwks) refresh(ctx context.Context) time.Duration {
	keys, skipped, err := fetchKeys(ctx, j.client, j.url)
	if err != nil {
		if ctx.Err() != nil {
			return retryMost // the end, not a failure
		}
		j.failed(ctx, err)
		return jitter(min(retryFirst<<min(j.failures-1, 10), retryMost))
	}
	j.loaded, j.failures = time.Now(), 0
	j.replace(ctx, keys, skipped)
	if len(keys) == 0 {
		return jitter(retryMost)
	}
	return jitter(refreshEvery)
}

// replace takes over a good answer. One without a usable key is as good: it withdraws all there were.
func (j *jwks) replace(ctx context.Context, keys keySet, skipped string) {
	if skipped != "" && skipped != j.skipped {
		j.log.WarnContext(ctx, "keys of the JWKS are not used", "why", skipped)
	}
	j.skipped = skipped
	old := j.keys.Load()
	if old != nil && len(keys) == len(*old) && old.within(keys) {
		return
	}
	if len(keys) == 0 {
		j.log.ErrorContext(ctx, "the JWKS holds no usable key: tokens cannot be verified")
		j.drop(old)
		return
	}
	j.keys.Store(&keys)
	j.log.InfoContext(ctx, "keys loaded from the JWKS", "keys", len(keys))
	if old != nil && !old.within(keys) {
		j.flush()
	}
}

// failed keeps the last good keys, but not for ever: a key could have been withdrawn all the while.
func (j *jwks) failed(ctx context.Context, err error) {
	j.failures++
	j.log.WarnContext(ctx, "the JWKS cannot be fetched; trying again", "error", err)
	if old := j.keys.Load(); old != nil && time.Since(j.loaded) >= keysMaxAge {
		j.log.ErrorContext(ctx, "the keys of the JWKS are too old to be used", "age", time.Since(j.loaded))
		j.drop(old)
	}
}

func (j *jwks) drop(old *keySet) {
	j.keys.Store(nil)
	if old != nil {
		j.flush()
	}
}

// jitter spreads the nodes of a cluster by a tenth either way.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}
