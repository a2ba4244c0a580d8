package events

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Change is a change of a user's effective status. Nothing else is one: no
// leave-and-join for a refresh.
type Change struct {
	User     string
	From     Shown  // what was shown before
	To       Shown  // what is shown now; To.Seq is the event that did it
	Observed Status // what the sessions say now
	LastSeen Millis
}

// Apply folds e, which stands at m, into u, and reports the change of his
// status if there is one. It is the only place, with ApplyBeat, that knows what
// an event means:
//
//   - a login makes its session live;
//   - a logout ends its session, or all of them, and RequestsSession;
//   - an offline ends its session only if that has shown no sign of life after
//     the place that was judged: a beat that was in the log first always
//     wins, a duplicate does nothing, two timeout consumers do no harm;
//   - an override hides the observed status and does not change it; where it has
//     run out, what its end says is dated at that moment, and what happened since
//     is not (see Lapse);
//   - an online changes nothing. It witnesses a beat that did, for readers from
//     whom that beat has gone: they put it back in its place (Witnessed).
//
// e must be valid and of u. Erased events concern no known user and change
// nothing here; see Erases.
func Apply(u *User, m Moment, e *Event) (Change, bool) {
	switch e.Type {
	case Heartbeat:
		b := RawBeat{User: []byte(e.User), Session: []byte(e.Session), Actor: []byte(e.Actor), At: e.At,
			Every: e.Every, Idle: e.Idle, Leaving: e.Leaving}
		return ApplyBeat(u, m, &b)
	case Erased:
		return Change{}, false
	}
	if !u.Known() && e.follows() {
		return Change{}, false
	}
	u.Seq = max(u.Seq, m.Seq)
	at := m.Effective(e.At)
	switch e.Type {
	case Login:
		u.login(m, at, e)
		return u.show(m.Place(), at, CauseLogin, e.Actor)
	case Logout:
		u.logout(at, e)
		return u.show(m.Place(), at, CauseLogout, e.Actor)
	case Offline:
		u.expire(m.Place(), e)
		return u.show(m.Place(), at, e.Cause, e.Actor)
	case Online:
		u.witnessed(e)
	case Override:
		return u.override(m.Place(), at, e)
	}
	return Change{}, false
}

// follows reports whether e only follows from what a user did before. About
// somebody whom the log has not named, or who was erased since, it says nothing.
func (e *Event) follows() bool {
	switch e.Type {
	case Offline:
		return e.Session != ""
	case Override:
		return e.Change != OverrideSet
	}
	return e.Type == Online
}

// Lapse ends u's override if it had run out when something happens that is about
// to be folded at m, at the time at: the event that says so comes later, for a
// node was down or looks once a minute. Who comes or goes after the end has their
// own times by that. A fold calls it before Apply, but not for an override's
// expiry, and before ApplyBeat where its Effect is EffectChange: the others are
// lost with the heartbeats.
func Lapse(u *User, m Moment, at Millis) (Change, bool) {
	o := u.Override
	if o == nil || o.Until == 0 || at < o.Until {
		return Change{}, false
	}
	u.Override = nil
	return u.show(m.Place(), o.Until, CauseOverrideExpired, ServiceActor)
}

// Lapses reports whether Lapse is to be called before Apply with e.
func (e *Event) Lapses() bool {
	switch e.Type {
	case Login, Logout, Offline:
		return true
	case Override:
		return e.Change != OverrideExpired
	}
	return false
}

// ApplyBeat is Apply for a heartbeat. It does not allocate unless the beat
// brings a session to life or turns it idle or active. A leaving beat of a
// session that is not live changes nothing, and does not even make its user
// known: a page that closes after a logout must not bring them back. Nor does a
// beat of RequestsSession begin it where another session is live, or just after a
// logout, to which the request that it comes from may belong; and the first sign
// of another session ends it.
func ApplyBeat(u *User, m Moment, b *RawBeat) (Change, bool) {
	at := m.Effective(b.At)
	s := u.sessionOf(b.Session)
	cause := CauseHeartbeat
	switch {
	case s == nil && !u.mayBegin(b, at):
		return Change{}, false
	case s == nil:
		u.yield(b.Session)
		u.Sessions = append(u.Sessions, Session{ID: sessionID(b.Session), Since: at})
		s = &u.Sessions[len(u.Sessions)-1]
		s.Idle = b.Idle
		u.await(m, at, s, b)
	case s.Idle != b.Idle:
		if b.Idle {
			cause = CauseIdle
		}
		s.Idle = b.Idle
		u.await(m, at, s, b)
	default:
		// The beat of every thirty seconds: nothing that outlives it.
		s.Activity = b.activity(m, max(at, s.LastSeen))
		u.Seq = max(u.Seq, m.Seq)
		return Change{}, false
	}
	s.Activity = b.activity(m, max(at, s.LastSeen))
	u.Seq = max(u.Seq, m.Seq)
	return u.show(m.Place(), at, cause, u.actorOf(b))
}

