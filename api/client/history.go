package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Interval is a stretch of time in which a user's status was one.
type Interval struct {
	Status Status    `json:"status"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`    // zero: it goes on
	Cause  string    `json:"cause"` // why it began
	Actor  string    `json:"actor"` // who made it begin
	Seq    uint64    `json:"seq"`   // the event that did
}

// HistoryQuery says which part of a user's past is wanted.
type HistoryQuery struct {
	From, To time.Time // intervals that overlap [From, To); zero: no bound
	Limit    int       // intervals a page, 1 to 1000; 0: as the node likes
	Cursor   string    // History.Next of the page before; "": the first page
	At       MinSeq
}

// History is a page of what a user has been, oldest first.
type History struct {
	User      string     `json:"user"`
	Intervals []Interval `json:"intervals"`
	// OnlineSeconds is how long the user was online from From to To, whatever the page.
	OnlineSeconds int64  `json:"online_seconds"`
	Complete      bool   `json:"complete"`       // false where retention has cut what would be needed
	Next          string `json:"next,omitempty"` // "": this is the last page
}

// History returns one page; a Problem with CodeUnknownUser for a user whom the log has never named. Admins only.
func (c *Client) History(ctx context.Context, user string, h HistoryQuery) (page History, err error) {
	query := h.At.query()
	putTime(query, "from", h.From)
	putTime(query, "to", h.To)
	if h.Limit > 0 {
		query.Set("limit", strconv.Itoa(h.Limit))
	}
	if h.Cursor != "" {
		query.Set("cursor", h.Cursor)
	}
	_, err = c.do(ctx, call{method: http.MethodGet, path: "/v1/users/" + segment(user) + "/history", query: query}, &page)
	return page, err
}

// putTime sets a parameter, to the millisecond; a zero time is left out.
func putTime(query url.Values, name string, t time.Time) {
	if !t.IsZero() {
		query.Set(name, t.UTC().Format(timeFormat))
	}
}

// PresenceAt is what a user was at a moment. Where the log does not reach back that far, Observed, Sessions and Override
// are not known, and LastSeen may not be.
type PresenceAt struct {
	Presence
	Complete bool `json:"complete"` // false where retention has cut what would be needed
}

// At returns what a user was at t; a Problem with CodeUnknownUser for one whom the log had not named by then. Admins
// only, and the user itself.
func (c *Client) At(ctx context.Context, user string, t time.Time, at MinSeq) (p PresenceAt, err error) {
	query := at.query()
	putTime(query, "at", t)
	_, err = c.do(ctx, call{method: http.MethodGet, path: "/v1/users/" + segment(user), query: query}, &p)
	return p, err
}

// PageAt is a part of a list of the past.
type PageAt struct {
	Page
	Complete bool `json:"complete"` // false where retention has cut what would be needed
}

// UsersAt returns one page of the users as they were at t. Admins only.
func (c *Client) UsersAt(ctx context.Context, t time.Time, l List) (page PageAt, err error) {
	query := l.query()
	putTime(query, "at", t)
	header, err := c.do(ctx, call{method: http.MethodGet, path: "/v1/users", query: query}, &page)
	page.Seq = seqOf(header)
	return page, err
}

// Stretch says over which time to count.
type Stretch struct {
	From, To time.Time     // zero: a day before To; now
	Step     time.Duration // 0: five minutes
	At       MinSeq
}

// Concurrency is who was online, over time.
type Concurrency struct {
	Points   []Point `json:"points"`
	Complete bool    `json:"complete"` // false where retention has cut what would be needed
}

// Point counts who was online at a moment, and at most within the step that begins then.
type Point struct {
	At     time.Time `json:"at"`
	Online int       `json:"online"`
	Peak   int       `json:"peak"`
}

// Concurrency counts over time. Admins only.
func (c *Client) Concurrency(ctx context.Context, s Stretch) (counts Concurrency, err error) {
	query := s.At.query()
	putTime(query, "from", s.From)
	putTime(query, "to", s.To)
	if s.Step > 0 {
		query.Set("step", s.Step.String())
	}
	_, err = c.do(ctx, call{method: http.MethodGet, path: "/v1/stats/concurrency", query: query}, &counts)
	return counts, err
}
