package past

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/rollcall-dev/rollcall/events"
)

// ReadOptions says how a file is read.
type ReadOptions struct {
	SkipBad bool      // leave bad rows out, and say so in File.Bad
	Now     time.Time // what lies up to five minutes after it becomes it, what is later is not past; zero: time.Now()
}

// Read reads all of r, the content of the file name, and checks it. A name that
// ends in .gz is unpacked, of several members too. A file that begins with a
// brace holds a JSON object a line; any other is CSV, whose header says which
// Kind it is.
//
// Errors wrap ErrFormat, are a *BadRowsError unless SkipBad is set, or come from
// r: a file that cannot be read to its end is never imported in part.
func Read(r io.Reader, name string, opts ReadOptions) (*File, error) {
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	if strings.HasSuffix(strings.ToLower(name), ".gz") {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", name, err)
		}
		defer func() { _ = z.Close() }() // a Reader has nothing to lose
		r = z
	}
	digest := sha256.New()
	d := &reading{file: &File{}, opts: opts, lines: newLines(io.TeeReader(r, digest))}
	if err := d.read(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	f := d.file
	f.users, f.sessions = d.users.list, d.sessions.list
	digest.Sum(f.digest[:0])
	f.sort()
	f.cut(opts.Now.UnixNano())
	return f, nil
}

// reading is a file that is being read.
type reading struct {
	file            *File
	opts            ReadOptions
	lines           *lines
	users, sessions names
	bad             BadRowsError
}

var byteOrderMark = []byte("\xef\xbb\xbf")

func (d *reading) read() error {
	first, _, err := d.lines.ahead(0)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(first, byteOrderMark) {
		d.lines.pass(len(byteOrderMark))
	}
	if first, _, err = d.lines.blankless(); err != nil {
		return err
	}
	switch {
	case len(first) == 0:
		return fmt.Errorf("%w: it is empty", ErrFormat)
	case bytes.HasPrefix(bytes.TrimLeft(first, " \t"), []byte{'{'}):
		err = d.readJSON()
	default:
		err = d.readCSV()
	}
	if err == nil && d.bad.Count > 0 {
		return &d.bad
	}
	return err
}

// event adds a row of an event, or notes what is wrong with it.
func (d *reading) event(line int, at, user, session, event []byte) {
	if session = trimmed(session); len(session) == 0 {
		session = defaultSession
	}
	r := row{line: uint32(line)}
	var bad *BadRow
	if r.at, bad = d.instant(line, "at", at); bad == nil {
		r.user, bad = place(&d.users, line, "user", user)
	}
	if bad == nil {
		r.session, bad = place(&d.sessions, line, "session", session)
	}
	if bad == nil {
		r.what, bad = whatOf(line, event)
	}
	d.add(r, bad)
}

// user adds a row of a user table, or notes what is wrong with it.
func (d *reading) user(line int, id, lastSeen []byte) {
	r := row{line: uint32(line), what: offline}
	var bad *BadRow
	if r.user, bad = place(&d.users, line, "id", id); bad == nil {
		if isNull(lastSeen) {
			d.file.Unseen++
			return
		}
		r.at, bad = d.instant(line, "last_seen", lastSeen)
	}
	d.add(r, bad)
}

// add adds r, or notes that it is bad.
func (d *reading) add(r row, bad *BadRow) {
	switch {
	case bad == nil:
		d.file.rows = append(d.file.rows, r)
	case d.opts.SkipBad:
		d.file.Bad = append(d.file.Bad, *bad)
	default:
		if d.bad.Count++; d.bad.Count <= namedRows {
			d.bad.First = append(d.bad.First, *bad)
		}
	}
}

// reject notes a bad row.
func (d *reading) reject(bad *BadRow) { d.add(row{}, bad) }

var defaultSession = []byte(events.DefaultSession)

func place(n *names, line int, column string, id []byte) (uint32, *BadRow) {
	i, err := n.of(trimmed(id))
	if err != nil {
		return 0, badf(line, "%s %.40q: %v", column, id, err)
	}
	return i, nil
}

// trimmed is id without the blanks at its ends that spreadsheets and terminals
// leave there, which would make it another one that looks the same.
func trimmed(id []byte) []byte {
	return bytes.TrimFunc(id, func(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' })
}

// ahead is how far the clock of whoever wrote a file may be before ours.
const ahead = 5 * time.Minute

// instant reads a time that lies between 1970 and now, or a little later.
func (d *reading) instant(line int, column string, text []byte) (ns int64, bad *BadRow) {
	t, ok := parseInstant(text)
	switch {
	case !ok:
		return 0, badf(line, "%s %.40q is no time like 2021-01-31T09:30:00Z", column, text)
	case t.After(d.opts.Now.Add(ahead)):
		return 0, badf(line, "%s %.40q lies in the future", column, text)
	case t.UnixMilli() <= 0:
		return 0, badf(line, "%s %.40q lies before 1970", column, text)
	}
	return t.UnixNano(), nil
}

// whats are the names of events: Rollcall's, and those of a chat channel's log.
var whats = map[string]what{
	"login": login, "join": login,
	"logout": logout, "leave": logout,
	"heartbeat": heartbeat, "say": heartbeat,
}

// whatOf reads what happened, in any case.
func whatOf(line int, event []byte) (what, *BadRow) {
	w, known := whats[string(event)]
	if !known {
		w, known = whats[string(bytes.ToLower(bytes.TrimSpace(event)))]
	}
	if !known {
		return 0, badf(line, "event %.40q is none of login, logout, heartbeat, join, leave, say", event)
	}
	return w, nil
}

// isNull reports whether a database wrote text for no value.
func isNull(text []byte) bool {
	switch strings.ToLower(string(bytes.TrimSpace(text))) {
	case "", "null", "none", `\n`:
		return true
	}
	return false
}
