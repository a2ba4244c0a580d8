// Package current is the view of who is online now and when everybody was last
// seen: sessions, status, overrides.
//
//	view.go        opening, folding, what is held in memory
//	read.go        users, lists and counts
//	checkpoint.go  memory to the file, without a pause for readers
//	record.go      how a user is written down
//	digest.go      the view's content in one line, to compare it with another's
//
// Users that are live, overridden, or changed since the last checkpoint are in
// memory; the others only in the file. A read sees memory over the file. The
// file and its checkpoint sequence are committed in one transaction, so that a
// crash at any point resumes exactly.
package current

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tidwall/btree"
	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
)

const schemaVersion = 2

var usersBucket = []byte("users")

// Config says where the view is kept. Path is required.
type Config struct {
	Path       string
	Checkpoint time.Duration // between checkpoints at least; 0: 5 s
	Logger     *slog.Logger  // nil: discarded
	Quiet      bool          // do not log events that cannot be decoded: another view of the same log does

	// Durable is called before a checkpoint is written and makes the log durable
	// up to where the view stands, so that no power cut leaves the view ahead of
	// its log. Nil: what can be read from the log is on disk.
	Durable func() error

	Seconds prometheus.Observer // told how long each checkpoint took; nil: nobody is
}

// View is the current view. It is safe for use by many goroutines.
type View struct {
	cfg   Config
	log   *slog.Logger
	store *projections.Store
	mark  projections.Mark

	mu       sync.RWMutex // guards everything below; the fold changes only under it
	fold     *projections.Fold
	meta     projections.Meta
	created  time.Time                            // of the log that is followed
	last     journal.Message                      // the last one folded
	mono     int64                                // when it was read, 0: still catching up
	behind   uint64                               // how many messages came after it
	horizon  uint64                               // see Horizon; 0: the first
	replays  bool                                 // see projections.Follower
	broken   error                                // why a commit is folded in part; nil: none is
	index    map[events.Status]*btree.Set[string] // status → ids of those in memory
	counts   map[events.Status]int                // status → users, memory and file
	live     int                                  // sessions
	watcher  interface{ Touch(u *events.User) }   // the timeout consumer's, or nil
	taps     []*Tap
	strays   strays
	happened []Happening // in the batch being folded

	marks    marks
	erased   []string // since the last checkpoint began
	keysAnew bool     // the keys in the file are not to be trusted: the next checkpoint writes all

	undecodable []projections.Undecodable // the latest few
	writing     sync.Mutex                // one checkpoint at a time
}

