package history

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections"
)

// Query asks for a user's intervals.
type Query struct {
	User     string
	From, To events.Millis // those that overlap [From, To); To 0: no end
	After    Position      // continue behind this one; the zero value begins
	Limit    int
}

// Position is a place among a user's intervals.
type Position struct {
	From events.Millis
	Seq  uint64
	N    uint16
}

// Position is where i stands.
func (i *Interval) Position() Position { return Position{i.From, i.Seq, i.n} }

// Answer is a page of intervals, oldest first.
type Answer struct {
	Intervals []Interval
	More      bool
	// Online is how long the user was online within [From, To), in
	// milliseconds, whatever the page; an interval that goes on counts up to
	// the moment of the question.
	Online   int64
	Complete bool // nothing that the answer would need has been forgotten
	Seq      uint64
}

// Intervals answers q. A user without history has none.
func (v *View) Intervals(q Query) (Answer, error) {
	if err := v.Flush(); err != nil {
		return Answer{}, err
	}
	a := Answer{Complete: v.Complete(q.From)}
	now := events.MillisOf(v.cfg.Now())
	err := v.read(func(tx *bolt.Tx) error {
		var err error
		if a.Seq, err = seqOf(tx); err != nil {
			return err
		}
		return overlapping(tx, q.User, q.From, q.To, func(i Interval) error {
			if i.Status == events.StatusOnline {
				a.Online += i.within(q.From, q.To, now)
			}
			switch {
			case q.After != (Position{}) && !i.Position().after(q.After):
			case len(a.Intervals) == q.Limit:
				a.More = true
			default:
				a.Intervals = append(a.Intervals, i)
			}
			return nil
		})
	})
	return a, err
}

func (p Position) after(o Position) bool {
	switch {
	case p.From != o.From:
		return p.From > o.From
	case p.Seq != o.Seq:
		return p.Seq > o.Seq
	}
	return p.N > o.N
}

// within is the length of i inside [from, to), in milliseconds.
func (i *Interval) within(from, to, now events.Millis) int64 {
	end := i.To
	if end == 0 {
		end = now
	}
	if to != 0 {
		end = min(end, to)
	}
	return max(0, int64(end-max(i.From, from)))
}

// overlapping calls fn with the user's intervals that overlap [from, to), oldest
// first; to 0: no end.
func overlapping(tx *bolt.Tx, user string, from, to events.Millis, fn func(Interval) error) error {
	c := tx.Bucket(intervalsBucket).Cursor()
	// The last one that began before from may reach into it.
	key, value := seekBefore(c, prefix(user, from))
	if key == nil || !ofUser(key, user) {
		key, value = c.Seek(prefix(user, from))
	}
	for ; key != nil && ofUser(key, user); key, value = c.Next() {
		i, err := decodeInterval(key, value)
		if err != nil {
			return err
		}
		if to != 0 && i.From >= to {
			return nil
		}
		if i.To != 0 && i.To <= from && i.From < from {
			continue
		}
		if err := fn(i); err != nil {
			return err
		}
	}
	return nil
}

// At returns the interval in which the user was at t; false where he had none
// yet: then he was offline, or not known at all.
func (v *View) At(user string, t events.Millis) (i Interval, found bool, err error) {
	if err := v.Flush(); err != nil {
		return Interval{}, false, err
	}
	err = v.read(func(tx *bolt.Tx) error {
		key, value := seekBefore(tx.Bucket(intervalsBucket).Cursor(), prefix(user, t+1))
		if key == nil || !ofUser(key, user) {
			return nil
		}
		found = true
		i, err = decodeInterval(key, value)
		return err
	})
	return i, found, err
}

// maxSince bounds what Since looks at, and maxBegan its answer.
const (
	maxSince = 100_000
	maxBegan = 32_768
)

// Since returns the intervals of wanted users that began after the sequence seq,
// in the order of the log; from is a time at or before all of them but those that
// came late. complete is false where there are too many, of those or of all, or
// where some may have been forgotten.
func (v *View) Since(seq uint64, from events.Millis, wanted func(user string) bool) (began []Interval, complete bool, err error) {
	if err := v.Flush(); err != nil {
		return nil, false, err
	}
	complete = v.Complete(from)
	err = v.read(func(tx *bolt.Tx) error {
		began, err = since(tx, seq, from, wanted)
		if errors.Is(err, errMany) {
			complete, err = false, nil
		}
		return err
	})
	slices.SortStableFunc(began, func(a, b Interval) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.From, b.From), cmp.Compare(a.n, b.n), cmp.Compare(a.User, b.User))
	})
	return began, complete, err
}

// errMany: there is more than anybody wants to read.
var errMany = errors.New("too many changes")

func since(tx *bolt.Tx, seq uint64, from events.Millis, wanted func(string) bool) (began []Interval, err error) {
	changes, intervals := tx.Bucket(changesBucket), tx.Bucket(intervalsBucket)
	looked := 0
	add := func(key, value []byte) error {
		user, ok := userOf(key)
		if !ok || len(value) != 2 {
			return errDamaged
		}
		i := Interval{User: user, From: atOf(key), Seq: binary.BigEndian.Uint64(key[8:]), n: binary.BigEndian.Uint16(key[len(key)-2:])}
		if i.Seq <= seq {
			return nil
		}
		if looked == maxSince || len(began) == maxBegan {
			return errMany
		}
		if looked++; !wanted(user) {
			return nil
		}
		at := i.key()
		if i, err = decodeInterval(at, intervals.Get(at)); err != nil {
			return err
		}
		i.Before = statusOf[value[0]&3]
		began = append(began, i)
		return nil
	}
	// What is later in the log than in time.
	c := tx.Bucket(lateBucket).Cursor()
	for key, _ := c.Seek(binary.BigEndian.AppendUint64(nil, seq+1)); key != nil; key, _ = c.Next() {
		if len(key) < 27 {
			return began, errDamaged
		}
		change := key[8:]
		if value := changes.Get(change); value != nil && atOf(change) < from { // else it comes below
			if err := add(change, value); err != nil {
				return began, err
			}
		}
	}
	c = changes.Cursor()
	for key, value := c.Seek(binary.BigEndian.AppendUint64(nil, uint64(from))); key != nil; key, value = c.Next() {
		if err := add(key, value); err != nil {
			return began, err
		}
	}
	return began, nil
}

// Latest is the time of the latest change, 0 where there is none.
func (v *View) Latest() (at events.Millis, err error) {
	if err := v.Flush(); err != nil {
		return 0, err
	}
	err = v.read(func(tx *bolt.Tx) error {
		if key, _ := tx.Bucket(changesBucket).Cursor().Last(); key != nil {
			at = atOf(key)
		}
		return nil
	})
	return at, err
}

func seqOf(tx *bolt.Tx) (uint64, error) {
	meta, err := projections.ReadMeta(tx)
	return meta.Seq, err
}

// readCut returns the moment before which something may be missing.
func readCut(tx *bolt.Tx) events.Millis {
	if b := tx.Bucket(cutBucket).Get(cutBucket); len(b) == 8 {
		return events.Millis(binary.BigEndian.Uint64(b))
	}
	return 0
}

func putCut(tx *bolt.Tx, cut events.Millis) error {
	return tx.Bucket(cutBucket).Put(bytes.Clone(cutBucket), binary.BigEndian.AppendUint64(nil, uint64(cut)))
}
