package api

import (
	"slices"
	"sync"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/live"
)

// snapshots makes what live streams begin with. Those who come while one is
// being made share the next one, so that nobody gets one from before he came,
// and readers who all come back at once, after a restart, cost little more than
// one: encoding 100,000 users takes a good part of a second.
type snapshots struct {
	making sync.Mutex // held while one is made

	mu   sync.Mutex
	next [2]*snapshot // the one that is not yet begun, for those who may see the actor, and for the others
}

// snapshot is everybody who is not offline, as messages of the stream.
type snapshot struct {
	once  sync.Once
	users []events.User
	heaps [][]byte // a message for each snapshotMost users
	seq   uint64
	err   error
}

// everybody returns a reader of all changes and the messages that go before
// them.
func (w *watcher) everybody() (*live.Reader, [][]byte, error) {
	s := w.a.snapshots.join(w)
	if s.err != nil {
		return nil, nil, s.err
	}
	reader, err := w.a.cfg.Live.Resume(live.Place{Seq: s.seq}, nil)
	if err != nil { // so much has happened since
		s = new(snapshot)
		if reader, err = s.make(w); err != nil {
			return nil, nil, err
		}
	}
	return reader, s.heapsFor(w.q.who, w.private), nil
}

// join returns a snapshot that was taken after it was called.
func (s *snapshots) join(w *watcher) *snapshot {
	kind := 0
	if w.private {
		kind = 1
	}
	s.mu.Lock()
	if s.next[kind] == nil {
		s.next[kind] = new(snapshot)
	}
	own := s.next[kind]
	s.mu.Unlock()
	own.once.Do(func() {
		s.making.Lock()
		defer s.making.Unlock()
		s.mu.Lock()
		s.next[kind] = nil
		s.mu.Unlock()
		own.err = errPanic // for the others, should it come to that
		var reader *live.Reader
		if reader, own.err = own.make(w); own.err == nil {
			reader.Close()
		}
	})
	return own
}

// make takes the snapshot, and returns the reader that goes on behind it.
func (s *snapshot) make(w *watcher) (*live.Reader, error) {
	reader, users, err := w.a.cfg.Live.Start(nil)
	if err != nil {
		return nil, err
	}
	s.users, s.seq = users, reader.Seq()
	shown := w.q.who
	if !w.private {
		shown = &auth.Principal{Roles: auth.RoleReader} // who is nobody himself
	}
	s.heaps = heapsOf(users, shown, s.seq)
	return reader, nil
}

// heapsFor is what that reader is sent: of himself he sees more than others do.
func (s *snapshot) heapsFor(who *auth.Principal, private bool) [][]byte {
	if private {
		return s.heaps
	}
	i := slices.IndexFunc(s.users, func(u events.User) bool { return u.ID == who.User })
	if i < 0 {
		return s.heaps
	}
	heaps := slices.Clone(s.heaps)
	n := i / snapshotMost
	own := s.users[n*snapshotMost : min((n+1)*snapshotMost, len(s.users))]
	heaps[n] = heapOf(own, who, n == len(heaps)-1, s.seq)
	return heaps
}

// heapsOf encodes users, as who sees them; of nobody there is one message too.
func heapsOf(users []events.User, who *auth.Principal, seq uint64) (heaps [][]byte) {
	for last := false; !last; {
		n := min(len(users), snapshotMost)
		last = n == len(users)
		heaps = append(heaps, heapOf(users[:n], who, last, seq))
		users = users[n:]
	}
	return heaps
}

// heapOf is one message. Only the last of a snapshot has an id, so that a client
// that is cut off in between begins anew.
func heapOf(users []events.User, who *auth.Principal, last bool, seq uint64) []byte {
	heap := struct {
		Users []presence `json:"users"`
	}{make([]presence, len(users))}
	for i := range users {
		heap.Users[i] = presenceOf(&users[i], who)
	}
	var at *live.Place
	if last {
		at = &live.Place{Seq: seq}
	}
	return message("snapshot", at, heap)
}
