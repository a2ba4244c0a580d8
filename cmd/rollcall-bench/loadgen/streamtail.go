package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// ErrStream says that a live stream did not come as HTTP/1.1 chunks of Server-Sent Events, or not in order.
var ErrStream = errors.New("live stream not understood")

const (
	// headMost is the longest HTTP head of a stream that is read.
	headMost = 16 << 10
	// prime64 is the prime of 64-bit FNV.
	prime64 = 1099511628211
)

// tail follows one live stream as its bytes come, and keeps of it no more than is needed to tell whether two readers
// have got the same. The zero value stands before the first byte.
//
// It looks for the ids only: a reader that parsed every change would be what is measured.
type tail struct {
	head    bool   // the HTTP head has been read
	left    int    // bytes of the present chunk still to come, its line end not counted
	frame   []byte // of an HTTP head, or of the line before a chunk, what has come so far
	line    []byte // of a line of the stream, what has come so far
	begun   bool   // the snapshot is over
	changes int64  // since then
	last    uint64 // the sequence of the id that came last
	nth     uint64 // which of several changes at that sequence it is; 0 is the last of them
	digest  uint64 // of all ids since the snapshot, in their order
	// change is called with the line of data of every change; nil is nobody.
	change func(line []byte)
}

// feed takes what has been read. After an error the stream is of no further use.
func (t *tail) feed(b []byte) error {
	for len(b) > 0 {
		var err error
		switch {
		case !t.head:
			b, err = t.readHead(b)
		case t.left == 0:
			b, err = t.readSize(b)
		default:
			n := min(t.left, len(b))
			err = t.text(b[:n])
			t.left -= n
			b = b[n:]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tail) readHead(b []byte) (rest []byte, err error) {
	t.frame = append(t.frame, b...)
	end := bytes.Index(t.frame, []byte("\r\n\r\n"))
	if end < 0 {
		if len(t.frame) > headMost {
			return nil, fmt.Errorf("%w: a head of more than %d bytes", ErrStream, headMost)
		}
		return nil, nil
	}
	head := t.frame[:end+2]
	if status, err := parseStatus(head); err != nil || status != 200 {
		return nil, fmt.Errorf("%w: it begins %.60q", ErrStream, head)
	}
	if !bytes.Contains(bytes.ToLower(head), []byte("\r\ntransfer-encoding: chunked\r\n")) {
		return nil, fmt.Errorf("%w: it does not come in chunks", ErrStream)
	}
	rest = b[len(b)-(len(t.frame)-end-4):]
	t.head, t.frame = true, nil
	return rest, nil
}

// readSize reads the line before a chunk: RFC 9112, section 7.1. The empty line behind the chunk before it is passed over.
func (t *tail) readSize(b []byte) (rest []byte, err error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		t.frame = append(t.frame, b...)
		if len(t.frame) > headMost {
			return nil, fmt.Errorf("%w: no size of a chunk", ErrStream)
		}
		return nil, nil
	}
	line := b[:end]
	if len(t.frame) > 0 {
		t.frame = append(t.frame, line...)
		line = t.frame
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	for _, c := range line {
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if digit < 0 || t.left > 1<<40 {
			return nil, fmt.Errorf("%w: a chunk of %.20q bytes", ErrStream, line)
		}
		t.left = t.left<<4 | digit
	}
	if len(line) > 0 && t.left == 0 {
		return nil, fmt.Errorf("%w: the node has ended it", ErrStream)
	}
	t.frame = t.frame[:0]
	return b[end+1:], nil
}

// text looks at what the stream says, in pieces as they come.
func (t *tail) text(b []byte) error {
	if len(t.line) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			t.line = append(t.line, b...)
			return nil
		}
		t.line = append(t.line, b[:end]...)
		err := t.whole(t.line)
		t.line, b = t.line[:0], b[end+1:]
		if err != nil {
			return err
		}
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	t.line = append(t.line, b[whole:]...)
	for b = b[:whole]; len(b) > 0; {
		// Only a line that begins with i is looked at, or, where somebody asks for changes, with d.
		if b[0] == 'i' || t.change != nil {
			end := bytes.IndexByte(b, '\n')
			if err := t.whole(b[:end]); err != nil {
				return err
			}
			b = b[end+1:]
			continue
		}
		next := bytes.Index(b, []byte("\nid: "))
		if next < 0 {
			return nil
		}
		b = b[next+1:]
	}
	return nil
}

// whole takes one line.
func (t *tail) whole(line []byte) error {
	if id, ok := bytes.CutPrefix(line, []byte("id: ")); ok {
		return t.id(id)
	}
	if t.change != nil && t.changes > 0 && bytes.HasPrefix(line, []byte("data: ")) {
		t.change(line)
	}
	return nil
}

// id takes a place: a sequence or, where several changes are at one, all but
// the last with their number after a dot.
func (t *tail) id(text []byte) error {
	seq, nth, ok := parsePlace(text)
	if !ok {
		return fmt.Errorf("%w: the id %.40q", ErrStream, text)
	}
	if !t.begun {
		t.begun, t.last, t.nth = true, seq, nth
		return nil
	}
	if seq < t.last || seq == t.last && (t.nth == 0 || nth != 0 && nth <= t.nth) {
		return fmt.Errorf("%w: %s comes after %d.%d", ErrStream, text, t.last, t.nth)
	}
	t.last, t.nth = seq, nth
	t.changes++
	t.digest = ((t.digest^seq)*prime64 ^ nth) * prime64
	return nil
}

// through is the sequence up to which every change has come.
func (t *tail) through() uint64 {
	if t.nth > 0 {
		return t.last - 1
	}
	return t.last
}

func parsePlace(text []byte) (seq, nth uint64, ok bool) {
	before, after, several := bytes.Cut(text, []byte("."))
	n, ok := decimal(before)
	if !several || !ok {
		return uint64(n), 0, ok
	}
	m, ok := decimal(after)
	return uint64(n), uint64(m), ok && m > 0
}

// since is the time that a change says it was made.
func since(line []byte) (time.Time, bool) {
	_, rest, ok := bytes.Cut(line, []byte(`"since":"`))
	if !ok {
		return time.Time{}, false
	}
	text, _, ok := bytes.Cut(rest, []byte(`"`))
	at, err := time.Parse(time.RFC3339Nano, string(text))
	return at, ok && err == nil
}
