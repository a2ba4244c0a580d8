package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/current"
)

const schemaVersion = 2

var (
	intervalsBucket = []byte("intervals")
	changesBucket   = []byte("changes")
	snapshotsBucket = []byte("snapshots")
	cutBucket       = []byte("cut")
	lateBucket      = []byte("late")
)

// Config says where the history is kept. Path is required.
type Config struct {
	Path      string
	Retention time.Duration // 0: 8760 h
	Logger    *slog.Logger  // nil: discarded
	Now       func() time.Time
	Durable   func() error // as in current.Config
}

// View is the history. It is safe for use by many goroutines.
type View struct {
	cfg   Config
	log   *slog.Logger
	store atomic.Pointer[projections.Store] // Adopt swaps it
	tap   *current.Tap

	mu      sync.Mutex // guards what waits to be written down
	waiting []happening
	upTo    uint64 // everything up to here is in waiting or in the file

	writing sync.Mutex // guards the file's writer and the below
	meta    projections.Meta
	present map[string]events.Status // id → status of everybody not offline, as of the file
	since   int                      // changes since the last snapshot
	newest  []byte                   // the key of the last snapshot, empty: none
	head    []byte                   // the key of the last change, empty: none
	cut     events.Millis            // before it, something may be missing; 0: nothing is
}

// happening is a change, or the erasure of a user.
type happening struct {
	change events.Change
	erased string
}

// Open opens the history's file, or makes it. A file that cannot be trusted is
// set aside. Errors wrap projections.ErrHeld or projections.ErrNewer, or are the
// file system's.
func Open(cfg Config) (*View, error) {
	if cfg.Retention <= 0 {
		cfg.Retention = 8760 * time.Hour
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	v := &View{cfg: cfg, log: cfg.Logger}
	v.tap = &current.Tap{Put: v.Put, Flush: v.flush}
	return v, v.open()
}

func (v *View) open() error {
	store, meta, err := projections.OpenStore(v.cfg.Path, projections.Schema{Kind: "history", Version: schemaVersion,
		Buckets: [][]byte{intervalsBucket, changesBucket, snapshotsBucket, cutBucket, lateBucket}, Check: checkIntervals}, v.log)
	if err != nil {
		return err
	}
	v.store.Store(store)
	v.meta, v.upTo = meta, meta.Seq
	if err := v.load(); err != nil {
		_ = store.Close()
		return fmt.Errorf("loading the history: %w", err)
	}
	return nil
}

// checkIntervals reads every interval.
func checkIntervals(tx *bolt.Tx) error {
	return tx.Bucket(intervalsBucket).ForEach(func(key, value []byte) error {
		_, err := decodeInterval(key, value)
		return err
	})
}

// load finds out who is present at the end of the file.
func (v *View) load() error {
	return v.read(func(tx *bolt.Tx) (err error) {
		v.cut = readCut(tx)
		v.present, v.since, err = presentAt(tx, latest)
		v.newest = newestSnapshot(tx)
		head, _ := tx.Bucket(changesBucket).Cursor().Last()
		v.head = bytes.Clone(head)
		return err
	})
}

// read runs fn in a transaction of the file that is v's now.
func (v *View) read(fn func(tx *bolt.Tx) error) error {
	for {
		store := v.store.Load()
		err := store.DB.View(fn)
		if errors.Is(err, bolterrors.ErrDatabaseNotOpen) && v.store.Load() != store {
			continue // it was swapped before the transaction began
		}
		return err
	}
}

// Seen reports whether the view holds anything: then its log must exist.
func (v *View) Seen() bool { return v.meta.Seq > 0 }

// Seq is the sequence up to which the view knows what has happened.
func (v *View) Seq() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.upTo
}

// Bind holds the view against the log, as current.View.Bind does.
func (v *View) Bind(ctx context.Context, j *journal.Journal) error {
	foreign, err := projections.SameLog(ctx, j, v.meta)
	if err != nil {
		return err
	}
	if foreign {
		if err := v.Renew("it is of another log"); err != nil {
			return err
		}
	}
	v.writing.Lock()
	defer v.writing.Unlock()
	v.meta.Created = j.Created()
	return nil
}

// Renew sets the file aside and begins an empty one.
func (v *View) Renew(reason string) error {
	if err := v.store.Load().Close(); err != nil {
		return err
	}
	aside, err := projections.SetAside(v.cfg.Path)
	if err != nil {
		return err
	}
	v.log.Warn("the history is set aside and will be rebuilt", "kept_as", aside, "reason", reason)
	return v.open()
}

// Attach makes the current view c tell v everything that it folds from now on.
// v must not be behind c: see Behind.
func (v *View) Attach(c *current.View) { c.Tap(v.tap) }

// Detach ends that.
func (v *View) Detach(c *current.View) { c.Untap(v.tap) }

// Behind reports whether c has folded what v has not: then v lacks something
// that c will not tell again, and must be rebuilt.
func (v *View) Behind(c *current.View) bool { return v.Seq() < c.Seq() }

// Put takes in what happened, in the order of the log, and that everything up to
// the sequence upTo is told: current.Tap.Put.
func (v *View) Put(happened []current.Happening, upTo uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range happened {
		h := &happened[i]
		switch {
		case h.To.Seq <= v.upTo: // it is known
		case h.Erased:
			v.waiting = append(v.waiting, happening{erased: h.User})
		default:
			v.waiting = append(v.waiting, happening{change: h.Change})
		}
	}
	v.upTo = max(v.upTo, upTo)
}

// Waiting is how many changes are not written down yet.
func (v *View) Waiting() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.waiting)
}

