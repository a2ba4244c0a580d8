package events

import "slices"

// User is what the log has said about one user so far. The zero value with an
// ID is a user that it has not named yet.
type User struct {
	ID       string
	Seq      uint64            // the last event that named him, 0: none
	Settled  Millis            // last seen, as far as events that outlive the heartbeats tell; 0: never
	Left     Millis            // when they logged out last; 0: never
	Sessions []Session         // the live ones, in the order in which they began
	Override *StandingOverride // nil: none
	Shown    Shown             // his status, and how it came about
	Pending  []Witness         // beats whose effect is not yet written down by an Online event
	Mark     uint32            // a view's own, never stored
}

// Session is one live device, tab or connection.
type Session struct {
	ID     string
	Device string
	Since  Millis // when it came to life
	Alarm  int64  // when the timeout consumer looks at it next; a reader's own, never stored

	// Activity is what its last login or beat said. It is the one part of a
	// user that is lost with the heartbeats.
	Activity
}

// Activity is a session's last sign of life.
type Activity struct {
	Seq      uint64
	Nth      uint32 // which entry of that commit
	LastSeen Millis
	Covered  int64  // covered time, Clock's milliseconds
	Mono     int64  // see Moment
	Every    uint16 // seconds, 0: not declared
	Node     uint16 // which node heard it, see Nodes; 0: not known
	Idle     bool
	Leaving  bool
	Beaten   bool // it was a beat, not a login
}

// StandingOverride is an admin's status over the observed one.
type StandingOverride struct {
	Status Status
	By     string
	Reason string
	Until  Millis // 0: until cleared
	Seq    uint64
	Nth    uint32 // which entry of that commit
	Set    Millis
	Alarm  int64 // as Session.Alarm
}

// Shown is the effective status with the change that brought it. An unnamed
// user's zero value reads as offline since never.
type Shown struct {
	Status Status
	Since  Millis
	Cause  Cause
	Actor  string
	Seq    uint64
	Nth    uint32 // which entry of that commit
}

// Witness is a heartbeat that changed something, waiting to be written down as
// an Online event so that history outlives the heartbeats.
type Witness struct {
	Session string
	Actor   string
	By      Place  // the beat
	Since   Millis // when it was accepted
	Idle    bool
	Voids   Place // the Offline that it overtook; the zero Place: none
}

// Place is where the activity is in the log.
func (a *Activity) Place() Place { return Place{a.Seq, a.Nth} }

// Place is where the override is in the log.
func (o *StandingOverride) Place() Place { return Place{o.Seq, o.Nth} }

// Place is where the change is in the log.
func (s *Shown) Place() Place { return Place{s.Seq, s.Nth} }

// Known reports whether the log has named the user.
func (u *User) Known() bool { return u.Seq > 0 }

// Live reports whether a session of the user is live.
func (u *User) Live() bool { return len(u.Sessions) > 0 }

// Status is the effective status.
func (u *User) Status() Status {
	if u.Shown.Status == "" {
		return StatusOffline
	}
	return u.Shown.Status
}

// Observed is what the sessions say.
func (u *User) Observed() Status {
	if len(u.Sessions) == 0 {
		return StatusOffline
	}
	for i := range u.Sessions {
		if !u.Sessions[i].Idle {
			return StatusOnline
		}
	}
	return StatusAway
}

// LastSeen is the user's own last activity, 0 if never.
func (u *User) LastSeen() Millis {
	seen := u.Settled
	for i := range u.Sessions {
		seen = max(seen, u.Sessions[i].LastSeen)
	}
	return seen
}

// Session returns the live session id, or nil.
func (u *User) Session(id string) *Session {
	for i := range u.Sessions {
		if u.Sessions[i].ID == id {
			return &u.Sessions[i]
		}
	}
	return nil
}

// Clone returns a copy that shares nothing mutable with u.
func (u *User) Clone() User {
	c := *u
	c.Sessions = slices.Clone(u.Sessions)
	c.Pending = slices.Clone(u.Pending)
	if u.Override != nil {
		o := *u.Override
		c.Override = &o
	}
	return c
}

// Settle strips u of what is lost with heartbeats before the sequence horizon,
// so that a user folded from the whole log and one folded from what a trimmed
// log kept compare equal: the activity of a live session that has given no sign
// of life since, and the mark of having been named.
func (u *User) Settle(horizon uint64) {
	if u.Seq < horizon {
		u.Seq = 0
	}
	u.Mark = 0
	if u.Override != nil {
		u.Override.Alarm = 0
	}
	for i := range u.Sessions {
		s := &u.Sessions[i]
		s.Covered, s.Mono, s.Alarm, s.Node = 0, 0, 0, 0 // a reader's own
		if s.Seq < horizon {
			s.Activity = Activity{Idle: s.Idle}
		}
	}
}
