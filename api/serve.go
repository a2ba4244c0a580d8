package api

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
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

// handle leads requests to rt: it counts them, and turns an error or a panic into a problem.
func (a *API) handle(rt *route) http.Handler {
	m := a.metrics.of(rt)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		allow(w, 0)
		if rt.flags&open != 0 {
			a.pace.keep(r.Context(), max(1, rt.cost))
		}
		status, err := a.enter(rt, w, r)
		if err != nil {
			status = a.refuse(rt, w, r, err)
		}
		if rt.flags&streams == 0 { // whose connection may be another's by now
			allow(w, 0)
		}
		m.observe(status, time.Since(began))
	})
}

// refuse answers with the problem that err is. What a client can have refused without end is paced.
func (a *API) refuse(rt *route, w http.ResponseWriter, r *http.Request, err error) int {
	if f, _ := asFault(err); rt.flags&open == 0 && (kinds[f.code].status == http.StatusUnauthorized || f.code == rateLimited) {
		a.pace.keep(r.Context(), 1)
	}
	return a.fail(w, r, err)
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
	} else if q.who != nil {
		if err := a.read(q.who, 1+bodyCost(r)); err != nil {
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

// bodyCost is what it costs to read what a question comes with.
func bodyCost(r *http.Request) float64 {
	const each = 2 << 10
	if r.ContentLength < 0 {
		return maxNames / each
	}
	return float64(min(r.ContentLength, maxNames)) / each
}

// read counts a read of so much cost, and refuses it where this user has read too much. Those who speak for many users
// are not limited.
func (a *API) read(who *auth.Principal, cost float64) error {
	l := a.readers.of(who)
	if l == nil {
		return nil
	}
	if wait := l.spend(who.User, cost); wait > 0 {
		f := fault(rateLimited, "This user reads more than "+l.String()+".")
		f.retry = wait
		return f
	}
	return nil
}

// charge adds to what a read costs that is under way.
func (a *API) charge(who *auth.Principal, cost float64) {
	if l := a.readers.of(who); l != nil {
		l.owe(who.User, cost)
	}
}

// of returns what limits who, nil where nothing does.
func (r readers) of(who *auth.Principal) *limiter {
	switch {
	case auth.Allow(who, auth.ActWriteAny, ""):
		return nil
	case auth.Allow(who, auth.ActRead, ""):
		return r.all
	}
	return r.plain
}

// seq tells the client the sequence of what it wrote, or at which the view stood that it read.
func (q request) seq(n uint64) { q.w.Header()["Rollcall-Seq"] = seqHeader(n) }

// written is a sequence as a header.
type written struct {
	seq   uint64
	value []string
}

// lastWritten spares the beats that share a message, and so a sequence, all but
// the first writing of it.
var lastWritten atomic.Pointer[written]

// seqHeader returns the header of n. Nobody may change it.
func seqHeader(n uint64) []string {
	if w := lastWritten.Load(); w != nil && w.seq == n {
		return w.value
	}
	w := &written{n, []string{strconv.FormatUint(n, 10)}}
	lastWritten.Store(w)
	return w.value
}
