package api

import (
	"net/url"
	"slices"
	"strconv"
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
		case len(all) > 1:
			return nil, invalidParameter.at("query."+name, "this parameter comes twice")
		}
		q[name] = all[0]
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
