package projections

import (
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// Undecodable is an entry, or a whole commit, that this version could not read.
// It is told and stepped over.
type Undecodable struct {
	Place events.Place
	Err   error // wraps events.ErrMalformed, events.ErrUnknownType or events.ErrNewerVersion
}

// Before is what a user was before a message was folded into him.
type Before struct {
	Known    bool
	Sessions int
	Status   events.Status
}

// Hooks are told what a fold does, in order, from within Apply. A nil hook is
// not told. An error from Load ends the fold.
type Hooks struct {
	// Load finds a user that is not in memory; nil, nil where there is none.
	Load func(id string) (*events.User, error)
	// Touching is called before a user changes, Touched after. For a beat that
	// changes nothing but a session's activity Refreshing is called instead of
	// Touching; nil: Touching is.
	Touching    func(u *events.User)
	Refreshing  func(u *events.User)
	Touched     func(u *events.User, was Before)
	Changed     func(c events.Change)
	Erased      func(u *events.User, m events.Moment, actor string)
	Undecodable func(Undecodable)
	// Orphan is told of an event that only follows from what a user did before,
	// where the log does not know him, or has forgotten him: it changes nothing.
	Orphan func(e *events.Event, at events.Place)
	// Everybody visits all users, those outside memory too, until fn returns
	// false. Nil: those in memory are all there are.
	Everybody func(fn func(id string) bool) error
}

// Fold is the state that the log has led to: users in memory, and the clock.
// The zero value with Users made stands before the first message. It is not
// safe for concurrent use.
type Fold struct {
	Seq   uint64                  // the last commit folded
	Clock events.Clock            // covered time there
	Users map[string]*events.User // id → user
	Keys  events.Keys             // of the last two minutes
	Nodes events.Nodes            // who writes the log
	Count uint64                  // events folded, each beat one
	Hooks

	commit events.Commit // kept between messages
}

// NewFold returns an empty fold.
func NewFold(h Hooks) *Fold { return &Fold{Users: make(map[string]*events.User), Hooks: h} }

// Apply folds m. mono is this process's monotonic clock, or 0 for a commit that
// is read late. It returns only errors of Load and Everybody.
func (f *Fold) Apply(m *journal.Message, mono int64) error {
	at := events.Moment{Seq: m.Seq, Time: m.Time, Covered: f.Clock.Advance(m.Time), Mono: mono}
	f.Seq = m.Seq
	if err := f.commit.Decode(m.Data); err != nil {
		f.undecodable(at, err)
		return nil
	}
	at.Node = f.Nodes.Hear(f.commit.Node, at.Covered, f.commit.Going)
	for i := range f.commit.Entries {
		at.Nth = uint32(i)
		e := &f.commit.Entries[i]
		var err error
		if e.Plain() {
			err = f.beat(at, &e.RawBeat)
		} else {
			err = f.entry(at, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Note takes the clock and the keys of m in, and nothing else: for a fold that
// begins after m, and must judge repeats of what is in it.
func (f *Fold) Note(m *journal.Message) {
	at := events.Moment{Seq: m.Seq, Time: m.Time, Covered: f.Clock.Advance(m.Time)}
	if f.commit.Decode(m.Data) != nil {
		return
	}
	for i := range f.commit.Entries {
		if e := &f.commit.Entries[i]; !e.Plain() {
			if _, key, _ := e.Event(); key.Given() { // what cannot be read has claimed its key all the same
				at.Nth = uint32(i)
				f.Keys.Judge(key, at)
			}
		}
	}
}

// entry folds an entry that is no mere heartbeat.
func (f *Fold) entry(at events.Moment, entry *events.Entry) error {
	e, key, err := entry.Event()
	if key.Given() {
		if _, void := f.Keys.Judge(key, at); void {
			return nil
		}
	}
	if err != nil {
		f.undecodable(at, err)
		return nil
	}
	return f.fold(at, &e)
}

// Record folds what the archive has: events that are not void.
func (f *Fold) Record(r *journal.Record) error {
	if r.Err != nil {
		f.undecodable(r.Moment(), r.Err)
		return nil //nolint:nilerr // it is told, and stops nobody
	}
	return f.fold(r.Moment(), &r.Event)
}

func (f *Fold) fold(at events.Moment, e *events.Event) error {
	switch e.Type {
	case events.Erased:
		f.Count++
		return f.erase(at, e)
	case events.Heartbeat:
		b := events.Beat{User: e.User, Session: e.Session, Actor: e.Actor, At: e.At, Every: e.Every, Idle: e.Idle, Leaving: e.Leaving}
		raw := b.Raw()
		return f.beat(at, &raw)
	}
	f.Count++
	return f.event(at, e)
}

// Witness folds the beat that e stands for: for replays that have lost it.
func (f *Fold) Witness(e *events.Event) error {
	b, at := events.Witnessed(e)
	raw := b.Raw()
	return f.beat(at, &raw)
}

func (f *Fold) undecodable(at events.Moment, err error) {
	if f.Undecodable != nil {
		f.Undecodable(Undecodable{Place: at.Place(), Err: err})
	}
}

func (f *Fold) beat(at events.Moment, b *events.RawBeat) error {
	f.Count++
	u, known := f.Users[string(b.User)]
	if !known {
		var err error
		if u, err = f.load(string(b.User)); err != nil {
			return err
		}
		if !u.Known() && b.Leaving {
			return nil // as ApplyBeat says: it does not even make them known
		}
		f.Users[u.ID] = u
	}
	t := at.Effective(b.At)
	effect := u.Effect(b, t)
	if effect == events.EffectNone {
		if !known && f.Touching != nil {
			f.Touching(u) // so that they leave memory again
		}
		return nil
	}
	was := Before{Known: u.Known(), Sessions: len(u.Sessions), Status: u.Status()}
	switch {
	case effect == events.EffectRefresh && f.Refreshing != nil:
		f.Refreshing(u)
	case f.Touching != nil:
		f.Touching(u)
	}
	if effect == events.EffectChange {
		f.lapse(u, at, t)
	}
	change, changed := events.ApplyBeat(u, at, b)
	f.touched(u, was, change, changed)
	return nil
}

func (f *Fold) event(at events.Moment, e *events.Event) error {
	u, known := f.Users[e.User]
	if !known {
		var err error
		if u, err = f.load(e.User); err != nil {
			return err
		}
		if !u.Known() {
			// Apply decides whether e makes him known; until then he is nobody's.
			if probe := *u; !makesKnown(&probe, at, e) {
				if f.Orphan != nil {
					f.Orphan(e, at.Place())
				}
				return nil
			}
		}
		f.Users[u.ID] = u
	}
	was := f.touching(u)
	if e.Lapses() {
		f.lapse(u, at, at.Effective(e.At))
	}
	change, changed := events.Apply(u, at, e)
	f.touched(u, was, change, changed)
	return nil
}

// lapse ends an override that had run out before what happens at the time t.
func (f *Fold) lapse(u *events.User, at events.Moment, t events.Millis) {
	if c, changed := events.Lapse(u, at, t); changed && f.Changed != nil {
		f.Changed(c)
	}
}

func makesKnown(u *events.User, at events.Moment, e *events.Event) bool {
	events.Apply(u, at, e)
	return u.Known()
}

func (f *Fold) touching(u *events.User) Before {
	if f.Touching != nil {
		f.Touching(u)
	}
	return Before{Known: u.Known(), Sessions: len(u.Sessions), Status: u.Status()}
}

func (f *Fold) touched(u *events.User, was Before, c events.Change, changed bool) {
	if f.Touched != nil {
		f.Touched(u, was)
	}
	if changed && f.Changed != nil {
		f.Changed(c)
	}
}

// load returns the user, or a new one that the log has not named yet.
func (f *Fold) load(id string) (*events.User, error) {
	if f.Load != nil {
		u, err := f.Load(id)
		if err != nil || u != nil {
			return u, err
		}
	}
	return &events.User{ID: id}, nil
}

// erase forgets the user whom e names by a salted hash, if there is one.
func (f *Fold) erase(at events.Moment, e *events.Event) error {
	var found *events.User
	for id, u := range f.Users {
		if events.Erases(e, id) {
			found = u
			break
		}
	}
	if found == nil && f.Everybody != nil {
		var err error
		if found, err = f.search(e); err != nil {
			return err
		}
	}
	if found == nil {
		return nil
	}
	if f.Erased != nil {
		f.Erased(found, at, e.Actor)
	}
	delete(f.Users, found.ID)
	found.Sessions, found.Override, found.Pending = nil, nil, nil
	return nil
}

func (f *Fold) search(e *events.Event) (*events.User, error) {
	var hit string
	if err := f.Everybody(func(id string) bool {
		if events.Erases(e, id) {
			hit = id
		}
		return hit == ""
	}); err != nil || hit == "" {
		return nil, err
	}
	return f.load(hit)
}
