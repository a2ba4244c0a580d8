package api

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/current"
)

// The system that this one replaces knew online and offline, one session a user, and a status that a request had
// changed by the time it was answered. Its clients go on as they are: what they send besides is not looked at, and an
// answer waits until the view shows the write.

type legacyHeartbeat struct {
	Status   events.Status `json:"status" enum:"online,offline"`
	LastSeen moment        `json:"last_seen"`
}

type legacyStatus struct {
	Status events.Status `json:"status" enum:"online,offline"`
}

type legacyUser struct {
	ID       legacyID      `json:"id"`
	Status   events.Status `json:"online_status" enum:"online,offline"`
	LastSeen moment        `json:"last_seen"`
}

type legacyOnline struct {
	Count int          `json:"count"`
	Users []legacyUser `json:"users" nullable:"false"`
}

type legacyOverride struct {
	Status events.Status `json:"status" enum:"online,offline"`
	Until  *string       `json:"until,omitempty" format:"date-time" doc:"When it ends; else after one timeout"`
	For    *string       `json:"for,omitempty" doc:"How long it holds, such as 30m"`
}

// setsLegacy is call with a body that may be a form as well.
func setsLegacy() endpoint {
	e := call(http.StatusOK, (*API).legacySet)
	t := typeOf[legacyOverride]()
	e.body, e.needed = contents{typeJSON: t, typeForm: t, typeMultipart: t}, true
	return e
}

// twofold folds a status into those that there were.
func twofold(s events.Status) events.Status {
	if s == events.StatusOffline {
		return s
	}
	return events.StatusOnline
}

func legacyOf(u *events.User) legacyUser {
	return legacyUser{ID: legacyID(u.ID), Status: twofold(u.Status()), LastSeen: moment(u.LastSeen())}
}

func (a *API) legacyHeartbeat(q request, _ *none) (*legacyHeartbeat, error) {
	session, err := sessionOf(q.r, q.who.Session, nil)
	if err != nil {
		return nil, err
	}
	seq, err := a.beatOnce(q.r.Context(), events.Beat{User: q.who.User, Actor: q.who.User, Session: session, At: q.at})
	if err != nil {
		return nil, fmt.Errorf("appending a heartbeat: %w", err)
	}
	q.seq(seq)
	u, err := a.userAt(q, q.who.User, seq)
	if err != nil {
		return nil, err
	}
	return &legacyHeartbeat{Status: twofold(u.Status()), LastSeen: moment(u.LastSeen())}, nil
}

func (a *API) legacyLogin(q request, _ *none) (*legacyStatus, error) {
	session, err := sessionOf(q.r, q.who.Session, nil)
	if err != nil {
		return nil, err
	}
	return a.legacyAppend(q, events.Event{Type: events.Login, User: q.who.User, Session: session})
}

// legacyLogout ends all sessions: there was no other logout.
func (a *API) legacyLogout(q request, _ *none) (*legacyStatus, error) {
	return a.legacyAppend(q, events.Event{Type: events.Logout, User: q.who.User, All: true, At: a.endOf(q.who.User, q.at)})
}

func (a *API) legacyAppend(q request, e events.Event) (*legacyStatus, error) {
	seq, err := a.append(q, e, e.Session, e.All)
	if err != nil {
		return nil, err
	}
	u, err := a.userAt(q, e.User, seq)
	if err != nil {
		return nil, err
	}
	return &legacyStatus{Status: twofold(u.Status())}, nil
}

// legacyOnline lists everybody who is not offline, in the order of ids.
func (a *API) legacyOnline(q request, _ *none) (*legacyOnline, error) {
	if err := q.may(auth.ActAudit, ""); err != nil {
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
	out := &legacyOnline{Users: []legacyUser{}}
	for _, s := range []events.Status{events.StatusOnline, events.StatusAway, events.StatusBusy} {
		for asked := (current.Query{Status: s, Limit: maxLimit}); ; {
			page, err := a.cfg.View.List(asked)
			if err != nil {
				return nil, fmt.Errorf("listing users: %w", err)
			}
			for i := range page.Users {
				out.Users = append(out.Users, legacyOf(&page.Users[i]))
			}
			if !page.More {
				break
			}
			asked.After = page.Users[len(page.Users)-1].ID
		}
	}
	// A user whose status changes between two pages could come twice.
	byID := func(x, y legacyUser) int { return cmp.Compare(x.ID, y.ID) }
	slices.SortFunc(out.Users, byID)
	out.Users = slices.CompactFunc(out.Users, func(x, y legacyUser) bool { return x.ID == y.ID })
	out.Count = len(out.Users)
	return out, nil
}

// legacyOne shows a user; one that was never seen is offline.
func (a *API) legacyOne(q request, _ *none) (*legacyUser, error) {
	id, err := q.user()
	if err != nil {
		return nil, err
	}
	if err := q.may(auth.ActAudit, id); err != nil {
		return nil, err
	}
	if err := a.settle(q); err != nil {
		return nil, err
	}
	u, err := a.userAt(q, id, 0)
	if err != nil {
		return nil, err
	}
	out := legacyOf(&u)
	return &out, nil
}

// legacySet overrides a user's status for one timeout: as long as a set value lasted there against the next sweep.
func (a *API) legacySet(q request, _ *none) (*legacyUser, error) {
	id, err := q.overridden()
	if err != nil {
		return nil, err
	}
	in, err := legacyOverrideOf(q)
	if err != nil {
		return nil, err
	}
	if in.Status != events.StatusOnline && in.Status != events.StatusOffline {
		return nil, invalidStatus.at("body.status", "online or offline")
	}
	until, err := untilOf(in.Until, in.For, q.at)
	if err != nil {
		return nil, err
	}
	if until == 0 {
		until = q.at + events.Millis(a.cfg.Timeout.Milliseconds())
	}
	e := events.Event{Type: events.Override, User: id, Change: events.OverrideSet, Status: in.Status, Until: until}
	seq, err := a.append(q, e, in)
	if err != nil {
		return nil, err
	}
	u, err := a.userAt(q, id, seq)
	if err != nil {
		return nil, err
	}
	out := legacyOf(&u)
	return &out, nil
}
