package past

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// ReadOptions says how a file is read.
type ReadOptions struct {
	SkipBad bool      // leave bad rows out, and say so in File.Bad
	Now     time.Time // what lies behind it is not past; zero: time.Now()
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
		defer z.Close()
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
	case bytes.TrimLeft(first, " \t")[:1][0] == '{':
		err = d.readJSON()
	default:
		err = d.readCSV()
	}
	if err == nil && d.bad.Count > 0 && !d.opts.SkipBad {
		return &d.bad
	}
	return err
}

// reject notes a bad row.
func (d *reading) reject(bad *BadRow) {
	d.bad.Count++
	if d.opts.SkipBad {
		d.file.Bad = append(d.file.Bad, *bad)
	} else if len(d.bad.First) < namedRows {
		d.bad.First = append(d.bad.First, *bad)
	}
}

// event adds a row of an event, or notes what is wrong with it.
func (d *reading) event(line int, at, user, session, event []byte) {
	ns, bad := d.instant(line, "at", at)
	if bad == nil {
		bad = checkID(line, "user", user)
	}
	if bad == nil && len(session) > 0 {
		bad = checkID(line, "session", session)
	}
	w, known := whatOf(event)
	switch {
	case bad != nil:
		d.reject(bad)
		return
	case !known:
		d.reject(badf(line, "event %.40q is none of login, logout, heartbeat, join, leave, say", event))
		return
	case len(session) == 0:
		session = []byte(events.DefaultSession)
	}
	d.file.rows = append(d.file.rows, row{at: ns, line: uint32(line), user: d.users.of(user), session: d.sessions.of(session), what: w})
}

// user adds a row of a user table, or notes what is wrong with it.
func (d *reading) user(line int, id, lastSeen []byte) {
	bad := checkID(line, "id", id)
	if bad == nil && isNull(lastSeen) {
		d.file.Unseen++
		return
	}
	var ns int64
	if bad == nil {
		ns, bad = d.instant(line, "last_seen", lastSeen)
	}
	if bad != nil {
		d.reject(bad)
		return
	}
	d.file.rows = append(d.file.rows, row{at: ns, line: uint32(line), user: d.users.of(id), what: offline})
}

// instant reads a time that lies between 1970 and now.
func (d *reading) instant(line int, column string, text []byte) (ns int64, bad *BadRow) {
	t, ok := parseInstant(text)
	switch {
	case !ok:
		return 0, badf(line, "%s %.40q is no time like 2021-01-31T09:30:00Z", column, text)
	case t.After(d.opts.Now):
		return 0, badf(line, "%s %.40q lies in the future", column, text)
	case t.UnixMilli() <= 0:
		return 0, badf(line, "%s %.40q lies before 1970", column, text)
	}
	return t.UnixNano(), nil
}

var errNoID = errors.New("it is empty")

func checkID(line int, column string, id []byte) *BadRow {
	err := events.ValidID(string(id))
	if len(id) == 0 {
		err = errNoID
	}
	if err != nil {
		return badf(line, "%s %.40q: %v", column, id, err)
	}
	return nil
}

func whatOf(event []byte) (w what, known bool) {
	switch strings.ToLower(string(bytes.TrimSpace(event))) {
	case "login", "join":
		return login, true
	case "logout", "leave":
		return logout, true
	case "heartbeat", "say":
		return heartbeat, true
	}
	return 0, false
}

// isNull reports whether a database wrote text for no value.
func isNull(text []byte) bool {
	switch strings.ToLower(string(bytes.TrimSpace(text))) {
	case "", "null", "none", `\n`:
		return true
	}
	return false
}
