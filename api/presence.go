package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
)

// moment is a time on the wire: RFC 3339 in UTC with milliseconds, null for never.
type moment events.Millis

// MarshalJSON writes null for 0.
func (m moment) MarshalJSON() ([]byte, error) {
	if m == 0 {
		return []byte("null"), nil
	}
	return events.Millis(m).MarshalJSON()
}

// Schema describes a moment.
func (moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}

// presence is a user as others see him.
type presence struct {
	User     string        `json:"user"`
	Status   events.Status `json:"status" enum:"online,away,busy,offline" doc:"The effective one: an unexpired override, else the observed one"`
	Observed events.Status `json:"observed,omitempty" enum:"online,away,offline" doc:"What the sessions say; left out of the past where that is no longer known"`
	Since    moment        `json:"since" doc:"When status took its present value"`
	LastSeen moment        `json:"last_seen" doc:"The user's own last activity; null: never, or, of the past, no longer known"`
	Seq      uint64        `json:"seq" doc:"The last event that named him"`
	Sessions []session     `json:"sessions,omitzero" nullable:"false" doc:"The live ones; shown to the user itself, service and admin"`
	Override *override     `json:"override,omitempty" doc:"Left out where there is none; shown to the user itself, service and admin"`
	Complete *bool         `json:"complete,omitempty" doc:"Only of one user of the past: false where retention has cut what would be needed"`
}

// session is one live device, tab or connection.
type session struct {
	Session  string `json:"session"`
	Device   string `json:"device,omitempty"`
	Since    moment `json:"since"`
	LastSeen moment `json:"last_seen"`
	Idle     bool   `json:"idle"`
}

// override is an admin's status over the observed one.
type override struct {
	Status events.Status `json:"status" enum:"online,away,busy,offline"`
	By     string        `json:"by" doc:"The admin's user id"`
	Reason string        `json:"reason,omitempty"`
	Until  moment        `json:"until,omitzero" doc:"Left out where it holds until cleared"`
}

// presenceOf shows u as who may see him.
func presenceOf(u *events.User, who *auth.Principal) presence {
	p := presence{User: u.ID, Status: u.Status(), Observed: u.Observed(), Since: moment(u.Shown.Since),
		LastSeen: moment(u.LastSeen()), Seq: u.Seq}
	if !auth.Allow(who, auth.ActReadPrivate, u.ID) {
		return p
	}
	p.Sessions = make([]session, len(u.Sessions))
	for i := range u.Sessions {
		s := &u.Sessions[i]
		p.Sessions[i] = session{Session: s.ID, Device: s.Device, Since: moment(s.Since), LastSeen: moment(s.LastSeen), Idle: s.Idle}
	}
	if o := u.Override; o != nil {
		p.Override = &override{Status: o.Status, By: o.By, Reason: o.Reason, Until: moment(o.Until)}
	}
	return p
}

// maybe is a user in an answer to a query by ids: a presence object, or just his id where the log has never named him.
type maybe struct {
	known   bool
	shown   presence
	unknown unknown
}

// MarshalJSON writes the one or the other.
func (m maybe) MarshalJSON() ([]byte, error) {
	if m.known {
		return json.Marshal(m.shown)
	}
	return json.Marshal(m.unknown)
}

// Schema describes both.
func (maybe) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[presence](), true, ""), r.Schema(reflect.TypeFor[unknown](), true, ""),
	}}
}

// unknown is a user that the log has never named: that is not offline.
type unknown struct {
	User   string `json:"user"`
	Status string `json:"status" enum:"unknown"`
}
