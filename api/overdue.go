package api

import (
	"context"
	"fmt"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events/timeouts"
)

// Timeouts knows which sessions are past their timeout; a *timeouts.Consumer does.
type Timeouts interface {
	Overdue(ctx context.Context) ([]timeouts.Overdue, error)
	Emit(ctx context.Context) (ended int, err error)
}

type overdueAnswer struct {
	Overdue []overdueSession `json:"overdue" nullable:"false" doc:"The longest overdue first"`
}

type overdueSession struct {
	User     string `json:"user"`
	Session  string `json:"session"`
	LastSeen moment `json:"last_seen"`
	DueSince moment `json:"due_since" doc:"When its timeout passed"`
}

// overdue lists the sessions that are past their timeout without an event that says so.
func (a *API) overdue(q request, _ *none) (*overdueAnswer, error) {
	if err := a.judges(q); err != nil {
		return nil, err
	}
	done, err := a.heavy(q)
	if err != nil {
		return nil, err
	}
	defer done()
	found, err := a.cfg.Timeouts.Overdue(q.r.Context())
	if err != nil {
		return nil, fmt.Errorf("looking for overdue sessions: %w", err)
	}
	out := &overdueAnswer{Overdue: make([]overdueSession, len(found))}
	for i, o := range found {
		out.Overdue[i] = overdueSession{User: o.User, Session: o.Session, LastSeen: moment(o.LastSeen), DueSince: moment(o.Since)}
	}
	return out, nil
}

type emittedAnswer struct {
	Emitted int `json:"emitted" doc:"How many sessions and overrides have been ended"`
}

// emitOverdue writes down now what is due.
func (a *API) emitOverdue(q request, _ *none) (*emittedAnswer, error) {
	if err := a.judges(q); err != nil {
		return nil, err
	}
	n, err := a.cfg.Timeouts.Emit(q.r.Context())
	if err != nil {
		return nil, fmt.Errorf("writing down overdue sessions: %w", err)
	}
	return &emittedAnswer{Emitted: n}, nil
}

// judges is nil for an admin, at a node that knows of timeouts.
func (a *API) judges(q request) error {
	if err := q.may(auth.ActAudit, ""); err != nil {
		return err
	}
	if a.cfg.Timeouts == nil {
		return fault(notFound, "This node does not judge timeouts.")
	}
	return nil
}
