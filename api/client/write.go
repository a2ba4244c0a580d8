package client

import (
	"context"
	"net/http"
	"time"
)

// Login begins a session of the token's user.
type Login struct {
	Session string `json:"session,omitempty"` // "": the claim sid, else default
	Device  string `json:"device,omitempty"`
	// Key makes a repeat within two minutes add nothing and return the first answer's Seq; 1 to 64 characters, "": none.
	Key string `json:"-"`
}

// LoggedIn is what a node answers to a login.
type LoggedIn struct {
	User      string
	Session   string
	Seq       uint64        // of the login in the log
	Heartbeat time.Duration // the interval at which the session should beat
	Timeout   time.Duration // the silence after which it is offline
}

// Login returns once the log has acknowledged it.
func (c *Client) Login(ctx context.Context, l Login) (LoggedIn, error) {
	var answer struct {
		User      string `json:"user"`
		Session   string `json:"session"`
		Seq       uint64 `json:"seq"`
		Heartbeat int64  `json:"heartbeat_seconds"`
		Timeout   int64  `json:"timeout_seconds"`
	}
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/v1/login", body: l, key: l.Key}, &answer)
	return LoggedIn{
		User: answer.User, Session: answer.Session, Seq: answer.Seq,
		Heartbeat: time.Duration(answer.Heartbeat) * time.Second,
		Timeout:   time.Duration(answer.Timeout) * time.Second,
	}, err
}

// Heartbeat says that a session is still there.
type Heartbeat struct {
	Session string `json:"session,omitempty"` // "": the claim sid, else default
	Idle    bool   `json:"idle,omitempty"`    // there, but its user does nothing
	Every   int    `json:"every,omitempty"`   // the session's own interval in seconds, 1 to 360; 0: not declared
	Leaving bool   `json:"leaving,omitempty"` // its page is closing
}

// Beaten is what a node answers to a heartbeat.
type Beaten struct {
	Seq       uint64        // of the batch in the log
	Heartbeat time.Duration // the interval at which the session should beat
	Timeout   time.Duration // the silence after which it is offline
}

// Heartbeat returns once the log has acknowledged it. A repeat does no harm, so it takes no key.
func (c *Client) Heartbeat(ctx context.Context, b Heartbeat) (Beaten, error) {
	what := call{method: http.MethodPost, path: "/v1/heartbeat"}
	if b != (Heartbeat{}) {
		what.body = b
	}
	header, err := c.do(ctx, what, nil)
	return Beaten{
		Seq:       seqOf(header),
		Heartbeat: seconds(header, "Rollcall-Heartbeat"),
		Timeout:   seconds(header, "Rollcall-Timeout"),
	}, err
}

// Logout ends a session of the token's user, or all of them.
type Logout struct {
	Session string `json:"session,omitempty"` // "": the claim sid, else default
	All     bool   `json:"all,omitempty"`     // every session
	Key     string `json:"-"`                 // as Login.Key
}

// Logout returns the sequence of the logout once the log has acknowledged it.
func (c *Client) Logout(ctx context.Context, l Logout) (seq uint64, err error) {
	var answer struct {
		Seq uint64 `json:"seq"`
	}
	_, err = c.do(ctx, call{method: http.MethodPost, path: "/v1/logout", body: l, key: l.Key}, &answer)
	return answer.Seq, err
}
