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
	Seq     uint64      `json:"seq" doc:"The sequence of its commit in the log"`
	Nth     uint32      `json:"nth,omitempty" doc:"Which entry of that commit it is, from 0"`
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
	Voids uint64 `json:"voids,omitempty" doc:"online: the offline that it undoes"`

	JudgedNth uint32 `json:"judged_nth,omitempty" doc:"Which entry of the commit judged is meant, from 0"`
	ByNth     uint32 `json:"by_nth,omitempty" doc:"Which entry of the commit by is meant, from 0"`
	VoidsNth  uint32 `json:"voids_nth,omitempty" doc:"Which entry of the commit voids is meant, from 0"`

	Hash string `json:"hash,omitempty" doc:"erased: of salt and user id"`
	Salt string `json:"salt,omitempty" doc:"erased"`
}

// undecodable is an event that this version cannot read. It changes nothing, and is not hidden.
type undecodable struct {
	Seq         uint64 `json:"seq"`
	Nth         uint32 `json:"nth,omitempty"`
	Undecodable bool   `json:"undecodable" enum:"true"`
	Commit      bool   `json:"commit,omitempty" doc:"It is a whole commit of which not even the entries can be told apart"`
	User        string `json:"user,omitempty" doc:"Who it is about, where that can be read"`
	Error       string `json:"error" doc:"Why it cannot be read"`
	Data        []byte `json:"data" doc:"Its first 1024 bytes, base64"`
}

// heartbeatLogged is one heartbeat.
type heartbeatLogged struct {
	Seq     uint64      `json:"seq"`
	Nth     uint32      `json:"nth,omitempty"`
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

// loggedOf puts r on the wire.
func loggedOf(r *journal.Record) (logged, error) {
	e := &r.Event
	switch {
	case r.Err != nil:
		data, err := json.Marshal(undecodable{Seq: r.Place.Seq, Nth: r.Place.Nth, Undecodable: true, Commit: r.Whole, User: e.User,
			Error: r.Err.Error(), Data: r.Data[:min(len(r.Data), maxShown)]})
		return data, asShown(err)
	case e.Type == events.Heartbeat:
		data, err := json.Marshal(heartbeatLogged{Seq: r.Place.Seq, Nth: r.Place.Nth, Type: e.Type, V: e.V, User: e.User, Session: e.Session,
			At: moment(e.At), Actor: e.Actor, Idle: e.Idle, Every: e.Every, Leaving: e.Leaving})
		return data, asShown(err)
	}
	// The stored JSON keeps fields that this version does not know. What does not
	// fit on a line as it is, or says itself where it is, is encoded again.
	data := r.Data
	if len(data) < 2 || data[0] != '{' || bytes.ContainsAny(data, "\r\n") || bytes.Contains(data, []byte(`"seq"`)) ||
		bytes.Contains(data, []byte(`"nth"`)) || !utf8.Valid(data) {
		var err error
		if data, err = events.Encode(e); err != nil {
			return nil, asShown(err)
		}
	}
	out := make([]byte, 0, len(data)+48)
	out = append(out, `{"seq":`...)
	out = strconv.AppendUint(out, r.Place.Seq, 10)
	if r.Place.Nth != 0 {
		out = append(out, `,"nth":`...)
		out = strconv.AppendUint(out, uint64(r.Place.Nth), 10)
	}
	out = append(out, ',')
	return append(out, data[1:]...), nil
}

// asShown says what an error means for who shows the log.
func asShown(err error) error {
	if err != nil {
		return fmt.Errorf("showing an event: %w", err)
	}
	return nil
}
