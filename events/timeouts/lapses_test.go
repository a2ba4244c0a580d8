package timeouts

import (
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

func TestAnOverrideIsReportedOnceASecondUntilItHasEnded(t *testing.T) {
	d := NewDeadlines(usual, 0)
	u := &events.User{ID: "alice"}
	set := func(seq uint64, until events.Millis) {
		u.Override = &events.StandingOverride{Status: events.StatusBusy, Seq: seq, Until: until}
		d.Touch(u)
	}
	const hour = 3_600_000
	set(1, 500)
	set(2, 10*hour)
	set(3, 3*hour)
	set(4, 3*hour)
	d.Touch(u)

	var at []events.Millis
	for now := events.Millis(0); now <= 3*hour+2000; now += 500 {
		for _, l := range d.lapses.take(now, window) {
			if l.Place.Seq != 4 || l.Until != 3*hour {
				t.Fatalf("at %d: %+v; want the override that stands", int64(now), l)
			}
			at = append(at, now)
		}
	}
	same(t, "reported at", at, 3*hour, 3*hour+1000, 3*hour+2000)

	u.Override = nil
	if got := d.lapses.take(4*hour, window); len(got) != 0 || len(d.lapses.heap) != 0 {
		t.Errorf("after its end: %+v reported, %d entries left", got, len(d.lapses.heap))
	}
}

func TestAnOverrideWithoutAnEndIsNotWatched(t *testing.T) {
	d := NewDeadlines(usual, 0)
	d.Touch(&events.User{ID: "alice", Override: &events.StandingOverride{Status: events.StatusAway, Seq: 1}})
	if len(d.lapses.heap) != 0 {
		t.Error("it has an alarm")
	}
}
