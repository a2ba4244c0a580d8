package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// query holds the parameters of a request, each known; the values of one that
// repeats are joined by commas.
type query map[string]string

// repeatable are the parameters that may come more than once.
var repeatable = []string{"type", "users"}

// parseQuery refuses parameters that the route does not declare, so that a typing error does not pass unnoticed.
func parseQuery(raw string, declared []string) (query, error) {
	if raw == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fault(invalidParameter, "The query cannot be read.")
	}
	q := make(query, len(values))
	for name, all := range values {
		switch {
		case !slices.Contains(declared, name):
			return nil, invalidParameter.at("query."+shown(name), "there is no such parameter here")
		case len(all) > 1 && !slices.Contains(repeatable, name):
			return nil, invalidParameter.at("query."+name, "this parameter comes twice")
		}
		q[name] = strings.Join(all, ",")
	}
	return q, nil
}

// idsOf returns the ids that the parameter name of a raw query gives, in their
// order and each once. A parameter that comes once is a list with commas between
// the ids; one that repeats gives one id each time, commas and all. A comma that
// is percent-encoded is always part of an id. An empty list gives nil.
func idsOf(raw, name string) (ids []string, err error) {
	var values []string // as they came
	for pair := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(key); err == nil && key == name {
			values = append(values, value)
		}
	}
	if len(values) == 1 {
		if values[0] == "" {
			return nil, nil
		}
		values = strings.Split(values[0], ",")
	}
	known := make(map[string]bool, len(values))
	for _, value := range values {
		id, err := url.QueryUnescape(value)
		if err == nil {
			err = events.ValidID(id)
		}
		if err != nil {
			return nil, invalidParameter.at("query."+name, "user ids, separated by commas, or one each time that the parameter repeats")
		}
		if !known[id] {
			known[id] = true
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// number returns the parameter name, between least and most, or def where it is missing.
func (q query) number(name string, def, least, most uint64) (uint64, error) {
	raw, ok := q[name]
	if !ok {
		return def, nil
	}
	n, err := strconv.ParseUint(raw, 10, 64)
	if err != nil || n < least || n > most {
		return 0, invalidParameter.at("query."+name, "a whole number from "+strconv.FormatUint(least, 10)+" to "+strconv.FormatUint(most, 10))
	}
	return n, nil
}

// moment returns the parameter name, an RFC 3339 time, or def where it is missing. It is never 0 where it is there.
func (q query) moment(name string, def events.Millis) (events.Millis, error) {
	raw, ok := q[name]
	if !ok {
		return def, nil
	}
	t, ok := parseTime(raw)
	if !ok {
		return 0, invalidParameter.at("query."+name, "a time as RFC 3339 has it, such as 2026-11-23T08:00:00Z")
	}
	return max(t, 1), nil // nothing was before 1970
}

// parseTime reads an RFC 3339 time that can be written as one again: an offset can
// lead out of the years of four digits, in UTC.
func parseTime(text string) (events.Millis, bool) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if year := t.UTC().Year(); err != nil || year < 0 || year > 9999 {
		return 0, false
	}
	return events.MillisOf(t), true
}

// stretch returns the parameters from and to; to must not be before from where both are there.
func (q query) stretch(from, to events.Millis) (events.Millis, events.Millis, error) {
	from, err := q.moment("from", from)
	if err != nil {
		return 0, 0, err
	}
	if to, err = q.moment("to", to); err != nil {
		return 0, 0, err
	}
	if to != 0 && from > to {
		return 0, 0, invalidParameter.at("query.to", "not before from")
	}
	return from, to, nil
}

// flag returns the parameter name, true or false, or false where it is missing.
func (q query) flag(name string) (bool, error) {
	switch q[name] {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	if _, ok := q[name]; ok {
		return false, invalidParameter.at("query."+name, "true or false")
	}
	return false, nil
}
