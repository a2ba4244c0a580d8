package client

import (
	"context"
	"net/http"
	"time"
)

// SetOverride puts a status over the observed one. At most one of Until and For may be given; without both it holds
// until it is cleared.
type SetOverride struct {
	Status Status        // one of the four
	Reason string        // "": none
	Until  time.Time     // zero: not given
	For    time.Duration // zero: not given
	Key    string        // as Login.Key
}

// wire is the body of the contract.
func (o SetOverride) wire() any {
	body := struct {
		Status Status `json:"status"`
		Reason string `json:"reason,omitempty"`
		Until  string `json:"until,omitempty"`
		For    string `json:"for,omitempty"`
	}{Status: o.Status, Reason: o.Reason}
	if !o.Until.IsZero() {
		body.Until = o.Until.UTC().Format(time.RFC3339Nano) // a year that cannot be is the node's to refuse
	}
	if o.For != 0 {
		body.For = o.For.String()
	}
	return body
}

// SetOverride returns the user's presence with the override in force. Admins only.
func (c *Client) SetOverride(ctx context.Context, user string, o SetOverride) (p Presence, err error) {
	_, err = c.do(ctx, call{method: http.MethodPut, path: overrideOf(user), body: o.wire(), key: o.Key}, &p)
	return p, err
}

// ClearOverride returns the user's presence without the override; a Problem with CodeNoOverride where there was none.
// Admins only.
func (c *Client) ClearOverride(ctx context.Context, user string) (p Presence, err error) {
	_, err = c.do(ctx, call{method: http.MethodDelete, path: overrideOf(user)}, &p)
	return p, err
}

func overrideOf(user string) string { return "/v1/users/" + segment(user) + "/override" }