// Flush writes everything down that v has been told.
func (v *View) Flush() error { return v.flush(0) }

// flush writes down what waits, at least up to the sequence given.
func (v *View) flush(uint64) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	v.mu.Lock()
	waiting, upTo := v.waiting, v.upTo
	v.waiting = nil
	v.mu.Unlock()
	if upTo == v.meta.Seq && len(waiting) == 0 {
		return nil
	}
	meta := v.meta
	meta.Seq = upTo
	err := v.durable()
	if err == nil {
		err = v.store.Load().DB.Update(v.entry(waiting, meta))
	}
	if err != nil {
		v.mu.Lock()
		v.waiting = append(waiting, v.waiting...)
		v.mu.Unlock()
		// What the transaction did to present is undone with it.
		return errors.Join(fmt.Errorf("writing the history: %w", err), v.load())
	}
	v.meta = meta
	return nil
}

// durable puts the log on disk as far as it is told here.
func (v *View) durable() error {
	if v.cfg.Durable == nil {
		return nil
	}
	return v.cfg.Durable()
}

// entry writes down what waits, and where the view stands then.
func (v *View) entry(waiting []happening, meta projections.Meta) func(tx *bolt.Tx) error {
	return func(tx *bolt.Tx) error {
		w := v.writer(tx)
		for i := range waiting {
			if err := w.write(&waiting[i]); err != nil {
				return err
			}
		}
		if err := w.finish(); err != nil {
			return err
		}
		return projections.PutMeta(tx, meta)
	}
}

// writer takes happenings down in one transaction. It holds the latest interval
// of every user that it meets until the next one closes it, or the end: so a
// user who changes often is found and written once a time, not three times.
type writer struct {
	*View
	tx        *bolt.Tx
	intervals *bolt.Bucket
	last      map[string]*Interval // user → his latest interval, nil: he has none
}

func (v *View) writer(tx *bolt.Tx) *writer {
	intervals := tx.Bucket(intervalsBucket)
	return &writer{View: v, tx: tx, intervals: intervals, last: map[string]*Interval{}}
}

// write takes one happening down.
func (w *writer) write(h *happening) error {
	if h.erased != "" {
		if err := w.put(w.last[h.erased]); err != nil {
			return err
		}
		delete(w.last, h.erased)
		return w.erase(w.tx, h.erased)
	}
	i := &Interval{User: h.change.User, Status: h.change.To.Status, Observed: h.change.Observed, From: h.change.To.Since, Cause: h.change.To.Cause,
		Actor: h.change.To.Actor, Seq: h.change.To.Seq}
	if h.change.Observed == events.StatusOffline {
		i.LastSeen = h.change.LastSeen
	}
	before := events.StatusOffline
	last, err := w.latest(i.User)
	if err != nil {
		return err
	}
	if last != nil {
		before = last.Status
		if last.From == i.From && last.Seq == i.Seq {
			i.n = last.n + 1
		}
		last.To = i.From
		if err := w.put(last); err != nil {
			return err
		}
	}
	w.last[i.User] = i
	return w.note(w.tx, i, before)
}

// latest returns the user's latest interval, or nil.
func (w *writer) latest(user string) (*Interval, error) {
	if i, met := w.last[user]; met {
		return i, nil
	}
	i, found, err := lastOf(w.tx, user)
	if err != nil || !found {
		return nil, err
	}
	return &i, nil
}

func (w *writer) put(i *Interval) error {
	if i == nil {
		return nil
	}
	return w.intervals.Put(i.key(), i.value())
}

// finish writes the intervals that go on.
func (w *writer) finish() error {
	users := slices.Sorted(maps.Keys(w.last)) // neighbours in the file one after the other
	for _, u := range users {
		if err := w.put(w.last[u]); err != nil {
			return err
		}
	}
	return nil
}

// lastOf returns the user's latest interval.
func lastOf(tx *bolt.Tx, user string) (i Interval, found bool, err error) {
	c := tx.Bucket(intervalsBucket).Cursor()
	key, value := seekBefore(c, behind(user))
	if key == nil || !ofUser(key, user) {
		return Interval{}, false, nil
	}
	i, err = decodeInterval(key, value)
	return i, err == nil, err
}

// seekBefore moves c to the last key before limit.
func seekBefore(c *bolt.Cursor, limit []byte) (key, value []byte) {
	if key, _ = c.Seek(limit); key == nil {
		return c.Last()
	}
	return c.Prev()
}

// erase forgets a user: his intervals, his changes, and him in all snapshots.
func (v *View) erase(tx *bolt.Tx, user string) error {
	delete(v.present, user)
	intervals, changes := tx.Bucket(intervalsBucket), tx.Bucket(changesBucket)
	var keys, changeKeys [][]byte
	c := intervals.Cursor()
	for key, value := c.Seek(prefix(user, 0)); key != nil && ofUser(key, user); key, value = c.Next() {
		i, err := decodeInterval(key, value)
		if err != nil {
			return err
		}
		keys = append(keys, i.key())
		changeKeys = append(changeKeys, i.changeKey())
	}
	for _, k := range keys {
		if err := intervals.Delete(k); err != nil {
			return err
		}
	}
	for _, k := range changeKeys {
		if err := changes.Delete(k); err != nil {
			return err
		}
		if err := tx.Bucket(lateBucket).Delete(append(bytes.Clone(k[8:16]), k...)); err != nil {
			return err
		}
	}
	return eraseFromSnapshots(tx, user)
}

// Close writes down what waits and closes the file.
func (v *View) Close() error {
	return errors.Join(v.Flush(), v.store.Load().Close())
}
