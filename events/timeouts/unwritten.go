package timeouts

import (
	"cmp"
	"slices"

	"github.com/rollcall-dev/rollcall/events"
)

// unwritten lists the users with beats that are not yet written down
// (User.Pending). One stays listed until a look finds nothing more.
type unwritten struct {
	users  []*events.User
	listed map[*events.User]struct{}
}

// beatRef names the unwritten beats of one user in one message of the log.
type beatRef struct {
	user *events.User
	by   uint64
}

// beat is an unwritten beat, copied.
type beat struct {
	user string
	events.Witness
	nth int // among equal ones of that user in that message
}

func (b *unwritten) touch(u *events.User) {
	if _, ok := b.listed[u]; ok {
		return
	}
	if b.listed == nil {
		b.listed = make(map[*events.User]struct{})
	}
	b.listed[u] = struct{}{}
	b.users = append(b.users, u)
}

// takeUsers hands out the list, for relist to go through in parts.
func (b *unwritten) takeUsers() []*events.User {
	users := b.users
	b.users = nil
	return users
}

// relist puts those of users back that still have beats to write down, and adds
// these to refs as far as they came up to the sequence upTo.
func (b *unwritten) relist(users []*events.User, upTo uint64, refs []beatRef) []beatRef {
	for _, u := range users {
		if len(u.Pending) == 0 {
			delete(b.listed, u)
			continue
		}
		b.users = append(b.users, u)
		for i, w := range u.Pending {
			seen := slices.ContainsFunc(u.Pending[:i], func(o events.Witness) bool { return o.By == w.By && raised(o) <= upTo })
			if raised(w) <= upTo && !seen {
				refs = append(refs, beatRef{user: u, by: w.By})
			}
		}
	}
	if len(b.listed) == 0 {
		b.listed = nil // a map keeps its size
	}
	return refs
}

// raised is the sequence at which w began to wait: its own, or that of the
// offline event that it overtook.
func raised(w events.Witness) uint64 { return max(w.By, w.Voids) }

// inOrder sorts refs by their place in the log.
func inOrder(refs []beatRef) {
	slices.SortFunc(refs, func(a, b beatRef) int { return cmp.Compare(a.by, b.by) })
}

// copyBeats copies at least n of the beats that refs name and that still wait,
// if there are as many, and returns the refs that are left.
func copyBeats(refs []beatRef, upTo uint64, n int) ([]beat, []beatRef) {
	var out []beat
	for looks := 0; looks < maxLooks && len(out) < n && len(refs) > 0; looks++ {
		r := refs[0]
		refs = refs[1:]
		first := len(out)
		for _, w := range r.user.Pending {
			if w.By != r.by || raised(w) > upTo {
				continue
			}
			b := beat{user: r.user.ID, Witness: w}
			for _, o := range out[first:] {
				if o.Witness == w {
					b.nth++
				}
			}
			out = append(out, b)
		}
	}
	return out, refs
}