// actorOf is who sent b. A user's own name is not held twice.
func (u *User) actorOf(b *RawBeat) string {
	if len(b.Actor) == 0 || string(b.Actor) == u.ID {
		return u.ID
	}
	return string(b.Actor)
}

// afterLogout is for how long after a logout no beat of RequestsSession counts:
// middlewares send theirs a second or a few later.
const afterLogout = Millis(6_000)

// mayBegin reports whether b, at the time at, may begin its session.
func (u *User) mayBegin(b *RawBeat, at Millis) bool {
	if b.Leaving {
		return false
	}
	return string(b.Session) != RequestsSession || len(u.Sessions) == 0 && (u.Left == 0 || at > u.Left+afterLogout)
}

// yield ends RequestsSession where another session begins. That one's signs of
// life are later.
func (u *User) yield(session []byte) {
	if len(u.Sessions) == 1 && u.Sessions[0].ID == RequestsSession && string(session) != RequestsSession {
		u.Sessions = nil
	}
}

// Effect is what a heartbeat does.
type Effect uint8

// The effects. Only the last one outlives the heartbeat, by an Online event.
const (
	EffectNone    Effect = iota // nothing at all
	EffectRefresh               // it moves a live session's activity
	EffectChange                // it brings a session to life, or turns it idle or active
)

// Effect returns what ApplyBeat with b, which happens at the time at, does to u.
func (u *User) Effect(b *RawBeat, at Millis) Effect {
	switch s := u.sessionOf(b.Session); {
	case s != nil && s.Idle == b.Idle:
		return EffectRefresh
	case s == nil && !u.mayBegin(b, at):
		return EffectNone
	}
	return EffectChange
}

func (b *RawBeat) activity(m Moment, seen Millis) Activity {
	return Activity{Seq: m.Seq, Nth: m.Nth, LastSeen: seen, Covered: m.Covered, Mono: m.Mono, Node: m.Node,
		Every: b.Every, Idle: b.Idle, Leaving: b.Leaving, Beaten: true}
}

func sessionID(raw []byte) string {
	if len(raw) == 0 {
		return DefaultSession
	}
	return string(raw)
}

// sessionOf is Session for an id in a batch.
func (u *User) sessionOf(raw []byte) *Session {
	for i := range u.Sessions {
		id := u.Sessions[i].ID
		if id == string(raw) || len(raw) == 0 && id == DefaultSession {
			return &u.Sessions[i]
		}
	}
	return nil
}

// await notes that the effect of b must be written down.
func (u *User) await(m Moment, at Millis, s *Session, b *RawBeat) {
	u.Pending = append(u.Pending, Witness{Session: s.ID, Actor: u.actorOf(b), By: m.Place(), Since: at, Idle: b.Idle})
}

func (u *User) login(m Moment, at Millis, e *Event) {
	u.Settled = max(u.Settled, at)
	id := e.Session
	if id == "" {
		id = DefaultSession
	}
	s := u.Session(id)
	if s == nil {
		u.yield([]byte(id))
		u.Sessions = append(u.Sessions, Session{ID: id, Since: at})
		s = &u.Sessions[len(u.Sessions)-1]
	}
	if e.Device != "" {
		s.Device = e.Device
	}
	s.Activity = Activity{Seq: m.Seq, Nth: m.Nth, LastSeen: max(at, s.LastSeen), Covered: m.Covered, Mono: m.Mono, Node: m.Node}
}

// logout moves last seen to its own time and not to that of the session's last
// beat: what it leaves behind must be told by events that outlive the beats.
func (u *User) logout(at Millis, e *Event) {
	id := e.Session
	if id == "" {
		id = DefaultSession
	}
	before := len(u.Sessions)
	u.Sessions = slices.DeleteFunc(u.Sessions, func(s Session) bool { return e.All || s.ID == id || s.ID == RequestsSession })
	u.Left = max(u.Left, at)
	if len(u.Sessions) < before {
		u.Settled = max(u.Settled, at)
	}
}

