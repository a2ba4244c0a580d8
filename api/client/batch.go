package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/rollcall-dev/rollcall/events"
)

// UserHeartbeat is a heartbeat of any user, for services.
type UserHeartbeat struct {
	User    string // 1 to 128 bytes
	Session string // "": default
	Idle    bool   // there, but its user does nothing
	Every   int    // the session's own interval in seconds, 1 to 360; 0: not declared
	Leaving bool   // its page is closing
}

// Batch is what a node answers to many events at once.
type Batch struct {
	Accepted int    `json:"accepted"` // those that are in the log
	Rejected int    `json:"rejected"` // those that are not, or whose outcome is unknown
	Seq      uint64 `json:"seq"`      // where the last accepted one stands
}

// Heartbeats sends heartbeats of many users in one request, and returns once the log has acknowledged them. A bad one is
// rejected alone. Services and admins only.
func (c *Client) Heartbeats(ctx context.Context, beats []UserHeartbeat) (b Batch, err error) {
	batch := make([]events.Beat, len(beats))
	for i, beat := range beats {
		session := beat.Session
		if session == "" {
			session = events.DefaultSession
		}
		batch[i] = events.Beat{User: beat.User, Session: session, Actor: beat.User, Every: uint16(max(0, min(beat.Every, 1<<16-1))), // a wrong one is the node's to refuse
			Idle: beat.Idle, Leaving: beat.Leaving}
	}
	body := encoded{media: "application/x-protobuf", body: events.AppendBatch(nil, batch)}
	_, err = c.do(ctx, call{method: http.MethodPost, path: "/v1/heartbeats", body: body}, &b)
	return b, err
}

// UserEvent is an event of any user, for services.
type UserEvent struct {
	Type    string `json:"type"` // login, heartbeat or logout
	User    string `json:"user"`
	Session string `json:"session,omitempty"` // "": default
	All     bool   `json:"all,omitempty"`     // logout: every session ends
	Device  string `json:"device,omitempty"`  // login: what the session runs on
	Idle    bool   `json:"idle,omitempty"`    // heartbeat
	Every   int    `json:"every,omitempty"`   // heartbeat: the session's own interval in seconds
	Leaving bool   `json:"leaving,omitempty"` // heartbeat
}

// Send sends events of many users in one request, and returns once the log has acknowledged them. A bad one is rejected
// alone. Services and admins only.
func (c *Client) Send(ctx context.Context, list []UserEvent) (b Batch, err error) {
	return c.SendOnce(ctx, "", list)
}

// SendOnce is Send under a key as Login.Key is one: a repeat of the same list within two minutes adds nothing.
func (c *Client) SendOnce(ctx context.Context, key string, list []UserEvent) (b Batch, err error) {
	var lines bytes.Buffer
	out := json.NewEncoder(&lines)
	for i := range list {
		if err := out.Encode(&list[i]); err != nil {
			return b, fmt.Errorf("encoding event %d: %w", i+1, err)
		}
	}
	body := encoded{media: "application/x-ndjson", body: lines.Bytes()}
	_, err = c.do(ctx, call{method: http.MethodPost, path: "/v1/events", body: body, key: key}, &b)
	return b, err
}

// encoded is a body that is not JSON.
type encoded struct {
	media string
	body  []byte
}
