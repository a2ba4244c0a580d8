package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
)

// errDraining: Drain was called.
var errDraining = errors.New("the node is shutting down")

// meanings is the one table from an error to a problem. The first that fits counts; what fits none is internal.
var meanings = []struct {
	err    error
	code   code
	detail string
}{
	{auth.ErrMissing, missingToken, "Send the header Authorization: Bearer <token>."},
	{auth.ErrExpired, expiredToken, "Get a new token and try again."},
	{auth.ErrInvalid, invalidToken, "The token was refused."},
	{auth.ErrUnavailable, authUnavailable, "The keys that tokens are checked with have not been loaded."},

	{journal.ErrConflict, idempotencyConflict, "This Idempotency-Key came with another request less than two minutes ago."},
	{journal.ErrFull, logFull, "The log has no room; nothing was stored."},
	{journal.ErrSlow, logSlow, "The log did not acknowledge in time, so the outcome is unknown. Retry with the same Idempotency-Key."},
	{journal.ErrOverloaded, logUnavailable, "Too many events are waiting for the log; nothing was stored."},
	{journal.ErrTooLarge, logUnavailable, "The log takes no message of that size; nothing was stored."},
	{journal.ErrRefused, logUnavailable, "The log is not set up for it; nothing was stored."},
	{journal.ErrUnavailable, logUnavailable, "The log cannot be reached; nothing was stored."},
	{journal.ErrMissing, logUnavailable, "The log is not there; nothing was stored."},
	{journal.ErrTooLarge, logUnavailable, "The log takes no messages of that size; nothing was stored."},
	{journal.ErrMismatch, logUnavailable, "The log is not set up as it should be; nothing was stored."},
	{journal.ErrClosed, shuttingDown, "This node takes no more events; another one does."},
	{journal.ErrGone, notFound, "That part of the log is no longer kept."},
	{errDraining, shuttingDown, "This node takes no more events; another one does."},

	{projections.ErrBehind, viewBehind, "The view did not reach the sequence in time; what was written before is stored."},

	// An event that the log refuses is stored nowhere. These come last: an error that wraps a journal's as well is that.
	{events.ErrInvalidID, invalidUser, "An id is 1 to 128 bytes of UTF-8 without control characters."},
	{events.ErrUnknownType, invalidType, "The type is login, heartbeat or logout."},
	{events.ErrNewerVersion, malformedBody, "The event is of a newer version."},
	{events.ErrMalformed, malformedBody, "The event is not complete."},

	// The client has gone, or its time is over, while the log was at it.
	{context.Canceled, logSlow, "The request ended before the log acknowledged, so the outcome is unknown."},
	{context.DeadlineExceeded, logSlow, "The request ended before the log acknowledged, so the outcome is unknown."},
}

// faultError is an error that says itself which problem it is.
type faultError struct {
	code   code
	detail string // a sentence for the client
	errors []violation
	retry  int // seconds of Retry-After; 0: as the kind says
}

func (f *faultError) Error() string { return string(f.code) + ": " + f.detail }

// fault returns an error that becomes the problem of code c.
func fault(c code, detail string) *faultError { return &faultError{code: c, detail: detail} }

// at returns an error that becomes the problem of code c and points to where in the request it lies.
func (c code) at(location, message string) *faultError {
	return &faultError{code: c, detail: kinds[c].title + ".", errors: []violation{{location, message}}}
}

// asFault finds out which problem err is. For an error that nobody foresaw, known is false.
func asFault(err error) (f *faultError, known bool) {
	if errors.As(err, &f) {
		return f, true
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errTooLarge, true
	}
	for _, m := range meanings {
		if errors.Is(err, m.err) {
			return fault(m.code, m.detail), true
		}
	}
	return fault(internal, "The request failed for a reason that lies in the service, not in the request."), false
}

// problem is an error on the wire, as RFC 9457 has it.
type problem struct {
	Type   string      `json:"type" doc:"/problems/ and the code" example:"/problems/invalid_session"`
	Title  string      `json:"title" doc:"What all problems of this code have in common"`
	Status int         `json:"status" doc:"The HTTP status" minimum:"400" maximum:"599"`
	Code   code        `json:"code" doc:"Names the kind of problem; this is what a program looks at"`
	Detail string      `json:"detail" doc:"What happened this time, for a person"`
	Errors []violation `json:"errors,omitempty" nullable:"false" doc:"Where in the request it lies"`
}

// violation points to a part of a request.
type violation struct {
	Location string `json:"location" doc:"Such as body.session, query.limit or header.Idempotency-Key"`
	Message  string `json:"message" doc:"What is wrong there"`
}

// fail answers with the problem that err is, and returns its status. An error that nobody foresaw is logged; the client
// is told nothing of it.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) int {
	f, known := asFault(err)
	if !known {
		a.cfg.Logger.Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	k := kinds[f.code]
	h := w.Header()
	switch f.code {
	case missingToken:
		h.Set("WWW-Authenticate", "Bearer")
	case invalidToken, expiredToken:
		h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	if retry := max(f.retry, k.retry); retry > 0 {
		h.Set("Retry-After", strconv.Itoa(retry))
	}
	h.Set("Content-Type", typeProblem)
	h.Del("Content-Encoding")
	secure(h)
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false) // it is for people, who may see it as it comes
	if err := encoder.Encode(problem{Type: "/problems/" + string(f.code), Title: k.title, Status: k.status,
		Code: f.code, Detail: f.detail, Errors: f.errors}); err != nil {
		a.cfg.Logger.Error("a problem could not be encoded", "error", err)
	}
	w.WriteHeader(k.status)
	write(w, data.Bytes())
	return k.status
}

// notHere answers for paths that no route has.
func (a *API) notHere(w http.ResponseWriter, r *http.Request) {
	a.pace.keep(r.Context(), 1)
	a.metrics.unrouted.observe(a.fail(w, r, fault(notFound, "No call has this path.")), 0)
}

// wrongMethod answers for paths that a route has, with another method.
func (a *API) wrongMethod(w http.ResponseWriter, r *http.Request) {
	a.pace.keep(r.Context(), 1)
	w.Header().Set("Allow", a.allowed(r))
	a.metrics.unrouted.observe(a.fail(w, r, fault(methodNotAllowed, "This path takes other methods; see the header Allow.")), 0)
}

// asReadFault says what it means that a body could not be read to its end.
func asReadFault(err error) error {
	var late net.Error
	var tooLarge *http.MaxBytesError
	var said *faultError
	switch {
	case errors.As(err, &tooLarge), errors.As(err, &said), errors.Is(err, errDraining):
		return err
	case errors.As(err, &late) && late.Timeout():
		return fault(requestTimeout, "The body did not come in time.")
	}
	return fault(malformedBody, "The body ended before it was complete.")
}
