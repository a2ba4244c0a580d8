package main

import (
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

// timelineWidth is how many characters a timeline is drawn with.
const timelineWidth = 72

// blocks are how a timeline shows a status.
var blocks = map[client.Status]string{
	client.StatusOnline: "█", client.StatusAway: "▒", client.StatusBusy: "▓", client.StatusOffline: "·",
}

// timeline draws intervals, oldest first, as one line between its two ends. Without from it begins with the first
// interval, without to it ends now. Each character is the status that held longest in its part of the time.
func timeline(intervals []client.Interval, from, to, now time.Time, width int, colored bool) string {
	if to.IsZero() || to.After(now) {
		to = now
	}
	if from.IsZero() && len(intervals) > 0 {
		from = intervals[0].From
	}
	if len(intervals) == 0 || !from.Before(to) {
		return ""
	}
	var line strings.Builder
	for n := range width {
		at := func(n int) time.Time { return from.Add(to.Sub(from) / time.Duration(width) * time.Duration(n)) }
		line.WriteString(block(longest(intervals, at(n), at(n+1)), colored))
	}
	return clock(from) + " " + line.String() + " " + clock(to) + "\n" +
		"█ online  ▒ away  ▓ busy  · offline"
}

// clock is a time at the end of a timeline.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// longest is the status that held longest in [from, to); "" where none is known.
func longest(intervals []client.Interval, from, to time.Time) client.Status {
	held := map[client.Status]time.Duration{}
	best := client.Status("")
	for _, i := range intervals {
		if i.From.Before(to) && (i.To.IsZero() || i.To.After(from)) {
			begin, end := i.From, i.To
			if begin.Before(from) {
				begin = from
			}
			if end.IsZero() || end.After(to) {
				end = to
			}
			if held[i.Status] += end.Sub(begin); best == "" || held[i.Status] > held[best] {
				best = i.Status
			}
		}
	}
	return best
}

func block(status client.Status, colored bool) string {
	b, known := blocks[status]
	if !known {
		return " "
	}
	if colored {
		return "\x1b[" + colors[string(status)] + "m" + b + "\x1b[0m"
	}
	return b
}
