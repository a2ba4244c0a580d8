package api

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/events"
)

// maxDevice bounds what is kept of the name of a device, in bytes.
const maxDevice = 256

type loginRequest struct {
	Session *string `json:"session,omitempty" doc:"The session that begins; else the header Rollcall-Session, else the claim sid, else default" minLength:"1" maxLength:"128"`
	Device  string  `json:"device,omitempty" doc:"What the session runs on, for people; what is beyond 256 bytes is cut off"`
}

type loginAnswer struct {
	User      string `json:"user"`
	Session   string `json:"session"`
	Seq       uint64 `json:"seq" doc:"Where the login stands in the log"`
	Heartbeat int    `json:"heartbeat_seconds" doc:"Send a heartbeat this often"`
	Timeout   int    `json:"timeout_seconds" doc:"The silence after which the session ends"`
}

// login begins a session of the caller.
func (a *API) login(q request, in *loginRequest) (*loginAnswer, error) {
	session, err := sessionOf(q.r, q.who.Session, in.Session)
	if err != nil {
		return nil, err
	}
	device, err := deviceOf(in.Device)
	if err != nil {
		return nil, err
	}
	e := events.Event{Type: events.Login, User: q.who.User, Session: session, Device: device}
	seq, err := a.append(q, e, session, in.Device)
	if err != nil {
		return nil, err
	}
	return &loginAnswer{User: q.who.User, Session: session, Seq: seq,
		Heartbeat: int(a.cfg.Heartbeat.Seconds()), Timeout: int(a.cfg.Timeout.Seconds())}, nil
}

