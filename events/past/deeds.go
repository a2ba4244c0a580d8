package past

import (
	"context"

	"github.com/rollcall-dev/rollcall/events"
)

// begin takes in who is live in the log.
func (a *appender) begin() {
	if a.cfg.Live == nil {
		return
	}
	limits := events.Limits{Timeout: a.cfg.Timeout, LeaveGrace: a.cfg.Timeout}
	for u := range a.cfg.Live {
		for i := range u.Sessions {
			at := &u.Sessions[i]
			a.turns++
			s := &session{who: who{u.ID, at.ID}, last: at.LastSeen, turn: a.turns, idle: at.Idle, place: at.Place()}
			if a.cfg.Timeout > 0 {
				s.limit = limits.Of(at)
			}
			a.live[s.who] = s
			a.quiet.watch(s)
		}
	}
}

// row appends what one row says.
func (a *appender) row(ctx context.Context, raw *row, r Row) error {
	e := events.Event{Type: r.Type, User: r.User, Session: r.Session, At: r.At, Actor: r.User}
	s := a.live[who{r.User, r.Session}]
	switch r.Type {
	case events.Offline:
		e.Actor, e.Cause, e.LastSeen = events.ServiceActor, events.CauseTimeout, r.At
	case events.Logout:
		if s == nil && a.heard[raw.user] {
			a.result.Ignored++
			return nil
		}
		a.heard[raw.user] = true
		a.end(s)
	default:
		return a.sign(ctx, r, e, s)
	}
	_, err := a.send(ctx, e, flight{line: r.Line, count: &a.result.Events})
	return err
}

// sign appends a sign of life of s, or of a session that it brings to life.
func (a *appender) sign(ctx context.Context, r Row, e events.Event, s *session) (err error) {
	count := &a.result.Events
	if e.Type == events.Heartbeat {
		count = &a.result.Beats
	}
	begins := s == nil
	if begins {
		s = &session{who: who{r.User, r.Session}}
		a.live[s.who] = s
	}
	a.turns++
	s.last, s.limit, s.turn, s.idle, s.line = r.At, a.cfg.Timeout, a.turns, false, r.Line
	if begins {
		a.quiet.watch(s)
	}
	s.ticket, err = a.send(ctx, e, flight{session: s, line: r.Line, count: count})
	return err
}

// expire ends the sessions whose deadline lies before t.
func (a *appender) expire(ctx context.Context, t events.Millis) error {
	for s := a.quiet.next(t); s != nil; s = a.quiet.next(t) {
		if err := a.pipe.settle(ctx, s.ticket); err != nil {
			return err
		}
		a.end(s)
		e := events.Event{Type: events.Offline, User: s.user, Session: s.session, At: s.due(), Actor: events.ServiceActor,
			Cause: events.CauseTimeout, LastSeen: s.last, Judged: s.place.Seq, JudgedNth: s.place.Nth}
		if _, err := a.send(ctx, e, flight{line: s.line, count: &a.result.Timeouts}); err != nil {
			return err
		}
	}
	return nil
}

func (a *appender) end(s *session) {
	if s != nil {
		s.ended = true
		delete(a.live, s.who)
	}
}