// expire ends the session of an Offline event, unless a sign of life came
// first. An Offline that names no session settles the user's last seen only:
// so an import says when somebody was last seen before the log began.
func (u *User) expire(at Place, e *Event) {
	if e.Session == "" {
		u.Settled = max(u.Settled, e.LastSeen)
		return
	}
	s := u.Session(e.Session)
	if s == nil {
		return
	}
	if e.JudgedPlace().Before(s.Place()) {
		if s.Beaten {
			u.Pending = append(u.Pending, Witness{Session: s.ID, Actor: u.ID, By: s.Place(), Since: s.LastSeen, Idle: s.Idle, Voids: at})
		}
		return
	}
	u.Settled = max(u.Settled, e.LastSeen)
	u.Sessions = slices.DeleteFunc(u.Sessions, func(s Session) bool { return s.ID == e.Session })
}

// witnessed strikes the beats that e writes down from those that wait for it.
func (u *User) witnessed(e *Event) {
	u.Pending = slices.DeleteFunc(u.Pending, func(w Witness) bool {
		return w.Session == e.Session && w.By == e.ByPlace() && w.Voids == e.VoidsPlace()
	})
	if len(u.Pending) == 0 {
		u.Pending = nil
	}
}

func (u *User) override(p Place, at Millis, e *Event) (Change, bool) {
	switch e.Change {
	case OverrideSet:
		u.Override = &StandingOverride{Status: e.Status, By: e.Actor, Reason: e.Reason, Until: e.Until, Seq: p.Seq, Nth: p.Nth, Set: at}
		return u.show(p, at, CauseOverride, e.Actor)
	case OverrideCleared:
		u.Override = nil
		return u.show(p, at, CauseOverrideCleared, e.Actor)
	case OverrideExpired:
		if o := u.Override; o != nil && o.Place() == e.JudgedPlace() {
			u.Override = nil
			if o.Until != 0 {
				at = min(o.Until, at)
			}
			return u.show(p, at, CauseOverrideExpired, e.Actor)
		}
	}
	return Change{}, false
}

// show brings the effective status up to date. Since never runs backwards, so
// that intervals have no negative length where two nodes' clocks disagree.
func (u *User) show(p Place, at Millis, cause Cause, actor string) (Change, bool) {
	status := u.Observed()
	if u.Override != nil {
		status = u.Override.Status
	}
	if status == u.Status() {
		if u.Shown.Since == 0 { // named for the first time, and not by coming online
			u.Shown = Shown{Status: status, Since: at, Cause: cause, Actor: actor, Seq: p.Seq, Nth: p.Nth}
		}
		return Change{}, false
	}
	from := u.Shown
	from.Status = u.Status()
	u.Shown = Shown{Status: status, Since: max(at, from.Since), Cause: cause, Actor: actor, Seq: p.Seq, Nth: p.Nth}
	return Change{User: u.ID, From: from, To: u.Shown, Observed: u.Observed(), LastSeen: u.LastSeen()}, true
}

// Witnessed returns the beat that an Online event stands for, and its place. A
// replay whose log has lost its beats applies it there, before everything of a
// later sequence, and so folds to what the whole log folds to.
func Witnessed(e *Event) (Beat, Moment) {
	b := Beat{User: e.User, Session: e.Session, Actor: e.Actor, At: e.Since, Idle: e.Idle}
	return b, Moment{Seq: e.By, Nth: e.ByNth, Time: e.Since}
}

// Raw is the inverse of RawBeat.Beat.
func (b *Beat) Raw() RawBeat {
	return RawBeat{User: []byte(b.User), Session: []byte(b.Session), Actor: []byte(b.Actor),
		At: b.At, Every: b.Every, Idle: b.Idle, Leaving: b.Leaving}
}

// HashID is the salted hash by which an Erased event names its user. salt is
// hex, as in the event.
func HashID(salt, user string) string {
	h := sha256.New()
	h.Write([]byte(salt))
	h.Write([]byte{0})
	h.Write([]byte(user))
	return hex.EncodeToString(h.Sum(nil))
}

// Erases reports whether e, an Erased event, is about user. Whoever folds it
// forgets that user.
func Erases(e *Event, user string) bool {
	return e.Type == Erased && HashID(e.Salt, user) == e.Hash
}
