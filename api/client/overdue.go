package client

import (
	"context"
	"net/http"
	"time"
)

// Overdue is a session whose timeout has passed without an offline event: nobody emits them at the moment, or the one
// who does has not come to it yet.
type Overdue struct {
	User     string    `json:"user"`
	Session  string    `json:"session"`
	LastSeen time.Time `json:"last_seen"`
	DueSince time.Time `json:"due_since"`
}

// Overdue lists the sessions that are overdue. Admins only.
func (c *Client) Overdue(ctx context.Context) ([]Overdue, error) {
	var answer struct {
		Overdue []Overdue `json:"overdue"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/v1/overdue"}, &answer)
	return answer.Overdue, err
}

// EmitOverdue makes the node write down now that the overdue sessions have ended, and returns how many. Admins only.
func (c *Client) EmitOverdue(ctx context.Context) (emitted int, err error) {
	var answer struct {
		Emitted int `json:"emitted"`
	}
	_, err = c.do(ctx, call{method: http.MethodPost, path: "/v1/overdue"}, &answer)
	return answer.Emitted, err
}
