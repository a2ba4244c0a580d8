package past

import (
	"bytes"
	"io"
)

// maxRecord bounds a line, and the lines that an open quote may reach over.
const maxRecord = 1 << 20

// lines hands out the lines of a file without keeping it.
type lines struct {
	src    io.Reader
	number int   // of the line at the front, from 1
	done   bool  // src is at its end
	failed error // of src

	buf   []byte // what has been read and not gone past
	start int    // where the front is in store
	store []byte
}

func newLines(src io.Reader) *lines {
	return &lines{src: src, number: 1, store: make([]byte, 0, 2*maxRecord)}
}

// ahead returns what lies behind the first n bytes at the front up to the end of
// that line, with its line break; nothing at the end of the file. whole is false
// where the line reaches beyond maxRecord from the front. It is good until the
// next call.
func (l *lines) ahead(n int) (line []byte, whole bool, err error) {
	for seen := n; ; {
		if i := bytes.IndexByte(l.buf[seen:], '\n'); i >= 0 {
			end := seen + i + 1
			return l.buf[n:end], end <= maxRecord, nil
		}
		seen = len(l.buf)
		switch {
		case l.done:
			return l.buf[n:], seen <= maxRecord, nil
		case l.failed != nil:
			return nil, false, l.failed
		case seen > maxRecord:
			return l.buf[n:], false, nil
		}
		l.fill()
	}
}

// fill reads more.
func (l *lines) fill() {
	if l.start > 0 && len(l.store) == cap(l.store) {
		copy(l.store, l.buf)
		l.store, l.start = l.store[:len(l.buf)], 0
	}
	for tries := 0; ; tries++ {
		n, err := l.src.Read(l.store[len(l.store):cap(l.store)])
		l.store = l.store[:len(l.store)+n]
		l.buf = l.store[l.start:]
		switch {
		case err == io.EOF:
			l.done = true
		case err != nil:
			l.failed = err
		case n == 0 && tries == 100:
			l.failed = io.ErrNoProgress
		case n == 0:
			continue
		}
		return
	}
}

// pass goes past n bytes, which are whole lines.
func (l *lines) pass(n int) {
	l.number += bytes.Count(l.buf[:n], []byte{'\n'})
	l.start += n
	l.buf = l.buf[n:]
}

// passLine goes past the line at the front, however long it is.
func (l *lines) passLine() error {
	for {
		if i := bytes.IndexByte(l.buf, '\n'); i >= 0 {
			l.pass(i + 1)
			return nil
		}
		l.pass(len(l.buf))
		if l.done || l.failed != nil {
			return l.failed
		}
		l.fill()
	}
}

// withoutBreak takes the line break off, and a carriage return before it.
func withoutBreak(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}
