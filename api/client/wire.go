package client

import (
	"bytes"
	"encoding/json"
	"time"
)

// What a node answered is written again as the node wrote it: times in UTC with three digits of milliseconds, and null
// where the contract says null. The fields of each type here are those of the type that it stands for, in the order of
// the contract; a test holds them together.

// timeFormat is that of the contract.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// moment is a time of the contract; the zero time is null.
type moment time.Time

func (m moment) IsZero() bool { return time.Time(m).IsZero() }

func (m moment) MarshalJSON() ([]byte, error) {
	if m.IsZero() {
		return []byte("null"), nil
	}
	return time.Time(m).UTC().AppendFormat(nil, `"`+timeFormat+`"`), nil
}

// encode leaves <, > and & as they are: who wants them escaped encodes what comes out once more, as json.Marshal does.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	err := out.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

type presenceWire struct {
	User     string    `json:"user"`
	Status   Status    `json:"status"`
	Observed Status    `json:"observed,omitempty"`
	Since    moment    `json:"since"`
	LastSeen moment    `json:"last_seen"`
	Seq      uint64    `json:"seq"`
	Sessions []Session `json:"sessions,omitzero"`
	Override *Override `json:"override,omitempty"`
}

func (p Presence) wire() presenceWire {
	return presenceWire{User: p.User, Status: p.Status, Observed: p.Observed, Since: moment(p.Since), LastSeen: moment(p.LastSeen), Seq: p.Seq,
		Sessions: p.Sessions, Override: p.Override}
}

// MarshalJSON writes p as a node does.
func (p Presence) MarshalJSON() ([]byte, error) {
	if p.Status == StatusUnknown {
		return encode(map[string]string{"user": p.User, "status": string(p.Status)})
	}
	return encode(p.wire())
}

// MarshalJSON writes p as a node does.
func (p PresenceAt) MarshalJSON() ([]byte, error) {
	return encode(struct {
		presenceWire
		Complete bool `json:"complete"`
	}{p.wire(), p.Complete})
}

type sessionWire struct {
	Session  string `json:"session"`
	Device   string `json:"device,omitempty"`
	Since    moment `json:"since"`
	LastSeen moment `json:"last_seen"`
	Idle     bool   `json:"idle"`
}

// MarshalJSON writes s as a node does.
func (s Session) MarshalJSON() ([]byte, error) {
	return encode(sessionWire{Session: s.Session, Device: s.Device, Since: moment(s.Since), LastSeen: moment(s.LastSeen), Idle: s.Idle})
}

type overrideWire struct {
	Status Status `json:"status"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	Until  moment `json:"until,omitzero"`
}

// MarshalJSON writes o as a node does.
func (o Override) MarshalJSON() ([]byte, error) {
	return encode(overrideWire{Status: o.Status, By: o.By, Reason: o.Reason, Until: moment(o.Until)})
}

type intervalWire struct {
	Status Status `json:"status"`
	From   moment `json:"from"`
	To     moment `json:"to"`
	Cause  string `json:"cause"`
	Actor  string `json:"actor"`
	Seq    uint64 `json:"seq"`
}

// MarshalJSON writes i as a node does.
func (i Interval) MarshalJSON() ([]byte, error) {
	return encode(intervalWire{Status: i.Status, From: moment(i.From), To: moment(i.To), Cause: i.Cause, Actor: i.Actor, Seq: i.Seq})
}

type pointWire struct {
	At     moment `json:"at"`
	Online int    `json:"online"`
	Peak   int    `json:"peak"`
}

// MarshalJSON writes p as a node does.
func (p Point) MarshalJSON() ([]byte, error) {
	return encode(pointWire{At: moment(p.At), Online: p.Online, Peak: p.Peak})
}

type overdueWire struct {
	User     string `json:"user"`
	Session  string `json:"session"`
	LastSeen moment `json:"last_seen"`
	DueSince moment `json:"due_since"`
}

// MarshalJSON writes o as a node does.
func (o Overdue) MarshalJSON() ([]byte, error) {
	return encode(overdueWire{User: o.User, Session: o.Session, LastSeen: moment(o.LastSeen), DueSince: moment(o.DueSince)})
}

type changeWire struct {
	ID       string `json:"id"`
	User     string `json:"user"`
	Status   Status `json:"status"`
	Observed Status `json:"observed"`
	Since    moment `json:"since"`
	LastSeen moment `json:"last_seen"`
	From     Status `json:"from"`
	Cause    string `json:"cause"`
	Actor    string `json:"actor,omitempty"`
	Seq      uint64 `json:"seq"`
}

// MarshalJSON writes c as a node does, with its ID before the rest.
func (c Change) MarshalJSON() ([]byte, error) {
	return encode(changeWire{ID: c.ID, User: c.User, Status: c.Status, Observed: c.Observed, Since: moment(c.Since), LastSeen: moment(c.LastSeen),
		From: c.From, Cause: c.Cause, Actor: c.Actor, Seq: c.Seq})
}

// MarshalJSON writes e as a node does, but for the order of its fields and what only Raw has.
func (e Event) MarshalJSON() ([]byte, error) {
	type plain Event // whose times the others hide
	return encode(struct {
		plain
		At       moment `json:"at,omitzero"`
		Until    moment `json:"until,omitzero"`
		LastSeen moment `json:"last_seen,omitzero"`
		Since    moment `json:"since,omitzero"`
	}{plain(e), moment(e.At), moment(e.Until), moment(e.LastSeen), moment(e.Since)})
}
