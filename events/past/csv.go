package past

import (
	"bytes"
	"fmt"
	"strings"
)

// header says where in a record stands what; -1: nowhere.
type header struct {
	width                    int
	at, user, session, event int // of KindEvents
	id, lastSeen             int // of KindUsers
}

func (d *reading) readCSV() error {
	fields, _, bad, err := d.lines.record(nil, func([][]byte) bool { return true })
	if err != nil {
		return err
	}
	if bad != nil {
		return fmt.Errorf("%w: its header: %w", ErrFormat, bad)
	}
	h, err := d.header(fields)
	if err != nil {
		return err
	}
	for {
		var line int
		fields, line, bad, err = d.lines.record(fields, h.fits)
		switch {
		case err != nil:
			return err
		case bad != nil:
			d.reject(bad)
		case len(fields) == 0:
			return nil
		case len(fields) != h.width:
			d.reject(badf(line, "%s, the header has %d", count(len(fields), "column"), h.width))
		case d.file.Kind == KindUsers:
			d.user(line, fields[h.id], fields[h.lastSeen])
		default:
			d.event(line, fields[h.at], fields[h.user], h.field(fields, h.session), fields[h.event])
		}
	}
}

// header reads the names of the columns, in any order and case.
func (d *reading) header(fields [][]byte) (h header, err error) {
	column := make(map[string]int, len(fields)) // name → place
	for i, f := range fields {
		name := columnName(f)
		if _, twice := column[name]; twice && name != "" {
			return h, fmt.Errorf("%w: its header has two columns %.40q", ErrFormat, name)
		}
		column[name] = i
	}
	h = header{width: len(fields), at: -1, user: -1, session: -1, event: -1, id: -1, lastSeen: -1}
	used := map[string]bool{}
	take := func(place *int, name string) {
		if i, ok := column[name]; ok {
			*place, used[name] = i, true
		}
	}
	switch {
	case has(column, "at", "user", "event"):
		d.file.Kind = KindEvents
		take(&h.at, "at")
		take(&h.user, "user")
		take(&h.event, "event")
		take(&h.session, "session")
	case has(column, "id", "last_seen"):
		d.file.Kind = KindUsers
		take(&h.id, "id")
		take(&h.lastSeen, "last_seen")
		used["online_status"] = true // nobody is online who has not been heard of here
	default:
		return h, fmt.Errorf("%w: its header %.80q names neither at, user, event nor id, last_seen", ErrFormat, bytes.Join(fields, []byte{','}))
	}
	for _, f := range fields {
		if name := columnName(f); !used[name] {
			d.file.Unused = append(d.file.Unused, name)
		}
	}
	return h, nil
}

func columnName(field []byte) string { return strings.ToLower(strings.TrimSpace(string(field))) }

func has(column map[string]int, names ...string) bool {
	for _, name := range names {
		if _, ok := column[name]; !ok {
			return false
		}
	}
	return true
}

func (h *header) field(fields [][]byte, i int) []byte {
	if i < 0 {
		return nil
	}
	return fields[i]
}

// fits reports whether a record of several lines can be one: nothing that is
// imported holds a line break.
func (h *header) fits(fields [][]byte) bool {
	if len(fields) != h.width {
		return false
	}
	for _, i := range []int{h.at, h.user, h.session, h.event, h.id, h.lastSeen} {
		if bytes.IndexByte(h.field(fields, i), '\n') >= 0 {
			return false
		}
	}
	return true
}
