package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// query holds the parameters of a request, each known and at most once.
type query map[string]string

// parseQuery refuses parameters that the route does not declare, lest a typing error pass unnoticed.
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
		case len(all) > 1 && name != "type": // the one list: it may repeat, or be separated by commas
			return nil, invalidParameter.at("query."+name, "this parameter comes twice")
		}
		q[name] = strings.Join(all, ",")
	}
	return q, nil
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
	t, err := time.Parse(time.RFC3339, raw)
	if year := t.UTC().Year(); err != nil || year < 0 || year > 9999 {
		return 0, invalidParameter.at("query."+name, "a time as RFC 3339 has it, such as 2026-11-23T08:00:00Z")
	}
	return max(events.MillisOf(t), 1), nil // nothing was before 1970
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