// Open opens the view's file, or makes it. It folds nothing; see Run. A file
// that cannot be trusted is set aside. Errors wrap projections.ErrHeld or
// projections.ErrNewer, or are the file system's.
func Open(cfg Config) (*View, error) {
	if cfg.Checkpoint <= 0 {
		cfg.Checkpoint = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	v := &View{cfg: cfg, log: cfg.Logger, strays: newStrays()}
	return v, v.open()
}

var schema = projections.Schema{Kind: "current", Version: schemaVersion, Buckets: [][]byte{usersBucket, activityBucket, keysBucket}}

func (v *View) open() error {
	store, meta, err := projections.OpenStore(v.cfg.Path, schema, v.log)
	if err != nil {
		return err
	}
	if err := v.fill(store, meta); err != nil {
		// Damage that bbolt does not see; some makes it panic.
		if store, meta, err = projections.Replace(store, schema, err, v.log); err != nil {
			return err
		}
		if err := v.fill(store, meta); err != nil {
			_ = store.Close()
			return fmt.Errorf("loading the current view: %w", err)
		}
	}
	v.mark.Reach(meta.Seq)
	return nil
}

// fill makes the view what the store says.
func (v *View) fill(store *projections.Store, meta projections.Meta) (err error) {
	defer projections.Recover(&err)
	v.store, v.meta = store, meta
	v.reset()
	v.fold.Seq, v.fold.Clock, v.horizon, v.replays = meta.Seq, meta.Clock, meta.Horizon, meta.Replaying
	return v.load()
}

func (v *View) reset() {
	v.fold = projections.NewFold(projections.Hooks{Load: v.fetch, Touching: v.marks.touch, Refreshing: v.marks.refresh, Touched: v.touched,
		Changed: v.changed, Erased: v.forget, Undecodable: v.report, Orphan: v.strays.orphan, Everybody: v.everybody})
	v.index, v.counts = map[events.Status]*btree.Set[string]{}, map[events.Status]int{}
	for _, s := range events.Statuses {
		v.index[s] = new(btree.Set[string])
	}
	v.live, v.marks, v.erased = 0, marks{gen: 1}, nil
}

// load brings those into memory who belong there, and counts all. Every record is
// held against its check: bbolt has no checksums of its own.
func (v *View) load() error {
	return v.store.DB.View(func(tx *bolt.Tx) error {
		claims, err := readKeys(tx)
		if err != nil {
			return err
		}
		v.fold.Keys.Restore(claims)
		if err := tx.Bucket(usersBucket).ForEach(v.loadUser); err != nil {
			return err
		}
		v.marks.written, err = readActivity(tx, v.fold.Users)
		return err
	})
}

func (v *View) loadUser(id, data []byte) error {
	if err := checkRecord(string(id), data); err != nil {
		return err
	}
	v.counts[statusOf[data[0]&flagStatus]]++
	if data[0]&flagResident == 0 {
		return nil
	}
	u, err := decodeChecked(string(id), data)
	if err != nil {
		return err
	}
	v.fold.Users[u.ID] = u
	v.index[u.Status()].Insert(u.ID)
	v.live += len(u.Sessions)
	return nil
}

// Seen reports whether the view has folded anything: then its log must exist.
func (v *View) Seen() bool { return v.Seq() > 0 }

// Bind holds the view against the log that it is going to follow. A view of
// another log is set aside and begun anew; a log that has lost what the view
// has seen is an error that wraps projections.ErrShort or
// projections.ErrDiverged.
func (v *View) Bind(ctx context.Context, j *journal.Journal) error {
	foreign, err := projections.SameLog(ctx, j, v.meta)
	if err != nil {
		return err
	}
	if foreign {
		if err := v.store.Close(); err != nil {
			return err
		}
		aside, err := projections.SetAside(v.cfg.Path)
		if err != nil {
			return err
		}
		v.log.Warn("the current view is of another log; it is set aside and will be rebuilt", "kept_as", aside)
		if err := v.open(); err != nil {
			return err
		}
	}
	v.mu.Lock()
	v.created = j.Created()
	v.mu.Unlock()
	return nil
}

// Run keeps the view at the end of the log, and its file near it, until ctx
// ends; then it writes a last checkpoint and returns nil. Bind comes first.
func (v *View) Run(ctx context.Context, j *journal.Journal) error {
	following, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.checkpoints(following)
	}()
	err := projections.Follow(following, j, v)
	stop()
	<-done
	if cerr := v.Checkpoint(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	return err
}

// Close closes the file. Run must have returned.
func (v *View) Close() error { return v.store.Close() }

// Seq is the sequence that the view stands at.
func (v *View) Seq() uint64 { return v.mark.Seq() }

// WaitFor returns nil once the view has reached seq, or an error that wraps
// projections.ErrBehind when ctx ends first.
func (v *View) WaitFor(ctx context.Context, seq uint64) error { return v.mark.WaitFor(ctx, seq) }

// lockedBytes bounds how much is folded before readers get their turn.
const lockedBytes = 32 << 10

// Apply folds messages of the hot stream; see projections.Follower.
func (v *View) Apply(batch []journal.Message) error {
	for len(batch) > 0 {
		n, size := 0, 0
		for n < len(batch) && size < lockedBytes {
			size += len(batch[n].Data) + 64
			n++
		}
		if err := v.apply(batch[:n]); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}

func (v *View) apply(batch []journal.Message) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range batch {
		m := &batch[i]
		if m.Behind == 0 || v.mono != 0 {
			// Once at the live end always there: a message that is read late
			// then makes timeouts later, never earlier.
			v.mono = events.Mono()
		}
		if err := v.fold.Apply(m, v.mono); err != nil {
			v.broken = err
			return err
		}
	}
	v.last = batch[len(batch)-1]
	v.behind = v.last.Behind
	v.moved()
	return nil
}

// Replay makes what is known of keys be forgotten; see projections.Follower.
func (v *View) Replay() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.replays, v.keysAnew = true, true
	v.fold.Keys = events.Keys{}
}

// Replaying is as in projections.Follower.
func (v *View) Replaying() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.replays
}

// ApplyOld folds what has outlived the hot stream; see projections.Follower.
func (v *View) ApplyOld(batch []projections.Old) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range batch {
		var err error
		if w := batch[i].Witness; w != nil {
			err = v.fold.Witness(w)
			v.fold.Seq = max(v.fold.Seq, w.By)
		} else {
			err = v.fold.Record(batch[i].Record)
			v.last = journal.Message{Time: batch[i].Time}
			v.fold.Seq = max(v.fold.Seq, batch[i].Place.Seq) // the batch ends with a whole commit
		}
		if err != nil {
			v.broken = err
			return err
		}
	}
	v.moved()
	return nil
}

// Folded is how many events the view has folded since it was opened.
func (v *View) Folded() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.fold.Count
}

