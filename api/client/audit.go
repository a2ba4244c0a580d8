package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Event is one event of the log. Fields beyond the first block belong to single types; they are empty elsewhere.
type Event struct {
	Seq     uint64    `json:"seq"`           // of its commit in the log
	Nth     uint32    `json:"nth,omitempty"` // which entry of that commit, from 0
	ID      string    `json:"id,omitempty"`  // "": a heartbeat, which has none
	Type    string    `json:"type"`
	V       int       `json:"v"`
	User    string    `json:"user,omitempty"` // "": an erasure
	Session string    `json:"session,omitempty"`
	At      time.Time `json:"at,omitzero"` // when a node accepted it
	Actor   string    `json:"actor"`

	Device  string `json:"device,omitempty"`  // login
	Client  string `json:"client,omitempty"`  // login
	All     bool   `json:"all,omitempty"`     // logout: every session
	Idle    bool   `json:"idle,omitempty"`    // heartbeat, online
	Every   uint16 `json:"every,omitempty"`   // heartbeat: seconds
	Leaving bool   `json:"leaving,omitempty"` // heartbeat

	Change string    `json:"change,omitempty"` // override: set, cleared or expired
	Status Status    `json:"status,omitempty"` // override
	Reason string    `json:"reason,omitempty"` // override
	Until  time.Time `json:"until,omitzero"`   // override; zero: until cleared

	Cause    string    `json:"cause,omitempty"`    // offline: timeout or left
	LastSeen time.Time `json:"last_seen,omitzero"` // offline
	Judged   uint64    `json:"judged,omitempty"`   // offline, override

	Since time.Time `json:"since,omitzero"`  // online: when the heartbeat was accepted that it witnesses
	By    uint64    `json:"by,omitempty"`    // online: the sequence of that heartbeat
	Voids uint64    `json:"voids,omitempty"` // online

	JudgedNth uint32 `json:"judged_nth,omitempty"` // which entry of its commit Judged, By and Voids mean
	ByNth     uint32 `json:"by_nth,omitempty"`
	VoidsNth  uint32 `json:"voids_nth,omitempty"`

	Hash string `json:"hash,omitempty"` // erased
	Salt string `json:"salt,omitempty"` // erased

	// Undecodable says that the node cannot read the event. Then Seq, Nth, User where that can be told, Error and Data,
	// its first kilobyte, are all there is. Commit says that it is a whole commit.
	Undecodable bool   `json:"undecodable,omitempty"`
	Commit      bool   `json:"commit,omitempty"`
	Error       string `json:"error,omitempty"`
	Data        []byte `json:"data,omitempty"`

	// Raw is the event as the node sent it, with what this client does not know.
	Raw json.RawMessage `json:"-"`
}

// Place is where the event is in the log, as AuditQuery.After takes it.
func (e *Event) Place() string { return fmt.Sprintf("%d.%d", e.Seq, e.Nth) }

// AuditQuery says which events are wanted. The zero value wants all but the heartbeats.
type AuditQuery struct {
	User       string    // "": of everybody
	Types      []string  // login, heartbeat, logout, override, offline, online, erased; none: all
	From, To   time.Time // accepted in [From, To); zero: no bound
	After      string    // only events after this place: a sequence, "1234", or an entry of its commit, "1234.17"
	Limit      int       // 1 to 1000 events; 0: all
	Heartbeats bool      // heartbeats too, while the node has them
	Follow     bool      // go on with what comes, until ctx ends
	At         MinSeq
}

func (a AuditQuery) query() url.Values {
	query := a.At.query()
	if a.User != "" {
		query.Set("user", a.User)
	}
	if len(a.Types) > 0 {
		query.Set("type", strings.Join(a.Types, ","))
	}
	putTime(query, "from", a.From)
	putTime(query, "to", a.To)
	if a.After != "" {
		query.Set("after_seq", a.After)
	}
	if a.Limit > 0 {
		query.Set("limit", strconv.Itoa(a.Limit))
	}
	if a.Heartbeats {
		query.Set("heartbeats", "true")
	}
	if a.Follow {
		query.Set("follow", "true")
	}
	return query
}

// Events yields the events of the log in its order, until the last one or an error, which ends it. A followed log ends
// with its token and with the node: ask on with After. Admins only.
func (c *Client) Events(ctx context.Context, a AuditQuery) iter.Seq2[Event, error] {
	what := call{method: http.MethodGet, path: "/v1/events", query: a.query()}
	return func(yield func(Event, error) bool) {
		for line, err := range c.lines(ctx, what) {
			if err != nil {
				yield(Event{}, err)
				return
			}
			e := Event{Raw: bytes.Clone(line)}
			if err := json.Unmarshal(line, &e); err != nil {
				yield(Event{}, fmt.Errorf("%w: %s %s: %w", ErrAnswer, what.method, what.path, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Erased is what a node answers to an erasure.
type Erased struct {
	User   string `json:"user"`
	Events int    `json:"events_erased"` // heartbeats not counted: they leave by their age
	Seq    uint64 `json:"seq"`           // of the erasure in the log
}

// Erase makes the log and all views forget a user. A Problem with CodeUnknownUser says that the log does not know him.
// If it fails otherwise it can be repeated. Admins only.
func (c *Client) Erase(ctx context.Context, user string) (e Erased, err error) {
	_, err = c.do(ctx, call{method: http.MethodDelete, path: "/v1/users/" + segment(user)}, &e)
	return e, err
}
