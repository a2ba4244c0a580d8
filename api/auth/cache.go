package auth

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxShards      = 16
	bytesPerToken  = 1 << 10 // budgeted on average; the longest tokens thus cannot take eight times the memory
	evictionSample = 8
)

// cache remembers verified tokens, successes only. It is bounded in entries and in bytes; when a shard is full, the
// token of a random sample that expires first makes room.
type cache struct {
	seed       maphash.Seed
	shards     []shard // a power of two
	generation atomic.Uint64
}

type shard struct {
	limit, maxBytes int // immutable

	mu     sync.RWMutex          // guards tokens and bytes
	tokens map[string]*Principal // token → whom it speaks for
	bytes  int                   // of all keys of tokens

	hits, misses atomic.Uint64
	_            [64]byte // keeps two cores on two shards off one cache line
}

// newCache makes a cache of at most size tokens, size > 0.
func newCache(size int) *cache {
	n := 1 << (bits.Len(uint(min(size, maxShards))) - 1)
	c := &cache{seed: maphash.MakeSeed(), shards: make([]shard, n)}
	for i := range c.shards {
		s := &c.shards[i]
		s.limit = size / n
		s.maxBytes = max(s.limit*bytesPerToken, maxToken)
		s.tokens = make(map[string]*Principal)
	}
	return c
}

func (c *cache) shard(token string) *shard {
	return &c.shards[maphash.String(c.seed, token)&uint64(len(c.shards)-1)]
}

// get returns nil for a token that is not remembered, or whose time is over.
func (c *cache) get(token string, now time.Time) *Principal {
	s := c.shard(token)
	s.mu.RLock()
	p := s.tokens[token]
	s.mu.RUnlock()
	if p != nil && now.Before(p.ValidUntil()) {
		s.hits.Add(1)
		return p
	}
	s.misses.Add(1)
	if p != nil {
		s.mu.Lock()
		s.drop(token)
		s.mu.Unlock()
	}
	return nil
}

// find is get for a token in a buffer, which it does not copy. What it does not find it neither counts nor forgets: get
// does.
func (c *cache) find(token []byte, now time.Time) *Principal {
	s := &c.shards[maphash.Bytes(c.seed, token)&uint64(len(c.shards)-1)]
	s.mu.RLock()
	p := s.tokens[string(token)]
	s.mu.RUnlock()
	if p == nil || !now.Before(p.ValidUntil()) {
		return nil
	}
	s.hits.Add(1)
	return p
}

// put remembers token, unless there has been a flush since generation was read.
func (c *cache) put(token string, p *Principal, generation uint64) {
	s := c.shard(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	// Under the lock: flush counts up before it empties the shard, so either this sees the count or flush this entry.
	if c.generation.Load() != generation {
		return
	}
	s.drop(token)
	for len(s.tokens) > 0 && (len(s.tokens) >= s.limit || s.bytes+len(token) > s.maxBytes) {
		s.evict()
	}
	s.tokens[strings.Clone(token)] = p // a clone, lest it keep a whole header alive
	s.bytes += len(token)
}

// drop forgets token. The caller holds mu.
func (s *shard) drop(token string) {
	if _, ok := s.tokens[token]; ok {
		delete(s.tokens, token)
		s.bytes -= len(token)
	}
}

// evict drops one of several random tokens, the one that expires first. The caller holds mu.
func (s *shard) evict() {
	var victim string
	var first time.Time
	n := 0
	for token, p := range s.tokens { // in random order
		if n == 0 || p.Expires.Before(first) {
			victim, first = token, p.Expires
		}
		if n++; n == evictionSample {
			break
		}
	}
	s.drop(victim)
}

// flush forgets everything, and what is being verified meanwhile.
func (c *cache) flush() {
	c.generation.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.tokens, s.bytes = make(map[string]*Principal), 0
		s.mu.Unlock()
	}
}

func (c *cache) stats() (total CacheStats) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		total.Entries += len(s.tokens)
		total.Bytes += s.bytes
		s.mu.RUnlock()
		total.Hits += s.hits.Load()
		total.Misses += s.misses.Load()
	}
	return total
}
