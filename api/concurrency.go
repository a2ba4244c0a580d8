package api

import (
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/history"
)

const (
	defaultStep    = 5 * time.Minute
	defaultStretch = events.Millis(24 * time.Hour / time.Millisecond)
)

type concurrencyAnswer struct {
	Points   []pointShown `json:"points" nullable:"false" doc:"One a step, from from on"`
	Complete bool         `json:"complete" doc:"False where retention has cut what would be needed"`
}

type pointShown struct {
	At     moment `json:"at"`
	Online int    `json:"online" doc:"How many users were online then"`
	Peak   int    `json:"peak" doc:"The most at any moment of the step that begins then"`
}

// concurrency counts who was online, over time. What is to come is left out.
func (a *API) concurrency(q request, _ *none) (*concurrencyAnswer, error) {
	if err := q.may(auth.ActAudit, ""); err != nil {
		return nil, err
	}
	from, to, step, err := q.steps()
	if err != nil {
		return nil, err
	}
	if err := a.keepsHistory(); err != nil {
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
	points, complete, err := a.cfg.History.Concurrency(from, to, step)
	if errors.Is(err, history.ErrTooManyPoints) {
		return nil, invalidParameter.at("query.step", fmt.Sprintf("longer, or a shorter time: at most %d points", history.MaxPoints))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	out := &concurrencyAnswer{Points: make([]pointShown, len(points)), Complete: complete}
	for i, p := range points {
		out.Points[i] = pointShown{At: moment(p.At), Online: p.Online, Peak: p.Peak}
	}
	return out, nil
}

// steps reads from, to and step. Without from it is a day before to, without to it is now.
func (q request) steps() (from, to events.Millis, step time.Duration, err error) {
	if from, to, err = q.query.stretch(0, q.at); err != nil {
		return 0, 0, 0, err
	}
	if _, given := q.query["from"]; !given {
		from = max(to-defaultStretch, 0)
	}
	step = defaultStep
	if raw, given := q.query["step"]; given {
		if step, err = time.ParseDuration(raw); err != nil || step < time.Millisecond {
			return 0, 0, 0, invalidParameter.at("query.step", "a duration such as 30s, 5m or 1h")
		}
	}
	return from, min(to, q.at), step, nil
}
