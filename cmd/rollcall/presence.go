package main

import (
	"strconv"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

// presenceColumns show a user in one line.
var presenceColumns = []column[client.Presence]{
	{"user", func(p client.Presence) string { return p.User }},
	{"status", func(p client.Presence) string { return string(p.Status) }},
	{"observed", func(p client.Presence) string { return string(p.Observed) }},
	{"since", func(p client.Presence) string { return moment(p.Since) }},
	{"last_seen", func(p client.Presence) string { return moment(p.LastSeen) }},
	{"sessions", sessionCount},
	{"override", func(p client.Presence) string { return overrideText(p.Override) }},
}

// overrideText tells who put what over the observed status.
func overrideText(o *client.Override) string {
	if o == nil {
		return ""
	}
	s := string(o.Status) + " by " + o.By
	if !o.Until.IsZero() {
		s += " until " + moment(o.Until)
	}
	if o.Reason != "" {
		s += ": " + o.Reason
	}
	return s
}

// moment is RFC 3339 in UTC with milliseconds; "" for never.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// sessionCount is "" for whoever may not see the sessions: that is not to say that there is none.
func sessionCount(p client.Presence) string {
	if p.Sessions == nil {
		return ""
	}
	return strconv.Itoa(len(p.Sessions))
}

func statusWords() []string {
	var words []string
	for _, s := range client.Statuses() {
		words = append(words, string(s))
	}
	return words
}
