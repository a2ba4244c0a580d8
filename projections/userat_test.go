package projections_test

import (
	"context"
	"slices"
	"testing"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
)

// written is a log: what stands at 1, at 2 and so on.
type written []events.Event

func (w written) Audit(_ context.Context, q journal.AuditQuery, fn func([]journal.Record) error) error {
	var found []journal.Record
	for i := range w {
		if e := w[i]; e.User == q.User && q.User != "" || slices.Contains(q.Types, e.Type) {
			found = append(found, journal.Record{Place: events.Place{Seq: uint64(i + 1)}, Time: e.At, Event: e})
		}
	}
	return fn(found)
}

// TestNothingOfAnErasedUserIsFolded: not even what was on its way when he was erased, and has not been removed yet.
func TestNothingOfAnErasedUserIsFolded(t *testing.T) {
	event := func(at events.Millis, typ events.Type, session string) events.Event {
		return events.Event{ID: "x", V: events.Version, Type: typ, User: "ann", Session: session, Actor: "ann", At: at}
	}
	late := event(40_000, events.Online, "old")
	late.Since, late.By = 20_000, 2
	erased := events.Event{ID: "x", V: events.Version, Type: events.Erased, Actor: "root", At: 30_000, Salt: "00"}
	erased.Hash = events.HashID(erased.Salt, "ann")
	other := erased
	other.Hash = events.HashID(other.Salt, "bob")
	other.At = 60_000
	log := written{event(10_000, events.Login, "old"), {Type: events.Login, User: "bob", V: events.Version, ID: "x", Actor: "bob", At: 20_000},
		erased, late, event(50_000, events.Login, "new"), other}
	for _, tt := range []struct {
		at   events.Millis
		want []string
	}{{15_000, nil}, {45_000, nil}, {50_000, []string{"new"}}, {100_000, []string{"new"}}} {
		u, err := projections.UserAt(t.Context(), log, "ann", tt.at)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range u.Sessions {
			got = append(got, s.ID)
		}
		if !slices.Equal(got, tt.want) || u.Known() != (len(tt.want) > 0) {
			t.Errorf("at %d: %v, known %t", tt.at, got, u.Known())
		}
	}
}
