package timeouts

import (
	"slices"

	"github.com/rollcall-dev/rollcall/events"
)

// unwritten lists the users with beats that are not yet written down
// (User.Pending). One stays listed until a look finds nothing more.
type unwritten struct {
	users  []*events.User
	listed map[*events.User]struct{}
}

// beatRef names an unwritten beat.
type beatRef struct {
	user      *events.User
	by, voids events.Place
}

// beat is an unwritten beat, copied.
type beat struct {
	user string
	events.Witness
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
// these to refs as far as they began to wait up to the sequence upTo.
func (b *unwritten) relist(users []*events.User, upTo uint64, refs []beatRef) []beatRef {
	for _, u := range users {
		if len(u.Pending) == 0 {
			delete(b.listed, u)
			continue
		}
		b.users = append(b.users, u)
		for _, w := range u.Pending {
			if max(w.By.Seq, w.Voids.Seq) <= upTo {
				refs = append(refs, beatRef{user: u, by: w.By, voids: w.Voids})
			}
		}
	}
	if len(b.listed) == 0 {
		b.listed = nil // a map keeps its size
	}
	return refs
}

// inOrder sorts refs by their place in the log.
func inOrder(refs []beatRef) {
	slices.SortFunc(refs, func(a, b beatRef) int { return a.by.Compare(b.by) })
}

// copyBeats copies those of refs that still wait.
func copyBeats(refs []beatRef) []beat {
	out := make([]beat, 0, len(refs))
	for _, r := range refs {
		i := slices.IndexFunc(r.user.Pending, func(w events.Witness) bool { return w.By == r.by && w.Voids == r.voids })
		if i >= 0 {
			out = append(out, beat{user: r.user.ID, Witness: r.user.Pending[i]})
		}
	}
	return out
}
