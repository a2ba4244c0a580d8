package past

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// object is a line of NDJSON.
type object struct {
	At      string `json:"at"`
	User    string `json:"user"`
	Session string `json:"session"`
	Event   string `json:"event"`
}

func (d *reading) readJSON() error {
	d.file.Kind = KindEvents
	for {
		text, whole, err := d.lines.blankless()
		line := d.lines.number
		switch {
		case err != nil:
			return err
		case len(text) == 0:
			return nil
		case !whole:
			d.reject(badf(line, "longer than %d bytes", maxRecord))
			if err := d.lines.passLine(); err != nil {
				return err
			}
			continue
		}
		d.object(line, text)
		d.lines.pass(len(text))
	}
}

func (d *reading) object(line int, text []byte) {
	var o object
	var bad *BadRow
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return
	case !utf8.Valid(text):
		bad = badf(line, "not UTF-8")
	case json.Unmarshal(text, &o) != nil:
		bad = badf(line, "not a JSON object whose at, user, event and session are strings")
	case invented(text, o.User), invented(text, o.Session):
		bad = badf(line, "an id with one half of a surrogate pair")
	default:
		bad = strange(line, text)
	}
	if bad != nil {
		d.reject(bad)
		return
	}
	d.event(line, []byte(o.At), []byte(o.User), []byte(o.Session), []byte(o.Event))
}

// fieldNames are those of an object.
var fieldNames = [...]string{"at", "user", "session", "event"}

// strange says which field of the object that text is must not be there; nil where all may. As in the HTTP API that is
// one that is unknown, in other letters, or there twice: a typing error must not pass unnoticed.
func strange(line int, text []byte) *BadRow {
	var seen [len(fieldNames)]bool
	for quoted := range namesOf(text) {
		name := string(quoted[1 : len(quoted)-1])
		if strings.Contains(name, `\`) {
			_ = json.Unmarshal(quoted, &name) // it is a string: text has been read already
		}
		i := slices.Index(fieldNames[:], name)
		switch {
		case i < 0 && slices.Contains(fieldNames[:], strings.ToLower(name)):
			return badf(line, "field %.40q is written %s", name, strings.ToLower(name))
		case i < 0:
			return badf(line, "field %.40q is none of at, user, event, session", name)
		case seen[i]:
			return badf(line, "field %q comes twice", name)
		}
		seen[i] = true
	}
	return nil
}

// namesOf yields the names of the fields of the object that text is, each in its quotes. text is JSON.
func namesOf(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		depth, next := 0, false // next: the string that comes is a name
		for i := 0; i < len(text); i++ {
			switch text[i] {
			case '{', '[':
				depth++
				next = depth == 1
			case '}', ']':
				depth--
			case ',':
				next = depth == 1
			case '"':
				n := stringLen(text[i:])
				if next && !yield(text[i:i+n]) {
					return
				}
				next = false
				i += n - 1
			}
		}
	}
}

// stringLen is how long the JSON string is that text begins with.
func stringLen(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// invented reports whether id, decoded from text, holds a replacement character
// that text does not: then the decoder put it in the place of what is no
// character, and two ids could become one.
func invented(text []byte, id string) bool {
	const replacement = "\uFFFD"
	return bytes.Contains([]byte(id), []byte(replacement)) &&
		!bytes.Contains(text, []byte(replacement)) && !bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`))
}
