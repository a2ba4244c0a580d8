package api

import (
	"context"
	"fmt"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/history"
)

// A presence object of the past is folded anew out of the user's own events: status, sessions and override as they were.
// Lists say what was shown alone: status, since when, and by which event.

// then returns the moment that the request asks about, if who asks may know what user was ("": everybody). That is
// history, so it is an admin's, and everybody's own.
func (a *API) then(q request, user string) (events.Millis, error) {
	at, err := q.query.moment("at", 0)
	if err != nil {
		return 0, err
	}
	if at > q.at {
		return 0, invalidParameter.at("query.at", "not in the future")
	}
	if user == "" || user != q.who.User {
		if err := q.may(auth.ActAudit, user); err != nil {
			return 0, err
		}
	}
	return at, a.keepsHistory()
}

// oneThen shows the user with this id as he was at T.
func (a *API) oneThen(q request, id string) (*presence, error) {
	at, err := a.then(q, id)
	if err != nil {
		return nil, err
	}
	if err := a.settle(q); err != nil {
		return nil, err
	}
	a.charge(q.who, costHeavy)
	done, err := a.heavy(q)
	if err != nil {
		return nil, err
	}
	defer done()
	complete := a.cfg.History.Complete(at)
	i, found, err := a.cfg.History.At(id, at)
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	// The history knows longest and fastest what he was; his events know more. Where the log cannot be asked, or has
	// lost some of them, the history has the last word.
	p := presenceThen(&i)
	u, err := a.folded(q, id, at)
	if err != nil {
		return nil, err
	}
	switch {
	case u.Known() && u.Status() == i.Status && u.Shown.Seq == i.Seq,
		u.Known() && u.Status() == events.StatusOffline && !found:
		p = presenceOf(&u, q.who)
	case !found:
		if p, err = a.withoutHistory(id, at, complete); err != nil {
			return nil, err
		}
	}
	p.Complete = &complete
	return &p, nil
}

// costHeavy is what a heavy read costs.
const costHeavy = 20

// folded folds the user's events up to at. They are not Known where the log cannot say; that it takes too long is an
// error, not an answer without sessions.
func (a *API) folded(q request, id string, at events.Millis) (events.User, error) {
	ctx, cancel := context.WithTimeout(q.r.Context(), a.cfg.Patience)
	defer cancel()
	u, err := projections.UserAt(ctx, a.cfg.Log, id, at)
	switch {
	case ctx.Err() != nil:
		return u, fmt.Errorf("%w: folding a user took too long", projections.ErrBehind)
	case err != nil:
		return events.User{ID: id}, nil // as above
	}
	return u, nil
}

func presenceThen(i *history.Interval) presence {
	return presence{User: i.User, Status: i.Status, Since: moment(i.From), LastSeen: moment(i.Seen()), Seq: i.Seq}
}

// withoutHistory shows somebody who had no interval at T: offline, if the log had named him by then. Somebody who came
// online later first had not, as far as is known; where the intervals of then have been forgotten, he may have.
func (a *API) withoutHistory(id string, at events.Millis, complete bool) (presence, error) {
	u, known, err := a.cfg.View.User(id)
	if err != nil {
		return presence{}, fmt.Errorf("reading a user: %w", err)
	}
	p := presence{User: id, Status: events.StatusOffline}
	switch {
	case known && u.Shown.Since != 0 && u.Shown.Since <= at:
		p.Since, p.Seq = moment(u.Shown.Since), u.Shown.Seq
		return p, nil
	case known && !complete:
		return p, nil
	}
	return p, fault(unknownUser, "The log had not named this user by then: unknown is not offline.")
}

// listThen shows a page of users as they were at T, in the order of their ids.
func (a *API) listThen(q request) (*listAnswer, error) {
	at, err := a.then(q, "")
	if err != nil {
		return nil, err
	}
	asked, err := listQuery(q.query)
	if err != nil {
		return nil, err
	}
	if err := a.settle(q); err != nil {
		return nil, err
	}
	done, err := a.heavy(q)
	if err != nil {
		return nil, err
	}
	defer done()
	page, err := a.cfg.History.Everybody(history.MomentQuery{At: at, Status: asked.Status, After: asked.After, Limit: asked.Limit})
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	out := &listAnswer{Users: make([]presence, len(page.Users)), Total: page.Total, Complete: &page.Complete}
	for i := range page.Users {
		out.Users[i] = presenceThen(&page.Users[i])
	}
	if page.More && len(page.Users) > 0 {
		out.Next = cursorOf(page.Users[len(page.Users)-1].User)
	}
	return out, nil
}
