package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// maxUserAt bounds how many events UserAt folds.
const maxUserAt = 100_000

// errTooMany means that a user has more events than anybody wants to wait for.
var errTooMany = errors.New("the user has too many events")

// audit is a part of *journal.Journal.
type audit interface {
	Audit(ctx context.Context, q journal.AuditQuery, fn func([]journal.Record) error) error
}

// deed is an event of the user at its place, or, where beat is set, the
// heartbeat that an Online event stands for.
type deed struct {
	at    events.Moment
	event events.Event
	beat  *events.Beat
}

// UserAt folds what happened to one user up to the time t: his sessions,
// override and status then. It is not Known if the log had not named him by
// then, or no longer says so. Heartbeats that changed nothing are not in it, so
// that last seen is as far as events that outlive them tell. One with too many events
// is an error; the others are the log's.
func UserAt(ctx context.Context, log audit, id string, t events.Millis) (events.User, error) {
	var deeds []deed
	err := log.Audit(ctx, journal.AuditQuery{User: id}, func(batch []journal.Record) error {
		for i := range batch {
			if batch[i].Err == nil { // what cannot be decoded is told by the views
				deeds = appendDeed(deeds, &batch[i], t)
			}
		}
		if len(deeds) > maxUserAt {
			return errTooMany
		}
		return nil
	})
	if err != nil {
		return events.User{}, fmt.Errorf("folding a user: %w", err)
	}
	// What was on its way when he was erased may still be there.
	erased, err := lastErasure(ctx, log, id)
	if err != nil {
		return events.User{}, err
	}
	deeds = slices.DeleteFunc(deeds, func(d deed) bool { return d.at.Place().Before(erased) })
	slices.SortStableFunc(deeds, func(a, b deed) int { return a.at.Place().Compare(b.at.Place()) })
	u := events.User{ID: id}
	for i := range deeds {
		if d := &deeds[i]; d.beat != nil {
			raw := d.beat.Raw()
			if t := d.at.Effective(raw.At); u.Effect(&raw, t) == events.EffectChange {
				events.Lapse(&u, d.at, t)
			}
			events.ApplyBeat(&u, d.at, &raw)
		} else {
			if d.event.Lapses() {
				events.Lapse(&u, d.at, d.at.Effective(d.event.At))
			}
			events.Apply(&u, d.at, &d.event)
		}
	}
	return u, nil
}

// appendDeed appends what e says of the time up to t.
func appendDeed(deeds []deed, r *journal.Record, t events.Millis) []deed {
	e := &r.Event
	if e.Type == events.Online {
		if b, at := events.Witnessed(e); at.Time <= t {
			deeds = append(deeds, deed{at: at, beat: &b})
		}
		return deeds
	}
	at := r.Moment()
	happened := at.Effective(e.At)
	if e.Type == events.Override && e.Change == events.OverrideExpired {
		happened = min(happened, e.At) // it ended then, however late that was written
	}
	if happened <= t {
		deeds = append(deeds, deed{at: at, event: *e})
	}
	return deeds
}

// lastErasure is the place of the last Erased event about the user, the zero
// Place where there is none.
func lastErasure(ctx context.Context, log audit, id string) (p events.Place, err error) {
	err = log.Audit(ctx, journal.AuditQuery{Types: []events.Type{events.Erased}}, func(batch []journal.Record) error {
		for i := range batch {
			if batch[i].Err == nil && events.Erases(&batch[i].Event, id) {
				p = batch[i].Place
			}
		}
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("looking for the erasure of a user: %w", err)
	}
	return p, nil
}
