package api

import (
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
)

const (
	// maxReason bounds the reason of an override, in bytes.
	maxReason = 512
	// maxOverride is the longest time that an override can be given with "for".
	maxOverride = 10 * 365 * 24 * time.Hour
)

type overrideRequest struct {
	Status events.Status `json:"status" enum:"online,away,busy,offline" doc:"What is shown instead of the observed status"`
	Reason string        `json:"reason,omitempty" doc:"Why, for people" maxLength:"512"`
	Until  *string       `json:"until,omitempty" format:"date-time" doc:"When it ends; without until and for it holds until cleared"`
	For    *string       `json:"for,omitempty" doc:"How long it holds, such as 30m or 8h; instead of until"`
}

// setOverride puts a status over the observed one of the user in the path, and shows him as he is then.
func (a *API) setOverride(q request, in *overrideRequest) (*presence, error) {
	id, err := q.overridden()
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	until, err := untilOf(in.Until, in.For, q.at)
	if err != nil {
		return nil, err
	}
	e := events.Event{Type: events.Override, User: id, Change: events.OverrideSet, Status: in.Status, Reason: in.Reason, Until: until}
	seq, err := a.append(q, e, in)
	if err != nil {
		return nil, err
	}
	return a.showAt(q, id, seq)
}

// clearOverride ends the override of the user in the path, and shows him as he is then.
func (a *API) clearOverride(q request, _ *none) (*presence, error) {
	id, err := q.overridden()
	if err != nil {
		return nil, err
	}
	key, err := q.key()
	if err != nil {
		return nil, err
	}
	u, _, err := a.cfg.View.User(id)
	if err != nil {
		return nil, fmt.Errorf("reading a user: %w", err)
	}
	if u.Override == nil {
		// A repeat finds nothing to clear any more, and is told what the first one was.
		if at, known, err := a.known(key); known {
			if err != nil {
				return nil, err
			}
			q.seq(at.Seq)
			return a.showAt(q, id, at.Seq)
		}
		return nil, fault(noOverride, "This user has no override.")
	}
	seq, err := a.append(q, events.Event{Type: events.Override, User: id, Change: events.OverrideCleared})
	if err != nil {
		return nil, err
	}
	return a.showAt(q, id, seq)
}

// overridden returns the user in the path, if who asks may override him.
func (q request) overridden() (string, error) {
	id, err := q.user()
	if err != nil {
		return "", err
	}
	return id, q.may(auth.ActOverride, id)
}

// showAt shows a user once the view has reached seq, which named him.
func (a *API) showAt(q request, id string, seq uint64) (*presence, error) {
	u, err := a.userAt(q, id, seq)
	if err != nil {
		return nil, err
	}
	p := presenceOf(&u, q.who)
	p.Seq = seq
	return &p, nil
}

// userAt returns a user once the view has reached seq.
func (a *API) userAt(q request, id string, seq uint64) (events.User, error) {
	if err := a.reach(q.r.Context(), seq); err != nil {
		return events.User{}, err
	}
	u, _, err := a.cfg.View.User(id)
	if err != nil {
		return events.User{}, fmt.Errorf("reading a user: %w", err)
	}
	u.ID = id
	return u, nil
}

func (in *overrideRequest) check() error {
	if !in.Status.Valid() {
		return invalidStatus.at("body.status", "online, away, busy or offline")
	}
	if len(in.Reason) > maxReason || hasControl(in.Reason) {
		return invalidReason.at("body.reason", "at most 512 bytes without control characters")
	}
	return nil
}

// untilOf reads when an override that is set at now ends; 0 is never.
func untilOf(until, lasts *string, now events.Millis) (events.Millis, error) {
	switch {
	case until != nil && lasts != nil:
		return 0, invalidUntil.at("body.for", "give either until or for")
	case lasts != nil:
		d, err := time.ParseDuration(*lasts)
		if err != nil || d < time.Millisecond || d > maxOverride {
			return 0, invalidUntil.at("body.for", "a duration such as 30m or 8h, at most ten years")
		}
		return now + events.Millis(d.Milliseconds()), nil
	case until != nil:
		t, ok := parseTime(*until)
		if !ok || t <= now {
			return 0, invalidUntil.at("body.until", "an RFC 3339 time in the future, before the year 10000 in UTC")
		}
		return t, nil
	}
	return 0, nil
}
