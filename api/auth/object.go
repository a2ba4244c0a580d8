package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// member is one name of a JSON object and its value as it was written.
type member struct {
	name  string
	value json.RawMessage
}

// object is the top level of a token's header or claims, in the order written, duplicates included.
//
// It is walked name by name because decoding into a struct or a map hides what must be refused: of two equal names
// the last would win, and a struct also takes "SUB" for "sub".
type object []member

// maxMembers bounds the names of an object. Nobody needs that many, and to take apart the 700 that fit in a header costs
// ten times a signature check: too much for what anybody may send.
const maxMembers = 128

var (
	errNotObject = errors.New("is not a JSON object in UTF-8")
	errTooMany   = fmt.Errorf("has more than %d names", maxMembers)
)

// readObject takes data apart. It refuses anything but exactly one object of at most maxMembers names.
func readObject(data []byte) (object, error) {
	// Valid sees what a walk by tokens would not: whatever follows the object.
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errNotObject
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errNotObject
	}
	var o object
	for dec.More() {
		if len(o) == maxMembers {
			return nil, errTooMany
		}
		name, err := dec.Token()
		if err != nil {
			return nil, errNotObject
		}
		m := member{name: name.(string)} // all that a token at this place can be
		if err := dec.Decode(&m.value); err != nil {
			return nil, errNotObject
		}
		o = append(o, m)
	}
	return o, nil
}

// get returns the first value of name, nil where there is none.
func (o object) get(name string) json.RawMessage {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// faults reports every name given twice, and every name that differs only in case from one of known.
func (o object) faults(where string, known []string) (f faults) {
	seen := make(map[string]bool, len(o))
	for _, m := range o {
		if seen[m.name] {
			f.add("%s %.40q is given twice", where, m.name)
		}
		seen[m.name] = true
		if slices.Contains(known, m.name) {
			continue
		}
		folds := func(k string) bool { return strings.EqualFold(k, m.name) }
		if k := slices.IndexFunc(known, folds); k >= 0 {
			f.add("%s %.40q differs from %q in case only", where, m.name, known[k])
		}
	}
	return f
}

// text is the value of a JSON string. ok is false for any other kind, and where an escape stands for no character.
func text(v json.RawMessage) (s string, ok bool) {
	if len(v) == 0 || v[0] != '"' || json.Unmarshal(v, &s) != nil {
		return "", false
	}
	return s, !replaced(v, s)
}

// texts are the strings of a JSON array that holds nothing else. ok is false for any other value.
func texts(v json.RawMessage) (list []string, ok bool) {
	var values []json.RawMessage
	if len(v) == 0 || v[0] != '[' || json.Unmarshal(v, &values) != nil {
		return nil, false
	}
	for _, value := range values {
		s, ok := text(value)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// replaced says whether decoding may have put U+FFFD for half of a surrogate pair, by which two ids could become one.
func replaced(raw json.RawMessage, s string) bool {
	return strings.ContainsRune(s, utf8.RuneError) && bytes.Contains(raw, []byte(`\u`))
}