// append writes e, said by who asks, now, under the request's key if it has one, and tells the client its sequence.
// asked is what the client said.
func (a *API) append(q request, e events.Event, asked ...any) (uint64, error) {
	key, err := q.key(asked...)
	if err != nil {
		return 0, err
	}
	e.Actor = q.who.User
	if e.At == 0 {
		e.At = q.at
	}
	e.Client = a.clientAddress(q, &e)
	at, known, err := a.known(key)
	if !known && err == nil && mayBegin(&e) {
		err = a.room(q.r.Context(), e.User, e.Session, nil)
	}
	if !known && err == nil {
		if at, err = a.cfg.Log.Append(q.r.Context(), e, key); err == nil {
			at, err = a.judged(q.r.Context(), key, at)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("appending a %s: %w", e.Type, err)
	}
	q.seq(at.Seq)
	return at.Seq, nil
}

// mayBegin says whether e begins its session, if that is not live.
func mayBegin(e *events.Event) bool {
	return e.Type == events.Login || e.Type == events.Heartbeat && !e.Leaving
}

// clientAddress returns the address that e came from, without its port, where logins are to record it. Of a service
// that speaks for somebody else the address says nothing.
func (a *API) clientAddress(q request, e *events.Event) string {
	if !a.cfg.ClientAddress || e.Type != events.Login || e.User != q.who.User {
		return ""
	}
	host, _, err := net.SplitHostPort(q.r.RemoteAddr)
	if err != nil {
		return q.r.RemoteAddr
	}
	return host
}

type heartbeatRequest struct {
	Session *string  `json:"session,omitempty" doc:"The session that is still there; else the header Rollcall-Session, else the claim sid, else default" minLength:"1" maxLength:"128"`
	Idle    bool     `json:"idle,omitempty" doc:"Its person has not touched it for a while"`
	Every   interval `json:"every,omitempty" doc:"The client's own interval in seconds"`
	Leaving bool     `json:"leaving,omitempty" doc:"Its page is closing: offline in 15 s unless another beat comes; a hint, not a logout"`
}

// heartbeat says that a session of the caller is still there. It is the call that comes every thirty seconds from
// everybody, so it takes a straight way and, without a body, allocates next to nothing.
func (a *API) heartbeat(q request) (int, error) {
	beat, err := beatOf(q)
	if err != nil {
		return 0, err
	}
	seq, err := a.beatOnce(q.r.Context(), beat)
	if err != nil {
		return 0, fmt.Errorf("appending a heartbeat: %w", err)
	}
	q.seq(seq)
	h := q.w.Header()
	h["Rollcall-Heartbeat"] = a.headers.heartbeat
	h["Rollcall-Timeout"] = a.headers.timeout
	secure(h)
	q.w.WriteHeader(http.StatusNoContent)
	return http.StatusNoContent, nil
}

// beatOnce appends one heartbeat, and makes room for the session that it may begin.
func (a *API) beatOnce(ctx context.Context, b events.Beat) (seq uint64, err error) {
	if !b.Leaving { // which begins nothing
		if err := a.room(ctx, b.User, b.Session, nil); err != nil {
			return 0, err
		}
	}
	return a.cfg.Log.Beat(ctx, b)
}

// beatOf reads the heartbeat that q brings.
func beatOf(q request) (events.Beat, error) {
	beat := events.Beat{User: q.who.User, Actor: q.who.User, At: q.at}
	var err error
	if q.r.ContentLength == 0 {
		beat.Session, err = sessionOf(q.r, q.who.Session, nil)
		return beat, err
	}
	in := new(heartbeatRequest)
	if _, err = readJSON(q.w, q.r, in); err != nil {
		return beat, err
	}
	beat.Idle, beat.Every, beat.Leaving = in.Idle, uint16(in.Every), in.Leaving
	beat.Session, err = sessionOf(q.r, q.who.Session, in.Session)
	return beat, err
}

type logoutRequest struct {
	Session *string `json:"session,omitempty" doc:"The session that ends; else the header Rollcall-Session, else the claim sid, else default" minLength:"1" maxLength:"128"`
	All     bool    `json:"all,omitempty" doc:"Every session of the user ends"`
}

type logoutAnswer struct {
	User string `json:"user"`
	Seq  uint64 `json:"seq" doc:"Where the logout stands in the log"`
}

// logout ends a session of the caller, or all of them.
func (a *API) logout(q request, in *logoutRequest) (*logoutAnswer, error) {
	e := events.Event{Type: events.Logout, User: q.who.User, All: in.All, At: a.endOf(q.who.User, q.at)}
	switch {
	case in.All && in.Session != nil:
		return nil, invalidSession.at("body.session", "give either a session or all")
	case !in.All:
		session, err := sessionOf(q.r, q.who.Session, in.Session)
		if err != nil {
			return nil, err
		}
		e.Session = session
	}
	seq, err := a.append(q, e, e.Session, e.All)
	if err != nil {
		return nil, err
	}
	return &logoutAnswer{User: e.User, Seq: seq}, nil
}

// endOf returns the time of a logout at now: not before the user's last sign of life, so that last seen never runs
// backwards where the clocks of two nodes disagree. Where the view cannot say, now has to do.
func (a *API) endOf(user string, now events.Millis) events.Millis {
	if u, known, err := a.cfg.View.User(user); err == nil && known {
		return max(now, u.LastSeen())
	}
	return now
}

// sessionOf returns the session that a request is about: the one that its body names, else the header's, else the
// token's, else the default.
func sessionOf(r *http.Request, claim string, named *string) (string, error) {
	if named != nil {
		return validSession(*named, "body.session")
	}
	if values := r.Header["Rollcall-Session"]; len(values) > 0 {
		if len(values) > 1 {
			return "", invalidSession.at("header.Rollcall-Session", "this header comes twice")
		}
		return validSession(values[0], "header.Rollcall-Session")
	}
	if claim != "" {
		return claim, nil
	}
	return events.DefaultSession, nil
}

func validSession(id, location string) (string, error) {
	if err := events.ValidID(id); err != nil {
		return "", invalidSession.at(location, err.Error())
	}
	return id, nil
}

// deviceOf returns the name of a device, cut to maxDevice at a character: browsers
// within applications have names that are longer, and that is no reason to refuse
// a login.
func deviceOf(name string) (string, error) {
	if hasControl(name) {
		return "", invalidDevice.at("body.device", "no control characters")
	}
	if len(name) <= maxDevice {
		return name, nil
	}
	end := maxDevice
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end], nil
}

func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.IndexFunc(s, unicode.IsControl) >= 0
}

// interval is a client's own heartbeat interval in seconds; 0: it declares none.
type interval uint16

// maxInterval is the longest that a client may declare.
const maxInterval = 360

// UnmarshalJSON takes a whole number from 1 to maxInterval.
func (i *interval) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	n, err := strconv.ParseUint(string(data), 10, 16)
	if err != nil || n < 1 || n > maxInterval {
		return invalidInterval.at("body.every", "a whole number of seconds from 1 to 360")
	}
	*i = interval(n)
	return nil
}
