package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events/journal"
)

type eraseAnswer struct {
	User   string `json:"user"`
	Erased int    `json:"events_erased" doc:"Events that have left the archive; what the hot stream has, heartbeats above all, leaves with its trimming"`
	Seq    uint64 `json:"seq" doc:"Where the erasure, which names the user by a salted hash only, stands in the log"`
}

// erase makes the log and the views forget the user in the path.
func (a *API) erase(q request, _ *none) (*eraseAnswer, error) {
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
	if err := a.checkErasable(q.r.Context(), id); err != nil {
		return nil, err
	}
	// Begun is done: half an erasure is worse than one whose client has gone.
	ctx := context.WithoutCancel(q.r.Context())
	at, erased, err := a.cfg.Log.Erase(ctx, id, q.who.User)
	if err != nil {
		return nil, fmt.Errorf("erasing a user: %w", err)
	}
	if err := a.reach(ctx, at.Seq); err != nil {
		return nil, err
	}
	q.seq(at.Seq)
	return &eraseAnswer{User: id, Erased: erased, Seq: at.Seq}, nil
}

// checkErasable returns errUnknownUser for one whom neither the view nor the log knows. The view forgets him as soon as
// his erasure begins: if it breaks off, the log alone tells that it must be asked for again.
func (a *API) checkErasable(ctx context.Context, id string) error {
	_, known, err := a.cfg.View.User(id)
	if err != nil || known {
		return err
	}
	found := errors.New("found")
	err = a.cfg.Log.Audit(ctx, journal.AuditQuery{User: id}, func([]journal.Record) error { return found })
	switch {
	case errors.Is(err, found):
		return nil
	case err != nil:
		return fmt.Errorf("looking for a user's events: %w", err)
	}
	return errUnknownUser
}
