package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// endpoint is what a route does, and, for the document, what it takes and gives. serve returns the status that it wrote;
// with an error it has written nothing.
type endpoint struct {
	serve   func(a *API, q request) (status int, err error)
	body    contents         // what a request may carry; empty: nothing
	needed  bool             // a request must carry it
	answers map[int]contents // status → what a success carries
	offers  []string         // media types of which a client must accept one; empty: any
}

// contents says which Go type a media type carries.
type contents map[string]reflect.Type

// carry returns the contents of one media type.
func carry[T any](media string) contents { return contents{media: typeOf[T]()} }

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// Media types.
const (
	typeJSON     = "application/json"
	typeNDJSON   = "application/x-ndjson"
	typeProtobuf = "application/x-protobuf"
	typeCSV      = "text/csv"
	typeProblem  = "application/problem+json"
	typeText     = "text/plain; charset=utf-8"
)

// none is the body of a call that takes none; whatever a client sends with it is not looked at.
type none struct{}

// call adapts a function from JSON to JSON. Where In is none the body is not read.
func call[In, Out any](status int, fn func(*API, request, *In) (*Out, error)) endpoint {
	e := endpoint{answers: map[int]contents{status: carry[Out](typeJSON)}, offers: []string{typeJSON}}
	reads := reflect.TypeFor[In]() != reflect.TypeFor[none]()
	if reads {
		e.body, e.needed = carry[In](typeJSON), hasRequired(reflect.TypeFor[In]())
	}
	e.serve = func(a *API, q request) (int, error) {
		var body In
		if reads {
			found, err := readJSON(q.w, q.r, &body)
			if err == nil && e.needed && !found {
				err = fault(malformedBody, "A body is needed.")
			}
			if err != nil {
				return 0, err
			}
		}
		out, err := fn(a, q, &body)
		if err != nil {
			return 0, err
		}
		return status, writeJSON(q.w, status, out)
	}
	return e
}

// hasRequired says whether t, a struct, has a field that must be there.
func hasRequired(t reflect.Type) bool {
	for i := range t.NumField() {
		if !strings.Contains(t.Field(i).Tag.Get("json"), ",omitempty") {
			return true
		}
	}
	return false
}

// writeJSON answers with out. An error has written nothing.
func writeJSON(w http.ResponseWriter, status int, out any) error {
	data, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encoding an answer: %w", err)
	}
	h := w.Header()
	h["Content-Type"] = jsonHeader
	secure(h)
	w.WriteHeader(status)
	write(w, append(data, '\n'))
	return nil
}
