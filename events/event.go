package events

import (
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

// Type names what happened.
type Type string

// The event types. A heartbeat that says nothing unusual is a Beat.
const (
	Login     Type = "login"     // a session began
	Heartbeat Type = "heartbeat" // a session is still there
	Logout    Type = "logout"    // a session, or all of a user's, ended
	Override  Type = "override"  // an admin's status was set, cleared, or expired
	Offline   Type = "offline"   // a session was silent too long, or its page closed
	Online    Type = "online"    // witness: a heartbeat changed something (see Apply)
	Erased    Type = "erased"    // a user was erased; only a salted hash of the id is left
)

// Version is the schema version that this code writes. It reads this one and
// every older one.
const Version = 1

// MaxIDBytes bounds user and session ids.
const MaxIDBytes = 128

// DefaultSession is the session of a client that names none.
const DefaultSession = "default"

// RequestsSession is the session of whoever is heard of only by the requests
// they make of an application: a middleware beats for it. It is there for those
// who have no other: see ApplyBeat.
const RequestsSession = "requests"

// ServiceActor is the actor of events that no person or program asked for:
// timeouts, expiries, witnesses of old heartbeats.
const ServiceActor = "rollcall"

// Status is what is shown about a user.
type Status string

// The statuses. Busy is only ever set by an override.
const (
	StatusOnline  Status = "online"
	StatusAway    Status = "away"
	StatusBusy    Status = "busy"
	StatusOffline Status = "offline"
)

// Statuses lists all of them in the order in which they are reported.
var Statuses = [...]Status{StatusOnline, StatusAway, StatusBusy, StatusOffline}

// Valid reports whether s is one of the four.
func (s Status) Valid() bool {
	return s == StatusOnline || s == StatusAway || s == StatusBusy || s == StatusOffline
}

// Cause says why a status changed, or why a session ended.
type Cause string

// The causes. Timeout and Left are also the causes of an Offline event.
const (
	CauseLogin           Cause = "login"
	CauseHeartbeat       Cause = "heartbeat"
	CauseLogout          Cause = "logout"
	CauseTimeout         Cause = "timeout"
	CauseLeft            Cause = "left"
	CauseOverride        Cause = "override"
	CauseOverrideCleared Cause = "override_cleared"
	CauseOverrideExpired Cause = "override_expired"
	CauseIdle            Cause = "idle"
	CauseErased          Cause = "erased" // told on the live stream only: nothing is kept of the erased
)

// OverrideChange says what an Override event did.
type OverrideChange string

// The ways an override changes. Expired carries Judged, the sequence of the
// override that ran out: a newer one is not touched.
const (
	OverrideSet     OverrideChange = "set"
	OverrideCleared OverrideChange = "cleared"
	OverrideExpired OverrideChange = "expired"
)

// Event is one thing that happened to one user. Fields beyond the first block
// belong to single types, as their comments say; they are empty elsewhere.
type Event struct {
	ID      string `json:"id"`                // UUIDv7, made of the event's place: see IDAt; empty until it has one
	Type    Type   `json:"type"`              //
	V       int    `json:"v"`                 // schema version
	User    string `json:"user,omitempty"`    // empty only for Erased
	Session string `json:"session,omitempty"` // Login, Logout, Offline, Online
	At      Millis `json:"at"`                // time of the node that accepted it
	Actor   string `json:"actor"`             // the token's subject, or ServiceActor

	Device  string `json:"device,omitempty"`  // Login
	Client  string `json:"client,omitempty"`  // Login: client address, where configured
	All     bool   `json:"all,omitempty"`     // Logout: every session
	Idle    bool   `json:"idle,omitempty"`    // Heartbeat, Online
	Every   uint16 `json:"every,omitempty"`   // Heartbeat: the client's interval in seconds
	Leaving bool   `json:"leaving,omitempty"` // Heartbeat: its page is closing

	Change OverrideChange `json:"change,omitempty"` // Override
	Status Status         `json:"status,omitempty"` // Override set
	Reason string         `json:"reason,omitempty"` // Override set
	Until  Millis         `json:"until,omitempty"`  // Override set; 0 holds until cleared

	Cause    Cause  `json:"cause,omitempty"`     // Offline: CauseTimeout or CauseLeft
	LastSeen Millis `json:"last_seen,omitempty"` // Offline
	Judged   uint64 `json:"judged,omitempty"`    // Offline: seq of the session's last activity; Override expired: seq of the override

	Since Millis `json:"since,omitempty"` // Online: when the heartbeat was accepted
	By    uint64 `json:"by,omitempty"`    // Online: seq of the heartbeat that did it
	Voids uint64 `json:"voids,omitempty"` // Online: seq of the Offline that it undoes, if any

	// Which entry of the commit it is that Judged, By and Voids name, from 0.
	JudgedNth uint32 `json:"judged_nth,omitempty"`
	ByNth     uint32 `json:"by_nth,omitempty"`
	VoidsNth  uint32 `json:"voids_nth,omitempty"`

	Hash string `json:"hash,omitempty"` // Erased: hex SHA-256 of salt and user id
	Salt string `json:"salt,omitempty"` // Erased: hex
}

// Beat is one heartbeat. An empty Session means DefaultSession, an empty Actor
// the user.
type Beat struct {
	User    string
	Session string
	Actor   string
	At      Millis
	Every   uint16 // seconds; 0: not declared
	Idle    bool
	Leaving bool
}

// JudgedPlace is the place that an Offline or an expired Override names.
func (e *Event) JudgedPlace() Place { return Place{e.Judged, e.JudgedNth} }

// ByPlace is the place of the heartbeat that an Online witnesses.
func (e *Event) ByPlace() Place { return Place{e.By, e.ByNth} }

// VoidsPlace is the place of the Offline that an Online undoes; the zero Place:
// none.
func (e *Event) VoidsPlace() Place { return Place{e.Voids, e.VoidsNth} }

// Event unfolds b into the event that it stands for, without an ID: a beat has
// none of its own.
func (b Beat) Event() Event {
	e := Event{Type: Heartbeat, V: Version, User: b.User, Session: b.Session, At: b.At, Actor: b.Actor,
		Idle: b.Idle, Every: b.Every, Leaving: b.Leaving}
	if e.Session == "" {
		e.Session = DefaultSession
	}
	if e.Actor == "" {
		e.Actor = b.User
	}
	return e
}

// Errors of ids and events. ErrUnknownType and ErrNewerVersion are not faults
// of the log but of the reader's age: such an event is reported and stepped
// over.
var (
	ErrInvalidID    = errors.New("an id is 1 to 128 bytes of UTF-8 without control characters")
	ErrUnknownType  = errors.New("unknown event type")
	ErrNewerVersion = errors.New("event of a newer version")
	ErrMalformed    = errors.New("malformed event")
)

// ValidID returns ErrInvalidID unless id may name a user or a session.
func ValidID(id string) error {
	if len(id) == 0 || len(id) > MaxIDBytes || !utf8.ValidString(id) {
		return ErrInvalidID
	}
	for _, r := range id {
		if unicode.IsControl(r) {
			return ErrInvalidID
		}
	}
	return nil
}

// Validate returns an error that wraps ErrMalformed, ErrUnknownType or
// ErrNewerVersion when e could not have been written by this or an older
// version.
func (e *Event) Validate() error {
	if e.V > Version {
		return fmt.Errorf("%w: %d", ErrNewerVersion, e.V)
	}
	if e.V < 1 {
		return fmt.Errorf("%w: version %d", ErrMalformed, e.V)
	}
	if !e.known() {
		return fmt.Errorf("%w: %.64q", ErrUnknownType, e.Type)
	}
	if e.At <= 0 || !inCalendar(e.At, e.Until, e.LastSeen, e.Since) {
		return require(false, "no time, or one that RFC 3339 cannot say")
	}
	if e.Type == Erased {
		return require(isHash(e.Hash) && e.Salt != "", "erased without hash and salt")
	}
	if ValidID(e.User) != nil {
		return fmt.Errorf("%w: user: %w", ErrMalformed, ErrInvalidID)
	}
	if e.Session != "" && ValidID(e.Session) != nil {
		return fmt.Errorf("%w: session: %w", ErrMalformed, ErrInvalidID)
	}
	return e.validateFields()
}

func (e *Event) known() bool {
	switch e.Type {
	case Login, Heartbeat, Logout, Override, Offline, Online, Erased:
		return true
	}
	return false
}

func (e *Event) validateFields() error {
	switch e.Type {
	case Override:
		switch e.Change {
		case OverrideSet:
			return require(e.Status.Valid(), "override to an unknown status")
		case OverrideExpired:
			return require(e.Judged > 0, "expired override without judged")
		case OverrideCleared:
			return nil
		}
		return require(false, "override that says not what it changes")
	case Offline:
		return require(e.Cause == CauseTimeout || e.Cause == CauseLeft, "offline without a cause")
	case Online:
		return require(e.By > 0 && e.Session != "", "online without the beat that it witnesses")
	}
	return nil
}

// maxMillis is the last moment of the year 9999, after which RFC 3339 ends.
const maxMillis = Millis(253402300799_999)

// inCalendar reports whether all of times can be written down, and read again.
func inCalendar(times ...Millis) bool {
	for _, t := range times {
		if t < 0 || t > maxMillis {
			return false
		}
	}
	return true
}

// isHash reports whether s is a SHA-256 as HashID writes it.
func isHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func require(ok bool, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrMalformed, what)
}

// Millis is a moment in Unix milliseconds, UTC; 0 means none. In JSON it is
// RFC 3339 with milliseconds.
type Millis int64

// MillisOf rounds t down to the millisecond.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time returns m in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// TimeFormat is RFC 3339 with milliseconds, the only form in which Rollcall
// writes a time.
const TimeFormat = "2006-01-02T15:04:05.000Z"

func (m Millis) String() string { return m.Time().Format(TimeFormat) }

// MarshalJSON writes TimeFormat.
func (m Millis) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, len(TimeFormat)+2)
	b = append(b, '"')
	b = m.Time().AppendFormat(b, TimeFormat)
	return append(b, '"'), nil
}

// UnmarshalJSON reads any RFC 3339 time.
func (m *Millis) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*m = 0
		return nil
	}
	t, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(b))
	if err != nil {
		return fmt.Errorf("%w: time", ErrMalformed)
	}
	if y := t.UTC().Year(); y < 0 || y > 9999 { // in UTC it can leave the years that RFC 3339 knows
		return fmt.Errorf("%w: time", ErrMalformed)
	}
	*m = MillisOf(t)
	return nil
}
