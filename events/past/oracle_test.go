package past

import (
	"slices"

	"github.com/rollcall-dev/rollcall/events"
)

// deed is a row as the oracle knows it: it was never in a file or a log.
type deed struct {
	at      events.Millis
	user    string
	session string
	kind    string // login, logout or heartbeat
}

// oracle says what deeds come to: sort them, and go from one to the next. It
// uses nothing of this package and nothing of the rules. timeout and now are in
// milliseconds; timeout 0: nobody times out.
func oracle(deeds []deed, timeout, now events.Millis) outcome {
	deeds = slices.Clone(deeds)
	slices.SortStableFunc(deeds, func(a, b deed) int { return int(a.at - b.at) })
	o := newOutcome()
	last := map[string]map[string]events.Millis{} // user → session → last sign of life
	show := func(user string, at events.Millis) {
		online := len(last[user]) > 0
		steps := o.Steps[user]
		if was := len(steps) > 0 && steps[len(steps)-1].Online; was != online {
			o.Steps[user] = append(steps, step{at, online})
		}
	}
	silence := func(t events.Millis) {
		for timeout > 0 {
			var user, session string
			first := t - timeout
			for u, sessions := range last {
				for s, seen := range sessions {
					if seen < first {
						user, session, first = u, s, seen
					}
				}
			}
			if user == "" {
				return
			}
			delete(last[user], session)
			show(user, first+timeout)
		}
	}
	for _, d := range deeds {
		silence(d.at)
		if last[d.user] == nil {
			last[d.user], o.Seen[d.user] = map[string]events.Millis{}, 0
		}
		_, live := last[d.user][d.session]
		switch {
		case d.kind != "logout":
			last[d.user][d.session] = d.at
			o.Seen[d.user] = d.at
		case live:
			delete(last[d.user], d.session)
			o.Seen[d.user] = d.at
		}
		show(d.user, d.at)
	}
	silence(now)
	for u, sessions := range last {
		if len(sessions) > 0 {
			o.Live[u] = len(sessions)
		}
	}
	return o
}
