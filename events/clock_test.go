package events_test

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

func TestClockCountsGapsInWhichALogWasHeard(t *testing.T) {
	for name, test := range map[string]struct {
		from, to events.Millis
		covered  int64
	}{
		"first message":      {0, morning, 0},
		"same millisecond":   {morning, morning, 0},
		"a millisecond":      {morning, morning + 1, 1},
		"an alive mark":      {morning, morning + 5_000, 5_000},
		"10 s":               {morning, morning + 10_000, 10_000},
		"10.001 s":           {morning, morning + 10_001, 0},
		"an outage":          {morning, morning + 600_000, 0},
		"backwards":          {morning, morning - 1, 0},
		"backwards by hours": {morning, morning - 7_200_000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			clock := events.Clock{Covered: 70, Last: test.from}
			if got := clock.Advance(test.to); got != 70+test.covered || clock.Covered != got {
				t.Errorf("stands at %d, says %d, want %d", clock.Covered, got, 70+test.covered)
			}
			if clock.Last != test.to {
				t.Errorf("last message %v, want %v", clock.Last, test.to)
			}
		})
	}
}

func TestClockGoesOnAfterAnOutageAndAStep(t *testing.T) {
	var clock events.Clock
	for _, at := range []events.Millis{0, 2_000, 2_500, 602_500, 603_500, 1_500, 1_600} {
		clock.Advance(morning + at)
	}
	if want := int64(2_000 + 500 + 1_000 + 100); clock.Covered != want {
		t.Errorf("covered %d, want %d", clock.Covered, want)
	}
}

func TestLimitsOf(t *testing.T) {
	limits := events.Limits{Timeout: 2 * time.Minute, LeaveGrace: 15 * time.Second}
	for name, test := range map[string]struct {
		limits events.Limits
		heard  events.Activity
		want   time.Duration
	}{
		"no interval":                 {limits, events.Activity{}, 2 * time.Minute},
		"a short interval":            {limits, events.Activity{Every: 30}, 2 * time.Minute},
		"an interval of the limit":    {limits, events.Activity{Every: 48}, 2 * time.Minute},
		"a longer interval":           {limits, events.Activity{Every: 49}, 122*time.Second + 500*time.Millisecond},
		"the longest that counts":     {limits, events.Activity{Every: 360}, 15 * time.Minute},
		"longer than counts":          {limits, events.Activity{Every: 361}, 15 * time.Minute},
		"the longest there is":        {limits, events.Activity{Every: 65_535}, 15 * time.Minute},
		"idle":                        {limits, events.Activity{Idle: true, Every: 60}, 150 * time.Second},
		"leaving":                     {limits, events.Activity{Leaving: true}, 15 * time.Second},
		"leaving, a longer interval":  {limits, events.Activity{Leaving: true, Every: 360}, 15 * time.Second},
		"leaving, grace over timeout": {events.Limits{Timeout: 10 * time.Second, LeaveGrace: 15 * time.Second}, events.Activity{Leaving: true}, 10 * time.Second},
		"a timeout above the cap":     {events.Limits{Timeout: time.Hour}, events.Activity{Every: 360}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.limits.Of(&events.Session{Activity: test.heard}); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestASessionExpiresWhenItsTimeIsUpAndNotBefore(t *testing.T) {
	limits := events.Limits{Timeout: 2 * time.Minute, LeaveGrace: 15 * time.Second}
	silent := &events.Session{Activity: events.Activity{Covered: 5_000}}
	left := &events.Session{Activity: events.Activity{Covered: 5_000, Leaving: true}}
	for _, test := range []struct {
		s   *events.Session
		now int64
		due bool
	}{
		{silent, 5_000, false}, {silent, 124_999, false}, {silent, 125_000, true}, {silent, 125_001, true},
		{left, 19_999, false}, {left, 20_000, true},
	} {
		if got := limits.Expired(test.s, test.now); got != test.due {
			t.Errorf("leaving %v, at %d: expired %v, want %v", test.s.Leaving, test.now, got, test.due)
		}
	}
	if got := limits.Due(silent); got != 125_000 {
		t.Errorf("due at %d, want 125000", got)
	}
}
