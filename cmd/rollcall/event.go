package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/api/client"
)

// event is one of the log. As JSON it is what the node sent, with what this program may not know.
type event struct{ client.Event }

func (e event) MarshalJSON() ([]byte, error) {
	if e.Raw == nil {
		return json.Marshal(e.Event)
	}
	return e.Raw, nil
}

// eventTypes are those that can be asked for.
var eventTypes = []string{"login", "heartbeat", "logout", "override", "offline", "online", "erased"}

// eventColumns show an event in one line.
var eventColumns = []column[event]{
	{"time", func(e event) string { return moment(e.At) }}, // "": nobody can tell
	{"seq", seqOf},
	{"type", func(e event) string { return e.Type + given(e.Undecodable, "undecodable") }},
	{"user", func(e event) string { return e.User }},
	{"session", func(e event) string { return e.Session }},
	{"actor", func(e event) string { return e.Actor }},
	{"details", details},
}

// seqOf is the sequence of e's commit and, but for the first, which entry of that it is.
func seqOf(e event) string {
	if e.Nth == 0 {
		return strconv.FormatUint(e.Seq, 10)
	}
	return e.Place()
}

// eventWidths are those of a table that grows.
var eventWidths = []int{24, 10, 11, 16, 12, 12, 0}

// details says in words what belongs to single types of events.
func details(e event) string {
	if e.Undecodable {
		return e.Error
	}
	switch e.Type {
	case "login":
		return join(labelled("device ", e.Device), labelled("from ", e.Client))
	case "heartbeat":
		return join(given(e.Idle, "idle"), given(e.Leaving, "its page is closing"), given(e.Every > 0, fmt.Sprintf("every %ds", e.Every)))
	case "logout":
		return given(e.All, "all sessions")
	case "override":
		return overrideDetails(e)
	case "offline":
		return offlineDetails(e)
	case "online":
		return join(fmt.Sprintf("heartbeat of %d", e.By), given(e.Idle, "idle"), given(e.Voids > 0, fmt.Sprintf("undoes %d", e.Voids)))
	case "erased":
		return labelled("hash ", e.Hash)
	}
	return ""
}

func overrideDetails(e event) string {
	switch e.Change {
	case "cleared":
		return "cleared"
	case "expired":
		return fmt.Sprintf("that of %d expired", e.Judged)
	}
	s := string(e.Status)
	if !e.Until.IsZero() {
		s += " until " + moment(e.Until)
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

func offlineDetails(e event) string {
	if e.Cause == "left" {
		return join("its page was closed", labelled("last seen ", moment(e.LastSeen)))
	}
	return labelled("silent since ", moment(e.LastSeen))
}

// labelled is "" where there is nothing to label.
func labelled(label, text string) string { return given(text != "", label+text) }

func given(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

// join puts a comma between those that are not empty.
func join(parts ...string) string {
	var said []string
	for _, part := range parts {
		if part != "" {
			said = append(said, part)
		}
	}
	return strings.Join(said, ", ")
}
