package past

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// Kind says what a file holds.
type Kind string

// The kinds of file.
const (
	KindEvents Kind = "events" // at, user, event, session
	KindUsers  Kind = "users"  // id, online_status, last_seen
)

// Row is one row of a file.
type Row struct {
	At      events.Millis
	User    string
	Session string      // empty in a user table
	Type    events.Type // Login, Logout or Heartbeat; Offline in a user table
	Line    int         // where it stands in the file, from 1
}

// File is a file that has been read: its good rows in the order of time. Rows
// of one time keep their order in the file, or have the opposite one where the
// file has the newest first.
type File struct {
	Kind   Kind
	Bad    []BadRow // those left out because ReadOptions.SkipBad said so
	Unseen int      // rows of a user table without a last_seen: there is nothing to import of them
	Unused []string // columns of the header that mean nothing here

	digest          [sha256.Size]byte // of the unpacked content
	rows            []row
	users, sessions []string // by row.user, row.session
}

// row is a Row as it waits in memory, in 24 bytes: a file may have millions.
type row struct {
	at      int64 // Unix nanoseconds: two rows of one millisecond have an order
	line    uint32
	user    uint32
	session uint32
	what    what
}

// what is an events.Type in a byte.
type what uint8

const (
	login what = iota
	logout
	heartbeat
	offline
)

var typeOf = [...]events.Type{login: events.Login, logout: events.Logout, heartbeat: events.Heartbeat, offline: events.Offline}

// Len is how many good rows there are.
func (f *File) Len() int { return len(f.rows) }

// Row returns the i-th of them in the order of time, from 0.
func (f *File) Row(i int) Row {
	r := &f.rows[i]
	out := Row{At: millis(r.at), User: f.users[r.user], Type: typeOf[r.what], Line: int(r.line)}
	if r.what != offline {
		out.Session = f.sessions[r.session]
	}
	return out
}

// All returns every good row in the order of time.
func (f *File) All() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for i := range f.rows {
			if !yield(f.Row(i)) {
				return
			}
		}
	}
}

// Earliest is the time of the first row, 0 where there is none. A log that holds
// a later event is not to be imported into.
func (f *File) Earliest() events.Millis {
	if len(f.rows) == 0 {
		return 0
	}
	return millis(f.rows[0].at)
}

// Latest is the time of the last row, 0 where there is none.
func (f *File) Latest() events.Millis {
	if len(f.rows) == 0 {
		return 0
	}
	return millis(f.rows[len(f.rows)-1].at)
}

// sort brings the rows into the order of time. Most files are in it already.
func (f *File) sort() {
	order := func(a, b row) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.line, b.line)) }
	if f.newestFirst() {
		order = func(a, b row) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.line, a.line)) }
	}
	if !slices.IsSortedFunc(f.rows, order) {
		slices.SortFunc(f.rows, order)
	}
}

// newestFirst reports whether time runs backwards from row to row, but for a row
// or two out of place: what comes first of two rows of one time then happened
// last. The rows are as they stand in the file.
func (f *File) newestFirst() bool {
	forwards, backwards := 0, 0
	for i := 1; i < len(f.rows); i++ {
		switch cmp.Compare(f.rows[i].at, f.rows[i-1].at) {
		case 1:
			forwards++
		case -1:
			backwards++
		}
	}
	return backwards > 10*forwards
}

// cut brings the rows after now to it. They are in order, and stay so.
func (f *File) cut(now int64) {
	for i := len(f.rows) - 1; i >= 0 && f.rows[i].at > now; i-- {
		f.rows[i].at = now
	}
}

// millis rounds down. ns is after 1970.
func millis(ns int64) events.Millis { return events.Millis(ns / int64(time.Millisecond)) }

// names keeps one copy of every id.
type names struct {
	index map[string]uint32 // id → its place in list
	list  []string
}

var errEmpty = errors.New("it is empty")

// of returns the place of id in the list. The error says that it is no id.
func (n *names) of(id []byte) (uint32, error) {
	if i, ok := n.index[string(id)]; ok {
		return i, nil
	}
	s := string(id)
	if s == "" {
		return 0, errEmpty
	}
	if err := events.ValidID(s); err != nil {
		return 0, err
	}
	if n.index == nil {
		n.index = make(map[string]uint32)
	}
	i := uint32(len(n.list))
	n.index[s] = i
	n.list = append(n.list, s)
	return i, nil
}
