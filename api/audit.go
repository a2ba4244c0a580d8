package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// auditAnswer is a page of the log.
type auditAnswer struct {
	Events []logged `json:"events" nullable:"false" doc:"In the order of the log"`
	Next   string   `json:"next_after_seq,omitempty" doc:"The after_seq of the next page, such as 1234.17; left out on the last"`
}

// auditTypes are the event types that can be asked for.
var auditTypes = []events.Type{events.Login, events.Heartbeat, events.Logout, events.Override, events.Offline, events.Online, events.Erased}

func eventTypes() (names []any) {
	for _, t := range auditTypes {
		names = append(names, string(t))
	}
	return names
}

var auditOffers = []string{typeJSON, typeNDJSON}

// eventsOfLog answers with a page of JSON, or with all as lines.
func eventsOfLog() endpoint {
	return endpoint{serve: (*API).audit, offers: auditOffers,
		answers: map[int]contents{http.StatusOK: {typeJSON: typeOf[auditAnswer](), typeNDJSON: typeOf[logged]()}}}
}

// auditAsked is what a request asks of the log.
type auditAsked struct {
	journal.AuditQuery
	from, to events.Millis
	limit    int // 0: not given
}

// audit reads the log. Each reading leaves a line in the node's own log.
func (a *API) audit(q request) (int, error) {
	if err := q.may(auth.ActAudit, ""); err != nil {
		return 0, err
	}
	asked, err := q.auditAsked()
	if err != nil {
		return 0, err
	}
	asLines := preferred(q.r.Header["Accept"], auditOffers) == typeNDJSON
	if asked.Follow && !asLines {
		return 0, invalidParameter.at("query.follow", "only with Accept: "+typeNDJSON)
	}
	if err := a.settle(q); err != nil {
		return 0, err
	}
	a.cfg.Logger.Info("the audit was read", "actor", q.who.User, "user", asked.User, "types", asked.Types, "from", q.query["from"],
		"to", q.query["to"], "after_seq", asked.After.String(), "limit", asked.limit, "heartbeats", asked.Heartbeats, "follow", asked.Follow)
	if asLines {
		return a.auditLines(q, asked)
	}
	done, err := a.heavy(q)
	if err != nil {
		return 0, err
	}
	out, err := a.auditPage(q.r.Context(), asked)
	done()
	if err != nil {
		return 0, err
	}
	return http.StatusOK, writeJSON(q.w, http.StatusOK, out)
}

func (q request) auditAsked() (asked auditAsked, err error) {
	if user, given := q.query["user"]; given {
		if err := events.ValidID(user); err != nil {
			return asked, invalidUser.at("query.user", err.Error())
		}
		asked.User = user
	}
	if asked.from, asked.to, err = q.query.stretch(0, 0); err != nil {
		return asked, err
	}
	asked.Since = asked.from
	if text, given := q.query["after_seq"]; given {
		if asked.After, err = events.ParsePlace(text); err != nil {
			return asked, invalidParameter.at("query.after_seq", err.Error())
		}
	}
	limit, err := q.query.number("limit", 0, 1, maxLimit)
	if err != nil {
		return asked, err
	}
	asked.limit = int(limit)
	if asked.Follow, err = q.query.flag("follow"); err != nil {
		return asked, err
	}
	return asked, asked.kinds(q.query)
}

// kinds reads which types are wanted. Who names heartbeats wants them.
func (asked *auditAsked) kinds(q query) (err error) {
	if asked.Heartbeats, err = q.flag("heartbeats"); err != nil {
		return err
	}
	raw, given := q["type"]
	if !given {
		return nil
	}
	for name := range strings.SplitSeq(raw, ",") {
		t := events.Type(name)
		if !slices.Contains(auditTypes, t) {
			return invalidParameter.at("query.type", "login, heartbeat, logout, override, offline, online or erased")
		}
		if !slices.Contains(asked.Types, t) {
			asked.Types = append(asked.Types, t)
		}
	}
	asked.Heartbeats = slices.Contains(asked.Types, events.Heartbeat)
	return nil
}

// errPageFull ends a reading of the log.
var errPageFull = errors.New("the page is full")

// each calls fn with the events that are asked for. fn may end it with errPageFull.
func (a *API) each(ctx context.Context, asked auditAsked, fn func(r *journal.Record) error, after func() error) error {
	err := a.cfg.Log.Audit(ctx, asked.AuditQuery, func(batch []journal.Record) error {
		for i := range batch {
			if !asked.covers(&batch[i]) {
				continue
			}
			if err := fn(&batch[i]); err != nil {
				return err
			}
		}
		return after()
	})
	if err != nil && !errors.Is(err, errPageFull) {
		return fmt.Errorf("reading the audit: %w", err)
	}
	return nil
}

// covers reports whether r was accepted within the time asked for. Of what cannot be read nothing is known but when the
// broker took it.
func (asked *auditAsked) covers(r *journal.Record) bool {
	at := r.Event.At
	if r.Err != nil {
		at = r.Time
	}
	return at >= asked.from && (asked.to == 0 || at < asked.to)
}

func (a *API) auditPage(ctx context.Context, asked auditAsked) (*auditAnswer, error) {
	limit := asked.limit
	if limit == 0 {
		limit = defaultLimit
	}
	out, last := &auditAnswer{Events: []logged{}}, events.Place{}
	err := a.each(ctx, asked, func(r *journal.Record) error {
		if len(out.Events) == limit {
			out.Next = last.String()
			return errPageFull
		}
		e, err := loggedOf(r)
		if err != nil {
			return err
		}
		out.Events, last = append(out.Events, e), r.Place
		return nil
	}, func() error { return nil })
	return out, err
}

// auditLines answers with all, or with limit events. A followed answer ends with the client's token, or with the node.
func (a *API) auditLines(q request, asked auditAsked) (int, error) {
	end, err := a.lasts(q, asked.Follow)
	if err != nil {
		return 0, err
	}
	defer end()
	out := a.lineByLine(q, typeNDJSON)
	if q.r.Method == http.MethodHead {
		return out.end(nil)
	}
	ctx := q.r.Context()
	after := func() error { return nil }
	if asked.Follow {
		served, stop := a.whileServed(q)
		defer stop()
		valid, expire := context.WithDeadline(served, q.who.StreamEnds(q.at.Time()))
		defer expire()
		ctx = valid
		if err := out.flush(); err != nil {
			return http.StatusOK, nil // the client has gone
		}
		defer out.keepOpen()()
		after = out.flush
	}
	n := 0
	return out.end(a.each(ctx, asked, func(r *journal.Record) error {
		if n++; asked.limit > 0 && n > asked.limit {
			return errPageFull
		}
		e, err := loggedOf(r)
		if err != nil {
			return err
		}
		_, err = out.Write(append(e, '\n'))
		return err
	}, after))
}

// lasts counts an answer line by line: one that is followed is a live stream, any other an export.
func (a *API) lasts(q request, follow bool) (end func(), err error) {
	if follow {
		return a.oneMoreStream(q)
	}
	return a.export(q)
}

// whileServed returns a context that ends with the request, and with the node.
func (a *API) whileServed(q request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(q.r.Context())
	unhook := context.AfterFunc(a.staying, cancel)
	return ctx, func() { unhook(); cancel() }
}
