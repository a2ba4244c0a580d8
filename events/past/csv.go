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
	fields, _, bad, err := d.lines.record(nil, func(fields [][]byte) bool { return true })
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
			d.reject(badf(line, "%d columns, the header has %d", len(fields), h.width))
		case d.file.Kind == KindUsers:
			d.user(line, fields[h.id], fields[h.lastSeen])
		default:
			d.event(line, fields[h.at], fields[h.user], h.field(fields, h.session), fields[h.event])
		}
	}
}

// header reads the names of the columns, in any order and case.
func (d *reading) header(fields [][]byte) (h header, err error) {
	index := make(map[string]int, len(fields))
	for i, f := range fields {
		name := strings.ToLower(strings.TrimSpace(string(f)))
		if _, twice := index[name]; twice && name != "" {
			return h, fmt.Errorf("%w: its header has two columns %.40q", ErrFormat, name)
		}
		index[name] = i
	}
	take := func(name string) int {
		i, ok := index[name]
		if !ok {
			return -1
		}
		delete(index, name)
		return i
	}
	h = header{width: len(fields), at: take("at"), user: take("user"), event: take("event"), session: -1, id: -1, lastSeen: -1}
	if h.at >= 0 && h.user >= 0 && h.event >= 0 {
		d.file.Kind, h.session = KindEvents, take("session")
	} else if h.id, h.lastSeen = take("id"), take("last_seen"); h.id >= 0 && h.lastSeen >= 0 {
		d.file.Kind = KindUsers
		take("online_status") // nobody is online who has not been heard of here
	} else {
		return h, fmt.Errorf("%w: its header %.80q names neither at, user, event nor id, last_seen", ErrFormat, bytes.Join(fields, []byte{','}))
	}
	for i, f := range fields {
		if name := strings.ToLower(strings.TrimSpace(string(f))); index[name] == i && name != "" {
			d.file.Unused = append(d.file.Unused, string(f))
		}
	}
	return h, nil
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
