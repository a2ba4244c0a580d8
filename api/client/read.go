package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// MinSeq makes a read wait until the view has reached seq, as a write answered it: at most 5 s, then the read fails
// with view_behind. 0, the zero value, waits for nothing.
type MinSeq uint64

func (m MinSeq) query() url.Values {
	if m == 0 {
		return url.Values{}
	}
	return url.Values{"min_seq": {strconv.FormatUint(uint64(m), 10)}}
}

// Me returns the presence of the token's own user.
func (c *Client) Me(ctx context.Context, at MinSeq) (p Presence, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: "/v1/me", query: at.query()}, &p)
	return p, err
}

// Status returns the presence of a user; a Problem with CodeUnknownUser for one whom the log has never named.
func (c *Client) Status(ctx context.Context, user string, at MinSeq) (p Presence, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: "/v1/users/" + segment(user), query: at.query()}, &p)
	return p, err
}

// Query returns the presence of up to 1000 users in the order asked; an unknown one has StatusUnknown.
func (c *Client) Query(ctx context.Context, users []string, at MinSeq) ([]Presence, error) {
	var answer struct {
		Users []Presence `json:"users"`
	}
	_, err := c.do(ctx, call{
		method: http.MethodPost, path: "/v1/users/query", query: at.query(),
		body: map[string][]string{"users": users},
	}, &answer)
	return answer.Users, err
}

// Stats returns counts over all users.
func (c *Client) Stats(ctx context.Context, at MinSeq) (s Stats, err error) {
	_, err = c.do(ctx, call{method: http.MethodGet, path: "/v1/stats", query: at.query()}, &s)
	return s, err
}

// List says which users to list.
type List struct {
	Status Status // "": all
	Limit  int    // users a page, 1 to 1000; 0: as the node likes
	Cursor string // Page.Next of the page before; "": the first page
	At     MinSeq
}

// Page is a part of a list, in the order of user ids.
type Page struct {
	Users []Presence `json:"users"`
	Total int        `json:"total"`          // of all pages
	Next  string     `json:"next,omitempty"` // "": this is the last page
	Seq   uint64     `json:"-"`              // where the view stood
}

func (l List) query() url.Values {
	query := l.At.query()
	if l.Status != "" {
		query.Set("status", string(l.Status))
	}
	if l.Limit > 0 {
		query.Set("limit", strconv.Itoa(l.Limit))
	}
	if l.Cursor != "" {
		query.Set("cursor", l.Cursor)
	}
	return query
}

// Users returns one page.
func (c *Client) Users(ctx context.Context, l List) (page Page, err error) {
	header, err := c.do(ctx, call{method: http.MethodGet, path: "/v1/users", query: l.query()}, &page)
	page.Seq = seqOf(header)
	return page, err
}

// Pages yields page after page from l on, until the last one or an error, which ends it.
func (c *Client) Pages(ctx context.Context, l List) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for {
			page, err := c.Users(ctx, l)
			if !yield(page, err) || err != nil || page.Next == "" {
				return
			}
			l.Cursor = page.Next
		}
	}
}
