package main

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

// stretch is what somebody was from one minute of firstSeen's hour to another; 0: it goes on.
func stretch(status client.Status, from, to int) client.Interval {
	i := client.Interval{Status: status, From: firstSeen.Add(time.Duration(from) * time.Minute)}
	if to > 0 {
		i.To = firstSeen.Add(time.Duration(to) * time.Minute)
	}
	return i
}

func TestTimelineDrawsWhatHeldLongest(t *testing.T) {
	day := []client.Interval{
		stretch(client.StatusOnline, 10, 30), stretch(client.StatusAway, 30, 41), stretch(client.StatusBusy, 41, 60), stretch(client.StatusOffline, 60, 0),
	}
	now := firstSeen.Add(80 * time.Minute)
	const legend = "\n█ online  ▒ away  ▓ busy  · offline"
	for name, test := range map[string]struct {
		from, to time.Time
		want     string
	}{
		"from the first interval": {want: "2026-11-23 08:10 ██▒▓▓·· 2026-11-23 09:20" + legend},
		"from before it":          {from: firstSeen.Add(-10 * time.Minute), to: firstSeen.Add(60 * time.Minute), want: "2026-11-23 07:50   ██▒▓▓ 2026-11-23 09:00" + legend},
		"up to now at most":       {from: firstSeen.Add(10 * time.Minute), to: now.Add(time.Hour), want: "2026-11-23 08:10 ██▒▓▓·· 2026-11-23 09:20" + legend},
		"in the future":           {from: now.Add(time.Minute), want: ""},
	} {
		if got := timeline(day, test.from, test.to, now, 7, false); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	if got := timeline(nil, firstSeen, now, now, 7, false); got != "" {
		t.Errorf("got %q of nothing", got)
	}
}
