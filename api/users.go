package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/current"
)

// settle waits for the sequence that the request asks the view to have reached, and tells the client where it stands.
func (a *API) settle(q request) error {
	least, err := q.query.number("min_seq", 0, 0, math.MaxUint64)
	if err != nil {
		return err
	}
	if err := a.reach(q.r.Context(), least); err != nil {
		return err
	}
	// Taken before the view is read: what is shown may be newer than this, never older.
	q.seq(a.cfg.View.Seq())
	return nil
}

// reach waits until the view stands at seq, for as long as Patience allows.
func (a *API) reach(ctx context.Context, seq uint64) error {
	if a.cfg.View.Seq() >= seq {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Patience)
	defer cancel()
	return a.cfg.View.WaitFor(ctx, seq)
}

// me shows the caller himself.
func (a *API) me(q request, _ *none) (*presence, error) {
	if err := q.may(auth.ActReadSelf, q.who.User); err != nil {
		return nil, err
	}
	return a.show(q, q.who.User)
}

// one shows the user in the path.
func (a *API) one(q request, _ *none) (*presence, error) {
	id, err := q.user()
	if err != nil {
		return nil, err
	}
	if _, past := q.query["at"]; past {
		return a.oneThen(q, id)
	}
	if err := q.may(auth.ActRead, id); err != nil {
		return nil, err
	}
	return a.show(q, id)
}

func (a *API) show(q request, id string) (*presence, error) {
	if err := a.settle(q); err != nil {
		return nil, err
	}
	u, known, err := a.cfg.View.User(id)
	if err != nil {
		return nil, fmt.Errorf("reading a user: %w", err)
	}
	if !known {
		return nil, fault(unknownUser, "The log has never named this user: unknown is not offline.")
	}
	a.charge(q.who, float64(len(u.Sessions))/perCost)
	p := presenceOf(&u, q.who)
	return &p, nil
}

// The bounds of a page.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

type listAnswer struct {
	Users []presence `json:"users" nullable:"false"`
	Total int        `json:"total" doc:"How many there are in all"`
	Next  string     `json:"next,omitempty" doc:"The cursor of the next page; left out on the last"`

	Complete *bool `json:"complete,omitempty" doc:"Only of the past: false where retention has cut what would be needed"`
}

// list shows a page of users in the order of their ids.
func (a *API) list(q request, _ *none) (*listAnswer, error) {
	if _, past := q.query["at"]; past {
		return a.listThen(q)
	}
	if err := q.may(auth.ActRead, ""); err != nil {
		return nil, err
	}
	asked, err := listQuery(q.query)
	if err != nil {
		return nil, err
	}
	if err := a.settle(q); err != nil {
		return nil, err
	}
	a.charge(q.who, float64(asked.Limit)/perCost)
	page, err := a.cfg.View.List(asked)
	if err != nil {
		return nil, fmt.Errorf("listing users: %w", err)
	}
	q.seq(page.Seq)
	out := &listAnswer{Users: make([]presence, len(page.Users)), Total: page.Total}
	for i := range page.Users {
		out.Users[i] = presenceOf(&page.Users[i], q.who)
	}
	if page.More {
		out.Next = cursorOf(page.Last)
	}
	return out, nil
}

// perCost is how many users of one answer cost as much as a call.
const perCost = 20

// cursorOf is the cursor of the page that begins behind a user.
func cursorOf(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

func listQuery(q query) (asked current.Query, err error) {
	asked.Status = events.Status(q["status"])
	if _, given := q["status"]; given && !asked.Status.Valid() {
		return asked, invalidParameter.at("query.status", "online, away, busy or offline")
	}
	limit, err := q.number("limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return asked, err
	}
	asked.Limit = int(limit)
	if cursor := q["cursor"]; cursor != "" {
		id, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
		if err != nil || events.ValidID(string(id)) != nil {
			return asked, invalidParameter.at("query.cursor", "give back what the answer before called next")
		}
		asked.After = string(id)
	}
	return asked, nil
}

type statsAnswer struct {
	Users    int     `json:"users"`
	Online   int     `json:"online"`
	Away     int     `json:"away"`
	Busy     int     `json:"busy"`
	Offline  int     `json:"offline"`
	Sessions int     `json:"sessions" doc:"Live ones"`
	Seq      uint64  `json:"seq" doc:"Where the view stands"`
	Lag      float64 `json:"lag_seconds" doc:"How far the view is behind the log"`
}

// stats counts.
func (a *API) stats(q request, _ *none) (*statsAnswer, error) {
	if err := q.may(auth.ActRead, ""); err != nil {
		return nil, err
	}
	if err := a.settle(q); err != nil {
		return nil, err
	}
	s := a.cfg.View.Stats()
	q.seq(s.Seq)
	return &statsAnswer{Users: s.Users, Online: s.Online, Away: s.Away, Busy: s.Busy, Offline: s.Offline,
		Sessions: s.Sessions, Seq: s.Seq, Lag: s.Lag.Seconds()}, nil
}
