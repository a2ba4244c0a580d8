package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
)

// maxShown is how many bytes of an event that cannot be decoded are shown.
const maxShown = 1 << 10

// logged is an event as the log has it, in JSON, with its sequence before it.
type logged []byte

// MarshalJSON gives the event.
func (l logged) MarshalJSON() ([]byte, error) { return l, nil }

// Schema describes what there can be.
func (logged) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[loggedEvent](), true, ""), r.Schema(reflect.TypeFor[undecodable](), true, ""),
	}}
}

// loggedEvent tells the document what events.Event looks like on the wire.
type loggedEvent struct {
	Seq     uint64      `json:"seq" doc:"Where it stands in the log"`
	ID      string      `json:"id,omitempty" doc:"Left out of heartbeats, which have none"`
	Type    events.Type `json:"type" enum:"login,heartbeat,logout,override,offline,online,erased"`
	V       int         `json:"v" doc:"The version of its form"`
	User    string      `json:"user,omitempty" doc:"Left out of an erasure"`
	Session string      `json:"session,omitempty"`
	At      moment      `json:"at" doc:"When a node accepted it"`
	Actor   string      `json:"actor" doc:"Who sent it, as the token said; rollcall: the service itself"`

	Device  string `json:"device,omitempty" doc:"login"`
	Client  string `json:"client,omitempty" doc:"login: the address that it came from"`
	All     bool   `json:"all,omitempty" doc:"logout: every session"`
	Idle    bool   `json:"idle,omitempty" doc:"heartbeat, online"`
	Every   uint16 `json:"every,omitempty" doc:"heartbeat: the client's interval in seconds"`
	Leaving bool   `json:"leaving,omitempty" doc:"heartbeat: its page was closing"`

	Change events.OverrideChange `json:"change,omitempty" enum:"set,cleared,expired" doc:"override"`
	Status events.Status         `json:"status,omitempty" enum:"online,away,busy,offline" doc:"override"`
	Reason string                `json:"reason,omitempty" doc:"override"`
	Until  moment                `json:"until,omitempty" doc:"override: left out where it held until cleared"`

	Cause    events.Cause `json:"cause,omitempty" enum:"timeout,left" doc:"offline"`
	LastSeen moment       `json:"last_seen,omitempty" doc:"offline"`
	Judged   uint64       `json:"judged,omitempty" doc:"offline: the session's last sign of life; override: the one that ran out"`

	Since moment `json:"since,omitempty" doc:"online: when the heartbeat was accepted that it witnesses"`
	By    uint64 `json:"by,omitempty" doc:"online: the sequence of that heartbeat"`
	Nth   uint32 `json:"nth,omitempty" doc:"Which heartbeat of those that share a sequence, from 0"`
	Voids uint64 `json:"voids,omitempty" doc:"online: the offline that it undoes"`

	Hash string `json:"hash,omitempty" doc:"erased: of salt and user id"`
	Salt string `json:"salt,omitempty" doc:"erased"`
}

// undecodable is an event that this version cannot read. It changes nothing, and is not hidden.
type undecodable struct {
	Seq         uint64 `json:"seq"`
	Undecodable bool   `json:"undecodable" enum:"true"`
	Subject     string `json:"subject" doc:"Where it was put"`
	Error       string `json:"error" doc:"Why it cannot be read"`
	Data        []byte `json:"data" doc:"Its first 1024 bytes, base64"`
}

// heartbeatLogged is one heartbeat of a batch.
type heartbeatLogged struct {
	Seq     uint64      `json:"seq"`
	Nth     uint32      `json:"nth"`
	Type    events.Type `json:"type"`
	V       int         `json:"v"`
	User    string      `json:"user"`
	Session string      `json:"session"`
	At      moment      `json:"at"`
	Actor   string      `json:"actor"`
	Idle    bool        `json:"idle,omitempty"`
	Every   uint16      `json:"every,omitempty"`
	Leaving bool        `json:"leaving,omitempty"`
}

// unfolding turns messages of the log into events on the wire. It is for one goroutine.
type unfolding struct {
	user     string        // heartbeats of others are left out; "": nobody's are
	from, to events.Millis // events accepted before from, or at to or later, are left out; 0: no bound
	batch    events.Batch
}

func (u *unfolding) wants(at events.Millis) bool { return at >= u.from && (u.to == 0 || at < u.to) }

// each calls fn with what m holds.
func (u *unfolding) each(m *journal.Message, fn func(logged) error) error {
	if m.Subject == events.HeartbeatSubject {
		return u.heartbeats(m, fn)
	}
	e, err := projections.Decode(m)
	if err != nil {
		return u.unreadable(m, err, fn)
	}
	if !u.wants(e.At) {
		return nil
	}
	data, err := loggedOf(m, &e)
	if err != nil {
		return err
	}
	return fn(data)
}

// loggedOf puts the sequence before the stored JSON, which keeps fields that this version does not know. What does not
// fit on a line as it is, or says seq itself, is written anew.
func loggedOf(m *journal.Message, e *events.Event) (logged, error) {
	data := m.Data
	if len(data) < 2 || data[0] != '{' || bytes.ContainsAny(data, "\r\n") || bytes.Contains(data, []byte(`"seq"`)) || !utf8.Valid(data) {
		var err error
		if data, err = events.Encode(e); err != nil {
			return nil, fmt.Errorf("showing an event: %w", err)
		}
	}
	out := make([]byte, 0, len(data)+32)
	out = append(out, `{"seq":`...)
	out = strconv.AppendUint(out, m.Seq, 10)
	out = append(out, ',')
	return append(out, data[1:]...), nil
}

func (u *unfolding) heartbeats(m *journal.Message, fn func(logged) error) error {
	if err := u.batch.Decode(m.Data); err != nil {
		if u.user != "" {
			return nil // whose it was nobody can tell
		}
		return u.unreadable(m, err, fn)
	}
	for i := range u.batch.Beats {
		raw := &u.batch.Beats[i]
		if u.user != "" && string(raw.User) != u.user || !u.wants(raw.At) {
			continue
		}
		e := raw.Beat().Event()
		data, err := json.Marshal(heartbeatLogged{Seq: m.Seq, Nth: uint32(i), Type: e.Type, V: e.V, User: e.User, Session: e.Session,
			At: moment(e.At), Actor: e.Actor, Idle: e.Idle, Every: e.Every, Leaving: e.Leaving})
		if err != nil {
			return fmt.Errorf("showing a heartbeat: %w", err)
		}
		if err := fn(data); err != nil {
			return err
		}
	}
	return nil
}

// unreadable shows what cannot be decoded; of its time nothing is known but when the broker took it.
func (u *unfolding) unreadable(m *journal.Message, why error, fn func(logged) error) error {
	if !u.wants(m.Time) {
		return nil
	}
	data, err := json.Marshal(undecodable{Seq: m.Seq, Undecodable: true, Subject: m.Subject, Error: why.Error(), Data: m.Data[:min(len(m.Data), maxShown)]})
	if err != nil {
		return fmt.Errorf("showing an event: %w", err)
	}
	return fn(data)
}
