package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxDepth is how deep a body may be nested. None that is understood goes deeper than two.
const maxDepth = 8

// decode fills the struct at into from data, which must hold one JSON object and nothing else. What encoding/json lets
// pass is refused: a field that the struct does not have, one that comes twice or in other capitals, invalid UTF-8 and
// halves of surrogate pairs, which would turn different ids into the same. Errors are faults.
func decode(data []byte, into any) error {
	if !utf8.Valid(data) {
		return fault(malformedBody, "The body is not valid UTF-8.")
	}
	if !json.Valid(data) {
		return syntaxFault(data)
	}
	if data = bytes.TrimLeft(data, " \t\r\n"); data[0] != '{' {
		return fault(malformedBody, "The body is not a JSON object.")
	}
	if err := fieldsOf(into).check(data); err != nil {
		return err
	}
	return asTypeFault(json.Unmarshal(data, into))
}

func syntaxFault(data []byte) error {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(data, new(json.RawMessage)); errors.As(err, &syntax) {
		return fault(malformedBody, fmt.Sprintf("The body is not valid JSON: see byte %d.", syntax.Offset))
	}
	return fault(malformedBody, "The body is not valid JSON.")
}

func asTypeFault(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return malformedBody.at("body."+wrong.Field, wrong.Value+" does not fit here")
	}
	return err
}

// fields are the names, exactly as they are written, that an object may have.
type fields map[string]bool

var knownFields sync.Map // reflect.Type of a struct → its fields

// fieldsOf returns the JSON names of the fields of the struct at into.
func fieldsOf(into any) fields {
	t := reflect.TypeOf(into).Elem()
	if known, ok := knownFields.Load(t); ok {
		return known.(fields)
	}
	f := fields{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		f[name] = true
	}
	knownFields.Store(t, f)
	return f
}

// check walks the valid JSON object data.
func (f fields) check(data []byte) error {
	var seen []string
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			if depth++; depth > maxDepth {
				return fault(malformedBody, "The body is nested too deeply.")
			}
		case '}', ']':
			depth--
		case '"':
			end := endOfString(data, i)
			text := data[i:end]
			if halfSurrogate(text) {
				return fault(malformedBody, "The body has half of a surrogate pair.")
			}
			i = end - 1
			// In valid JSON a string before a colon is a key.
			if rest := bytes.TrimLeft(data[end:], " \t\r\n"); depth == 1 && rest[0] == ':' {
				name := unquote(text)
				if err := f.checkName(name, seen); err != nil {
					return err
				}
				seen = append(seen, name)
			}
		}
	}
	return nil
}

func (f fields) checkName(name string, seen []string) error {
	if !f[name] {
		for known := range f {
			if strings.EqualFold(known, name) {
				return unknownField.at("body."+shown(name), "this field is written "+known)
			}
		}
		return unknownField.at("body."+shown(name), "there is no such field")
	}
	for _, s := range seen {
		if s == name {
			return malformedBody.at("body."+name, "this field comes twice")
		}
	}
	return nil
}

// shown cuts a name that a client made up to what an answer may hold of it.
func shown(name string) string {
	const most = 64
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}
