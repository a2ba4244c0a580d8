package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
)

// request is one request on its way through an endpoint. It is passed by value: a heartbeat costs no allocation for it.
type request struct {
	w     http.ResponseWriter
	r     *http.Request
	who   *auth.Principal // nil on an open route
	query query           // the parameters that the route declares
	at    events.Millis   // when it was accepted
}

// endpoint is what a route does, and, for the document, what it takes and gives. serve returns the status that it wrote;
// with an error it has written nothing.
type endpoint struct {
	serve   func(a *API, q request) (status int, err error)
	body    contents         // what a request may carry; empty: nothing
	needed  bool             // a request must carry it
	answers map[int]contents // status → what a success carries
	offers  []string         // media types of which a client must accept one; empty: any
}

// contents says which Go type a media type carries.
type contents map[string]reflect.Type

// carry returns the contents of one media type.
func carry[T any](media string) contents { return contents{media: reflect.TypeFor[T]()} }

// Media types.
const (
	typeJSON     = "application/json"
	typeNDJSON   = "application/x-ndjson"
	typeProtobuf = "application/x-protobuf"
	typeProblem  = "application/problem+json"
	typeText     = "text/plain; charset=utf-8"
)

// none is the body of a call that takes none; whatever a client sends with it is not looked at.
type none struct{}

// call adapts a function from JSON to JSON. Where In is none the body is not read.
func call[In, Out any](status int, fn func(*API, request, *In) (*Out, error)) endpoint {
	e := endpoint{answers: map[int]contents{status: carry[Out](typeJSON)}, offers: []string{typeJSON}}
	reads := reflect.TypeFor[In]() != reflect.TypeFor[none]()
	if reads {
		e.body, e.needed = carry[In](typeJSON), hasRequired(reflect.TypeFor[In]())
	}
	e.serve = func(a *API, q request) (int, error) {
		var body In
		if reads {
			found, err := readJSON(q.w, q.r, &body)
			if err == nil && e.needed && !found {
				err = fault(malformedBody, "A body is needed.")
			}
			if err != nil {
				return 0, err
			}
		}
		out, err := fn(a, q, &body)
		if err != nil {
			return 0, err
		}
		return status, writeJSON(q.w, status, out)
	}
	return e
}

// hasRequired says whether t, a struct, has a field that must be there.
func hasRequired(t reflect.Type) bool {
	for i := range t.NumField() {
		if !strings.Contains(t.Field(i).Tag.Get("json"), ",omitempty") {
			return true
		}
	}
	return false
}

// writeJSON answers with out. An error has written nothing.
func writeJSON(w http.ResponseWriter, status int, out any) error {
	data, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encoding an answer: %w", err)
	}
	h := w.Header()
	h["Content-Type"] = jsonHeader
	secure(h)
	w.WriteHeader(status)
	w.Write(append(data, '\n')) //nolint:errcheck // a client that has gone is no fault
	return nil
}

// handle leads requests to rt: it counts them, and turns an error or a panic into a problem.
func (a *API) handle(rt *route) http.Handler {
	m := a.metrics.of(rt)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		status, err := a.enter(rt, w, r)
		if err != nil {
			status = a.fail(w, r, err)
		}
		m.observe(status, time.Since(began))
	})
}

// enter admits a request and runs the endpoint.
func (a *API) enter(rt *route, w http.ResponseWriter, r *http.Request) (status int, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p, ok := p.(error); ok && errors.Is(p, http.ErrAbortHandler) {
				panic(p)
			}
			status, err = 0, fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	q := request{w: w, r: r, at: events.MillisOf(a.cfg.Now())}
	if rt.flags&open == 0 {
		if q.who, err = a.identify(r); err != nil {
			return 0, err
		}
	}
	if rt.flags&writes != 0 {
		if err := a.admit(q.who); err != nil {
			return 0, err
		}
	}
	if rt.flags&lenient == 0 {
		if q.query, err = parseQuery(r.URL.RawQuery, rt.query); err != nil {
			return 0, err
		}
	}
	if !accepts(r.Header["Accept"], rt.does.offers) {
		return 0, fault(notAcceptable, "This call answers with "+rt.does.offers[0]+".")
	}
	return rt.does.serve(a, q)
}

var errPanic = errors.New("a handler panicked")

// admit refuses writes of a node that is going, and of a user who writes too often. Those who speak for many users are
// not limited.
func (a *API) admit(who *auth.Principal) error {
	if a.draining.Load() {
		return errDraining
	}
	return a.limit(who)
}

func (a *API) limit(who *auth.Principal) error {
	if a.limiter == nil || auth.Allow(who, auth.ActWriteAny, "") {
		return nil
	}
	if wait := a.limiter.take(who.User); wait > 0 {
		f := fault(rateLimited, "This user writes more often than "+a.limiter.String()+".")
		f.retry = wait
		return f
	}
	return nil
}

// seq tells the client the sequence of what it wrote, or at which the view stood that it read.
func (q request) seq(n uint64) { q.w.Header()["Rollcall-Seq"] = []string{strconv.FormatUint(n, 10)} }

// answerHeaders are the values of headers that are the same in every answer, made once.
type answerHeaders struct{ heartbeat, timeout []string }

func newAnswerHeaders(cfg Config) answerHeaders {
	return answerHeaders{heartbeat: []string{seconds(cfg.Heartbeat)}, timeout: []string{seconds(cfg.Timeout)}}
}

// seconds writes d in whole seconds, at least 1.
func seconds(d time.Duration) string { return strconv.FormatInt(max(1, int64(d/time.Second)), 10) }

// Shared by all answers, so never appended to.
var (
	jsonHeader    = []string{typeJSON}
	noStoreHeader = []string{"no-store"}
	noSniffHeader = []string{"nosniff"}
)

// secure sets what every answer of the API carries: nothing of it is kept by a cache, or taken for another type.
func secure(h http.Header) {
	h["Cache-Control"] = noStoreHeader
	h["X-Content-Type-Options"] = noSniffHeader
}
