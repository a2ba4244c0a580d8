package auth

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCacheSharesOnePrincipal(t *testing.T) {
	v := hsVerifier(t)
	token := hs(alice())
	first, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	second, err := v.Verify(t.Context(), token)
	if err != nil || first != second {
		t.Errorf("second Verify: %p, %v, want %p", second, err, first)
	}
	if got, want := v.CacheStats(), (CacheStats{Entries: 1, Bytes: len(token), Hits: 1, Misses: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// TestCacheCountsATokenInABufferOnce: found or not, as one that is a string.
func TestCacheCountsATokenInABufferOnce(t *testing.T) {
	v := hsVerifier(t)
	for range 3 {
		if p, err := v.VerifyBytes(t.Context(), []byte(hs(alice()))); err != nil || p.User != "alice" {
			t.Fatal(p, err)
		}
	}
	if got := v.CacheStats(); got.Entries != 1 || got.Hits != 2 || got.Misses != 1 {
		t.Errorf("stats %+v, want one entry, two hits, one miss", got)
	}
}

func TestCacheKeepsSuccessesOnly(t *testing.T) {
	v := hsVerifier(t)
	for i := range 100 {
		_ = verifyErr(v, hs(alice().with("sub", fmt.Sprint(i)).with("exp", 1)))
		_ = verifyErr(v, hs(alice().with("sub", fmt.Sprint(i)))+"A")
	}
	if got := v.CacheStats(); got.Entries != 0 || got.Bytes != 0 {
		t.Errorf("stats %+v, want no entries", got)
	}
}

// TestCacheEndsWithTheToken: a remembered token is refused from the very moment on that a fresh check refuses it.
func TestCacheEndsWithTheToken(t *testing.T) {
	c := &clock{at: noon}
	v := newVerifier(t, Config{Secret: secret, Now: c.now})
	token := hs(alice())
	if err := verifyErr(v, token); err != nil {
		t.Fatal(err)
	}
	end := noon.Add(time.Hour + Leeway)
	for _, tt := range []struct {
		at   time.Time
		want error
	}{{noon.Add(time.Hour), nil}, {end.Add(-time.Nanosecond), nil}, {end, ErrExpired}, {end.Add(time.Hour), ErrExpired}} {
		c.set(tt.at)
		_, inBuffer := v.VerifyBytes(t.Context(), []byte(token))
		remembered := verifyErr(v, token)
		fresh := verifyErr(newVerifier(t, Config{Secret: secret, Now: c.now}), token)
		if !errors.Is(remembered, tt.want) || !errors.Is(fresh, tt.want) || !errors.Is(inBuffer, tt.want) {
			t.Errorf("at %s: remembered %v, in a buffer %v, fresh %v, want %v", tt.at, remembered, inBuffer, fresh, tt.want)
		}
	}
	if got := v.CacheStats().Entries; got != 0 {
		t.Errorf("%d entries after the end, want 0", got)
	}
}

func TestCacheStaysWithinItsBounds(t *testing.T) {
	for _, size := range []int{1, 2, 7, 16, 100, 1000} {
		c := newCache(size)
		long := strings.Repeat("x", maxToken/2)
		for i := range 5000 {
			c.put(fmt.Sprintf("%d", i), &Principal{Expires: noon.Add(time.Duration(i) * time.Second)}, 0)
			if i%10 == 0 {
				c.put(fmt.Sprintf("%d%s", i, long), &Principal{Expires: noon}, 0)
			}
		}
		got := c.stats()
		if got.Entries > size || got.Entries == 0 {
			t.Errorf("size %d: %d entries", size, got.Entries)
		}
		if most := max(size*bytesPerToken, maxShards*maxToken); got.Bytes > most {
			t.Errorf("size %d: %d bytes, want %d at most", size, got.Bytes, most)
		}
		counted := 0
		for i := range c.shards {
			for token := range c.shards[i].tokens {
				counted += len(token)
			}
		}
		if counted != got.Bytes {
			t.Errorf("size %d: %d bytes counted, %d held", size, got.Bytes, counted)
		}
	}
}

func TestCacheOfLongTokensStaysWithinItsBytes(t *testing.T) {
	const size = 1000
	c := newCache(size)
	long := strings.Repeat("x", maxToken-10)
	for i := range 2 * size {
		c.put(fmt.Sprintf("%d%s", i, long), &Principal{Expires: noon}, 0)
	}
	if got := c.stats().Bytes; got > size*bytesPerToken {
		t.Errorf("%d bytes, want %d at most", got, size*bytesPerToken)
	}
}

func TestCacheEvictsWhatExpiresFirst(t *testing.T) {
	c := newCache(1)
	c.shards[0].limit = evictionSample // one shard, sampled whole
	for i := range 20 {
		c.put(fmt.Sprint(i), &Principal{Expires: noon.Add(time.Duration(i) * time.Minute)}, 0)
	}
	for i := range 20 {
		if got, want := c.get(fmt.Sprint(i), noon.Add(-time.Hour)) != nil, i >= 12; got != want {
			t.Errorf("token %d remembered: %v, want %v", i, got, want)
		}
	}
}

func TestFlushKeepsOutWhatWasBeingVerified(t *testing.T) {
	c := newCache(100)
	p := &Principal{User: "alice", Expires: noon}
	before := c.generation.Load()
	c.put("a", p, before)
	c.flush()
	c.put("b", p, before)
	if got := c.stats().Entries; got != 0 {
		t.Errorf("%d entries after a flush, want 0", got)
	}
	c.put("c", p, c.generation.Load())
	if c.get("c", noon) != p {
		t.Error("nothing is remembered after a flush")
	}
}

func TestCacheIsSafeForConcurrentUse(t *testing.T) {
	c := newCache(64)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				token := fmt.Sprint((i * (g + 1)) % 200)
				if p := c.get(token, noon); p != nil && p.User != token {
					t.Errorf("token %s speaks for %s", token, p.User)
				}
				c.put(token, &Principal{User: token, Expires: noon.Add(time.Duration(i) * time.Millisecond)}, c.generation.Load())
				if i%500 == 0 {
					c.flush()
				}
			}
		})
	}
	wg.Wait()
	if got := c.stats(); got.Entries > 64 {
		t.Errorf("%d entries, want 64 at most", got.Entries)
	}
}
