package history

import (
	"errors"
	"fmt"
	"sort"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
)

// MomentQuery asks who was what at T, in the order of ids.
type MomentQuery struct {
	At     events.Millis
	Status events.Status // empty: everybody who had a history by then
	After  string
	Limit  int
}

// Moment is the answer.
type Moment struct {
	Users    []Interval // the one in which each was at T
	Total    int        // of all that match
	More     bool
	Complete bool
	Seq      uint64
}

// Everybody answers q. For the statuses other than offline it reads one
// snapshot and the changes after it, whatever the length of the history; for
// offline, and for all, it looks at every user once.
func (v *View) Everybody(q MomentQuery) (Moment, error) {
	if err := v.Flush(); err != nil {
		return Moment{}, err
	}
	m := Moment{Complete: v.Complete(q.At)}
	err := v.read(func(tx *bolt.Tx) error {
		var err error
		if m.Seq, err = seqOf(tx); err != nil {
			return err
		}
		var ids []string
		if q.Status == "" || q.Status == events.StatusOffline {
			ids, err = everybodyBy(tx, q)
		} else {
			ids, err = presentBy(tx, q)
		}
		if err != nil {
			return err
		}
		m.Total = len(ids)
		ids = ids[sort.Search(len(ids), func(i int) bool { return ids[i] > q.After }):]
		if len(ids) > q.Limit {
			ids, m.More = ids[:q.Limit], true
		}
		m.Users, err = intervalsAt(tx, ids, q.At)
		return err
	})
	return m, err
}

func presentBy(tx *bolt.Tx, q MomentQuery) ([]string, error) {
	present, _, err := presentAt(tx, q.At)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(present))
	for id, status := range present {
		if status == q.Status {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	return ids, nil
}

// everybodyBy walks from user to user over the intervals.
func everybodyBy(tx *bolt.Tx, q MomentQuery) ([]string, error) {
	present, _, err := presentAt(tx, q.At)
	if err != nil {
		return nil, err
	}
	var ids []string
	c := tx.Bucket(intervalsBucket).Cursor()
	for key, _ := c.First(); key != nil; {
		i := len(key) - 19
		if i < 1 {
			return nil, errDamaged
		}
		id := string(key[:i])
		// The first interval of a user stands first.
		from := atOf(key[i+1:])
		_, isPresent := present[id]
		if from <= q.At && (q.Status == "" || !isPresent) {
			ids = append(ids, id)
		}
		key, _ = c.Seek(behind(id))
	}
	return ids, nil
}

func intervalsAt(tx *bolt.Tx, ids []string, t events.Millis) ([]Interval, error) {
	found := make([]Interval, 0, len(ids))
	c := tx.Bucket(intervalsBucket).Cursor()
	for _, id := range ids {
		key, value := seekBefore(c, prefix(id, t+1))
		if key == nil || !ofUser(key, id) {
			if t < readCut(tx) {
				continue // his interval has been forgotten
			}
			return nil, fmt.Errorf("%w: %q is in a snapshot and has no interval", errDamaged, id)
		}
		i, err := decodeInterval(key, value)
		if err != nil {
			return nil, err
		}
		found = append(found, i)
	}
	return found, nil
}

// Point is how many were online: at a moment, and at most within the step that
// begins there.
type Point struct {
	At     events.Millis
	Online int
	Peak   int
}

// MaxPoints bounds the answer of Concurrency.
const MaxPoints = 10_000

// ErrTooManyPoints means that the step is too short for the stretch asked.
var ErrTooManyPoints = errors.New("too many points")

// Concurrency returns how many users were online at each step in [from, to).
// complete is false where something before that has been forgotten.
func (v *View) Concurrency(from, to events.Millis, step time.Duration) (points []Point, complete bool, err error) {
	width := events.Millis(step.Milliseconds())
	if width <= 0 || to <= from {
		return nil, v.Complete(from), nil
	}
	if (to-from)/width >= MaxPoints {
		return nil, false, fmt.Errorf("%w: at most %d", ErrTooManyPoints, MaxPoints)
	}
	if err := v.Flush(); err != nil {
		return nil, false, err
	}
	err = v.read(func(tx *bolt.Tx) error {
		points, err = concurrency(tx, from, to, width)
		return err
	})
	return points, v.Complete(from), err
}

func concurrency(tx *bolt.Tx, from, to, width events.Millis) ([]Point, error) {
	present, c, key, value, err := resume(tx, from)
	if err != nil {
		return nil, err
	}
	online := 0
	for _, s := range present {
		if s == events.StatusOnline {
			online++
		}
	}
	step := func() error {
		if len(value) != 2 {
			return errDamaged
		}
		if statusOf[value[0]&3] == events.StatusOnline {
			online--
		}
		if statusOf[value[1]&3] == events.StatusOnline {
			online++
		}
		key, value = c.Next()
		return nil
	}
	var points []Point
	for at := from; at < to; at += width {
		for key != nil && atOf(key) <= at { // what happens at the moment itself has happened
			if err := step(); err != nil {
				return nil, err
			}
		}
		p := Point{At: at, Online: online, Peak: online}
		for key != nil && atOf(key) < min(at+width, to) {
			if err := step(); err != nil {
				return nil, err
			}
			p.Peak = max(p.Peak, online)
		}
		points = append(points, p)
	}
	return points, nil
}
