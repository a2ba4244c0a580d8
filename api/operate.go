package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

// Operator folds the log anew, beside the live views. report is called now and then, from one goroutine, before the
// call returns.
type Operator interface {
	// Verify compares what comes out with the live views.
	Verify(ctx context.Context, report func(mirror.Progress)) ([]mirror.Comparison, error)
	// Rebuild puts it in their place, or in that of the one that which names: mirror.Current, mirror.History, or
	// mirror.Both.
	Rebuild(ctx context.Context, which string, report func(mirror.Progress)) error
}

// workLine is a line of an answer that tells how far the work is, and in the end how it went.
type workLine struct{}

// Schema describes both.
func (workLine) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[workProgress](), true, ""), r.Schema(reflect.TypeFor[workDone](), true, ""),
	}}
}

type workProgress struct {
	Seq     uint64  `json:"seq" doc:"How far the log is folded"`
	To      uint64  `json:"to" doc:"How far it will be"`
	Events  uint64  `json:"events" doc:"Folded so far, each heartbeat one"`
	Seconds float64 `json:"seconds" doc:"Since the beginning"`
}

// workDone is the last line. An answer that ends without one was cut off.
type workDone struct {
	Done  bool         `json:"done" enum:"true"`
	Error string       `json:"error,omitempty" doc:"Why the work failed"`
	Views []comparison `json:"views,omitempty" nullable:"false" doc:"Of verify: what was found"`
}

type comparison struct {
	View    string `json:"view" enum:"current,history"`
	Seq     uint64 `json:"seq" doc:"Where both stood when they were compared"`
	Users   int    `json:"users"`
	Equal   bool   `json:"equal"`
	Digest  string `json:"digest" doc:"Of the view that was folded anew"`
	Live    string `json:"live" doc:"Of the live view"`
	Differs string `json:"differs,omitempty" doc:"The first user that differs, in the order of ids"`
}

// work is an endpoint that answers with lines while it works.
func work(serve func(*API, request) (int, error)) endpoint {
	return endpoint{serve: serve, offers: []string{typeNDJSON, typeJSON},
		answers: map[int]contents{http.StatusOK: {typeNDJSON: typeOf[workLine]()}}}
}

// verify holds the live views against the log.
func (a *API) verify(q request) (int, error) {
	return a.work(q, func(ctx context.Context, report func(mirror.Progress)) (done workDone, err error) {
		found, err := a.cfg.Operator.Verify(ctx, report)
		for _, c := range found {
			done.Views = append(done.Views, comparison(c))
		}
		return done, err
	})
}

// rebuild makes the live views anew from the log.
func (a *API) rebuild(q request) (int, error) {
	which := q.query["view"]
	if which != mirror.Current && which != mirror.History && which != mirror.Both {
		return 0, invalidParameter.at("query.view", "current or history; left out: both")
	}
	return a.work(q, func(ctx context.Context, report func(mirror.Progress)) (workDone, error) {
		return workDone{}, a.cfg.Operator.Rebuild(ctx, which, report)
	})
}

// work runs fn for an admin, one at a time, and tells how far it is. It ends with the request.
func (a *API) work(q request, fn func(context.Context, func(mirror.Progress)) (workDone, error)) (int, error) {
	if err := q.may(auth.ActAudit, ""); err != nil {
		return 0, err
	}
	switch {
	case a.cfg.Operator == nil:
		return 0, fault(notFound, "This node cannot verify or rebuild its views.")
	case a.draining.Load():
		return 0, errDraining
	case !a.working.CompareAndSwap(false, true):
		return 0, fault(inProgress, "This node is verifying or rebuilding its views already.")
	}
	out := a.lineByLine(q, typeNDJSON)
	done := a.workOn(q, out, fn)
	out.tell(done)
	return out.end(nil)
}

// workOn runs fn to its end. When it returns the next work may begin: who has read the last line may ask for more.
func (a *API) workOn(q request, out *lines, fn func(context.Context, func(mirror.Progress)) (workDone, error)) workDone {
	defer a.working.Store(false)
	ctx, stop := a.whileServed(q)
	defer stop()
	_ = out.flush() // that it has begun; a client that has gone ends ctx
	done, err := fn(ctx, func(p mirror.Progress) {
		out.tell(workProgress{Seq: p.Seq, To: p.To, Events: p.Events, Seconds: p.Took.Seconds()})
	})
	if err != nil {
		done = workDone{Error: a.whyNot(ctx, err)}
	}
	done.Done = true
	return done
}

// tell sends v as a line of its own at once. That the client has gone ends the work by its context.
func (l *lines) tell(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return // of our own structs it cannot be
	}
	_, _ = l.Write(append(data, '\n'))
	_ = l.flush()
}

// whyNot says for the client why work failed; nothing of the inside shows.
func (a *API) whyNot(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return "The node is shutting down."
	}
	a.cfg.Logger.Error("verifying or rebuilding the views failed", "error", err)
	if f, known := asFault(err); known {
		return f.detail
	}
	return "It failed for a reason that the node's log tells."
}
