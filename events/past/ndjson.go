package past

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// object is a line of NDJSON. Other fields mean nothing here.
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
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return
	case !utf8.Valid(text):
		d.reject(badf(line, "not UTF-8"))
	case json.Unmarshal(text, &o) != nil:
		d.reject(badf(line, "not a JSON object whose at, user, event and session are strings"))
	case invented(text, o.User), invented(text, o.Session):
		d.reject(badf(line, "an id with one half of a surrogate pair"))
	default:
		d.event(line, []byte(o.At), []byte(o.User), []byte(o.Session), []byte(o.Event))
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
