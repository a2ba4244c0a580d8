package events

import "time"

// KeyWindow is how long, in covered time, a key is remembered.
const KeyWindow = 2 * time.Minute

// Claim is the first entry under a key.
type Claim struct {
	Place   Place
	Request [16]byte // digest of the request that it came from
	Covered int64    // covered time there, Clock's milliseconds
}

// Keys remembers the keys of a log's entries for KeyWindow, so that whoever
// reads the log, from wherever, finds the same entries void. The zero value
// knows none.
type Keys struct {
	claims map[[16]byte]Claim // key → its claim
	order  []keyed            // in the order of the log, the oldest first
	fresh  int                // how many of order, at its end, Fresh has not told
}

type keyed struct {
	id      [16]byte
	covered int64
}

// Judge notes the key of the entry at m, and reports whether the entry is void:
// another one had claimed the key less than KeyWindow before. first is the
// claim that counts.
func (k *Keys) Judge(key Key, m Moment) (first Claim, void bool) {
	if first, known := k.Claimed(key.ID, m.Covered); known {
		return first, true
	}
	k.prune(m.Covered)
	first = Claim{Place: m.Place(), Request: key.Request, Covered: m.Covered}
	k.put(key.ID, first)
	return first, false
}

// Claimed returns who has claimed the key as of the covered time now.
func (k *Keys) Claimed(id [16]byte, now int64) (Claim, bool) {
	c, known := k.claims[id]
	return c, known && !c.outdated(now)
}

func (c *Claim) outdated(now int64) bool { return now-c.Covered >= KeyWindow.Milliseconds() }

// Restore puts claims back that All or Fresh has told, in that order.
func (k *Keys) Restore(claims []KeyClaim) {
	for _, c := range claims {
		k.put(c.ID, c.Claim)
	}
	k.fresh = 0
}

// KeyClaim is a key with its claim.
type KeyClaim struct {
	ID [16]byte
	Claim
}

// All returns every claim that is remembered, the oldest first.
func (k *Keys) All() []KeyClaim { return k.list(k.order) }

// Fresh returns the claims that have come since it, or Restore, was called last.
func (k *Keys) Fresh() []KeyClaim {
	list := k.list(k.order[len(k.order)-k.fresh:])
	k.fresh = 0
	return list
}

func (k *Keys) list(order []keyed) (list []KeyClaim) {
	for _, o := range order {
		if c, known := k.claims[o.id]; known && c.Covered == o.covered {
			list = append(list, KeyClaim{o.id, c})
		}
	}
	return list
}

// Len is how many are remembered.
func (k *Keys) Len() int { return len(k.claims) }

func (k *Keys) put(id [16]byte, c Claim) {
	if k.claims == nil {
		k.claims = make(map[[16]byte]Claim)
	}
	k.claims[id] = c
	k.order = append(k.order, keyed{id, c.Covered})
	k.fresh++
}

// prune forgets what is outdated at the covered time now.
func (k *Keys) prune(now int64) {
	n := 0
	for n < len(k.order) && now-k.order[n].covered >= KeyWindow.Milliseconds() {
		if c := k.claims[k.order[n].id]; c.Covered == k.order[n].covered {
			delete(k.claims, k.order[n].id)
		}
		n++
	}
	k.order = k.order[n:]
	k.fresh = min(k.fresh, len(k.order))
	if len(k.claims) == 0 {
		k.claims, k.order, k.fresh = nil, nil, 0 // a map keeps its size
	}
}