// Note takes keys in; see projections.Follower.
func (v *View) Note(batch []journal.Message) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range batch {
		v.fold.Note(&batch[i])
	}
	return nil
}

// Skip says that everything before horizon is folded, its heartbeats as far as
// they were witnessed.
func (v *View) Skip(horizon uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fold.Seq = max(v.fold.Seq, horizon-1)
	v.horizon = max(v.horizon, horizon)
	v.replays = false
	v.moved()
}

// Horizon is the sequence from which on the view has folded the heartbeats, and
// before which only what outlived them.
func (v *View) Horizon() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.horizon
}

// moved tells those who wait and those who listen.
func (v *View) moved() {
	v.tell(v.fold.Seq)
	v.mark.Reach(v.fold.Seq)
}

// Attach makes o be told of every event that is folded into a user, under the
// view's lock, and at once of everybody in memory.
func (v *View) Attach(o interface{ Touch(u *events.User) }) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.watcher = o
	for _, u := range v.fold.Users {
		o.Touch(u)
	}
}

// Locked runs fn with the view at rest: its sequence, its clock, and when by
// this process's monotonic clock the last message was read (0: the view is
// still catching up).
func (v *View) Locked(fn func(seq uint64, clock events.Clock, mono int64)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fn(v.fold.Seq, v.fold.Clock, v.mono)
}

// Nodes is who writes the log. It is the view's own: it may be read inside
// Locked only.
func (v *View) Nodes() *events.Nodes { return &v.fold.Nodes }

// Rest runs fn with the view at rest, at seq.
func (v *View) Rest(fn func(seq uint64) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return fn(v.fold.Seq)
}

// Dirty is how many users have changed since the last checkpoint.
func (v *View) Dirty() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(v.marks.dirty)
}

// fetch is the fold's way to users that are not in memory.
func (v *View) fetch(id string) (u *events.User, err error) {
	err = v.store.DB.View(func(tx *bolt.Tx) error {
		if data := tx.Bucket(usersBucket).Get([]byte(id)); data != nil && !v.isErased(id) {
			u, err = decodeRecord(id, data)
		}
		return err
	})
	if u != nil {
		v.index[u.Status()].Insert(id)
	}
	return u, err
}

// isErased reports whether id was erased since the file was last written.
func (v *View) isErased(id string) bool {
	for _, e := range v.erased {
		if e == id {
			return true
		}
	}
	return false
}

func (v *View) touched(u *events.User, was projections.Before) {
	v.live += len(u.Sessions) - was.Sessions
	status := u.Status()
	if !was.Known {
		v.counts[status]++
		v.index[status].Insert(u.ID)
	} else if status != was.Status {
		v.counts[was.Status]--
		v.index[was.Status].Delete(u.ID)
		v.counts[status]++
		v.index[status].Insert(u.ID)
	}
	if v.watcher != nil {
		v.watcher.Touch(u)
	}
}

func (v *View) changed(c events.Change) {
	if len(v.taps) > 0 {
		v.happened = append(v.happened, Happening{Change: c})
	}
}

// forget drops an erased user.
func (v *View) forget(u *events.User, at events.Moment, actor string) {
	if len(v.taps) > 0 {
		from := u.Shown
		from.Status = u.Status()
		v.happened = append(v.happened, Happening{Erased: true, Change: events.Change{User: u.ID, From: from, Observed: events.StatusOffline,
			To: events.Shown{Status: events.StatusOffline, Since: at.Time, Cause: events.CauseErased, Actor: actor, Seq: at.Seq, Nth: at.Nth}}})
	}
	if v.mono != 0 {
		v.strays.erasedAt(u.ID, time.Now())
	}
	v.marks.touch(u)
	v.marks.rewrite = true // the id is in the activity too
	v.counts[u.Status()]--
	v.index[u.Status()].Delete(u.ID)
	v.live -= len(u.Sessions)
	v.erased = append(v.erased, u.ID)
	u.Seq = 0 // for the checkpoint: nothing to write down
}

func (v *View) report(u projections.Undecodable) {
	v.meta.Undecodable++
	const latest = 100
	if len(v.undecodable) == latest {
		v.undecodable = v.undecodable[1:]
	}
	v.undecodable = append(v.undecodable, u)
	if v.cfg.Quiet {
		return
	}
	v.log.Error("an event cannot be decoded and is stepped over", "place", u.Place.String(), "error", u.Err)
}

// everybody visits those in the file; the fold knows those in memory itself.
func (v *View) everybody(fn func(id string) bool) error {
	return v.store.DB.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(usersBucket).Cursor()
		for id, _ := c.First(); id != nil; id, _ = c.Next() {
			if !v.isErased(string(id)) && !fn(string(id)) {
				return nil
			}
		}
		return nil
	})
}
