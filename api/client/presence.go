package client

import "time"

// Status is what is shown about a user.
type Status string

// The statuses. Busy is only ever set by an override; unknown is said of a user whom the log has never named, and only
// by Query.
const (
	StatusOnline  Status = "online"
	StatusAway    Status = "away"
	StatusBusy    Status = "busy"
	StatusOffline Status = "offline"
	StatusUnknown Status = "unknown"
)

// Statuses lists those that a user can have and an override can set.
func Statuses() []Status {
	return []Status{StatusOnline, StatusAway, StatusBusy, StatusOffline}
}

// Presence is what a node knows about a user.
type Presence struct {
	User     string    `json:"user"`
	Status   Status    `json:"status"`             // the effective one
	Observed Status    `json:"observed,omitempty"` // what the sessions say; "" for an unknown user
	Since    time.Time `json:"since"`              // when Status took its present value
	LastSeen time.Time `json:"last_seen"`          // the user's own last activity; zero: never
	Seq      uint64    `json:"seq"`                // the last event that named the user
	// Sessions are the live ones. The user itself, service and admin see them; for others they are nil, which is not
	// to say that there is none: then they are empty.
	Sessions []Session `json:"sessions,omitzero"`
	// Override is what lies over Observed, for those who see the sessions; nil: nothing.
	Override *Override `json:"override,omitempty"`
}

// Session is one live device, tab or connection.
type Session struct {
	Session  string    `json:"session"`
	Device   string    `json:"device,omitempty"`
	Since    time.Time `json:"since"`
	LastSeen time.Time `json:"last_seen"`
	Idle     bool      `json:"idle"`
}

// Override is a status that an admin put over the observed one.
type Override struct {
	Status Status    `json:"status"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	Until  time.Time `json:"until,omitzero"` // zero: until cleared
}

// Stats are counts over all users.
type Stats struct {
	Users    int    `json:"users"`
	Online   int    `json:"online"`
	Away     int    `json:"away"`
	Busy     int    `json:"busy"`
	Offline  int    `json:"offline"`
	Sessions int    `json:"sessions"`
	Seq      uint64 `json:"seq"` // where the view stood
	// LagSeconds is how far the view was behind the log.
	LagSeconds float64 `json:"lag_seconds"`
}
