package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
)

type eventRequest struct {
	Type    events.Type `json:"type" enum:"login,heartbeat,logout"`
	User    string      `json:"user" minLength:"1" maxLength:"128"`
	Session *string     `json:"session,omitempty" doc:"Else the header Rollcall-Session, else, for the caller itself, the claim sid, else default" minLength:"1" maxLength:"128"`
	All     bool        `json:"all,omitempty" doc:"logout: every session of the user ends"`
	Device  string      `json:"device,omitempty" doc:"login: what the session runs on; what is beyond 256 bytes is cut off"`
	Idle    bool        `json:"idle,omitempty" doc:"heartbeat: its person has not touched it for a while"`
	Every   interval    `json:"every,omitempty" doc:"heartbeat: the client's own interval in seconds"`
	Leaving bool        `json:"leaving,omitempty" doc:"heartbeat: its page is closing"`
}

// eventLines and heartbeatBatch stand for bodies that are no JSON value.
type (
	eventLines     string
	heartbeatBatch []byte
)

// Schema describes lines of events.
func (eventLines) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Description: "One EventRequest a line."}
}

// Schema describes a batch.
func (heartbeatBatch) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "A rollcall.presence.v1.HeartbeatBatch."}
}

func streamOfEvents() endpoint {
	return endpoint{serve: (*API).events, needed: true, offers: []string{typeJSON},
		body:    contents{typeJSON: reflect.TypeFor[eventRequest](), typeNDJSON: reflect.TypeFor[eventLines]()},
		answers: map[int]contents{202: carry[eventAnswer](typeJSON), 200: carry[linesAnswer](typeJSON)}}
}

type eventAnswer struct {
	Seq uint64 `json:"seq" doc:"Where the event stands in the log"`
}

// events takes one event, or a stream of them, by the content type.
func (a *API) events(q request) (int, error) {
	media, err := mediaType(q.r)
	if err != nil {
		return 0, err
	}
	switch media {
	case typeJSON:
		return oneEvent.serve(a, q)
	case typeNDJSON:
		return a.lines(q)
	}
	return 0, wrongMedia(media, typeJSON, typeNDJSON)
}

var oneEvent = call(http.StatusAccepted, (*API).event)

// event appends one event of any user.
func (a *API) event(q request, in *eventRequest) (*eventAnswer, error) {
	e, err := a.eventOf(q, in)
	if err != nil {
		return nil, err
	}
	seq, err := a.append(q, e, in, e.Session)
	if err != nil {
		return nil, err
	}
	return &eventAnswer{Seq: seq}, nil
}

// eventOf checks what a client says about a user, and whether it may.
func (a *API) eventOf(q request, in *eventRequest) (events.Event, error) {
	e := events.Event{Type: in.Type, User: in.User, At: q.at, Actor: q.who.User,
		Idle: in.Idle, Every: uint16(in.Every), Leaving: in.Leaving}
	switch in.Type {
	case events.Login, events.Heartbeat, events.Logout:
	default:
		return e, invalidType.at("body.type", "login, heartbeat or logout")
	}
	if err := events.ValidID(in.User); err != nil {
		return e, invalidUser.at("body.user", err.Error())
	}
	if err := q.mayWrite(in.User); err != nil {
		return e, err
	}
	var err error
	if e.Device, err = deviceOf(in.Device); err != nil {
		return e, err
	}
	if in.Type == events.Logout {
		e.At = a.endOf(in.User, q.at)
	}
	if in.All {
		if in.Type != events.Logout || in.Session != nil {
			return e, invalidSession.at("body.all", "only with a logout that names no session")
		}
		e.All = true
		return e, nil
	}
	claim := ""
	if in.User == q.who.User {
		claim = q.who.Session
	}
	session, err := sessionOf(q.r, claim, in.Session)
	if err != nil {
		return e, err
	}
	e.Session = session
	return e, nil
}

// mayWrite returns errNotAllowed unless who asks may send events of user.
func (q request) mayWrite(user string) error {
	if auth.Allow(q.who, auth.ActWriteAny, user) {
		return nil
	}
	return q.may(auth.ActWriteSelf, user)
}

// lines takes a stream of events, one a line. A bad line is rejected alone. When the log fails, what has been accepted
// is told; where that is nothing, the failure is the answer.
func (a *API) lines(q request) (int, error) {
	key, err := q.idempotencyKey()
	if err != nil {
		return 0, err
	}
	if q.r.ContentLength > maxStream {
		return 0, errTooLarge
	}
	end, err := a.upload(q)
	if err != nil {
		return 0, err
	}
	defer end()
	in := newIntake(context.WithoutCancel(q.r.Context()), a) // a body that does not come to its end ends that context
	body, done := a.stream(q, maxStream)
	defer done()
	lines := newLineReader(body)
	for n := 1; !in.over(); n++ {
		if lines.waits() {
			in.flush() // what has come is not to wait for what comes
		}
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		a.line(q, in, key, n, line, err)
	}
	if err := q.finish(in); err != nil {
		return 0, err
	}
	q.seq(in.report.Seq)
	return http.StatusOK, writeJSON(q.w, http.StatusOK, in.report)
}

// mostRefused is how many lines over the rate of writes a stream may have: one that goes on is over.
const mostRefused = 1000

// paid counts line n of a stream as a write, before there is any other work with it. Where there are too many it refuses
// the line, and says so.
func (a *API) paid(q request, in *intake, n int) bool {
	if n == 1 { // the request itself has paid for its first line
		return true
	}
	err := a.limit(q.who)
	if err == nil {
		return true
	}
	if in.refused++; in.refused > mostRefused {
		in.flush() // what was taken before stays taken
		in.end(n, err)
	} else {
		in.reject(n, err)
	}
	return false
}

// line takes line n of a stream, which could be read or not.
func (a *API) line(q request, in *intake, key string, n int, line []byte, err error) {
	switch {
	case errors.Is(err, errLongLine):
		in.reject(n, errTooLarge)
		return
	case err != nil:
		in.stop(n, asReadFault(err))
		return
	case len(bytes.TrimSpace(line)) == 0:
		return
	}
	q.at = events.MillisOf(a.cfg.Now()) // not when the request began, which may be long ago
	if !a.paid(q, in, n) {
		return
	}
	body := new(eventRequest)
	if err := decode(line, body); err != nil {
		in.reject(n, err)
		return
	}
	e, err := a.eventOf(q, body)
	if err != nil {
		in.reject(n, err)
		return
	}
	e.Client = a.clientAddress(q, &e)
	k, err := q.lineKey(key, n, body, e.Session)
	if err != nil {
		in.reject(n, err)
		return
	}
	in.submit(n, e, k)
}
