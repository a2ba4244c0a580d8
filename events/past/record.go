package past

import (
	"bytes"
	"errors"
)

// What can be wrong with a CSV record.
var (
	errBareQuote = errors.New("a quote in a field that does not begin with one")
	errAfter     = errors.New("text behind a quoted field")
	errOpen      = errors.New("a quote that is never closed")
)

// split appends the fields of record, which has no line break at its end, to
// dst. They point into record unless they hold a doubled quote. The error is
// errOpen where the record ends within quotes.
func split(dst [][]byte, record []byte) ([][]byte, error) {
	for {
		if len(record) == 0 || record[0] != '"' {
			field, rest, more := bytes.Cut(record, []byte{','})
			if bytes.IndexByte(field, '"') >= 0 {
				return dst, errBareQuote
			}
			dst = append(dst, field)
			if !more {
				return dst, nil
			}
			record = rest
			continue
		}
		field, rest, err := unquote(record[1:])
		if err != nil {
			return dst, err
		}
		dst = append(dst, field)
		if len(rest) == 0 {
			return dst, nil
		}
		if rest[0] != ',' {
			return dst, errAfter
		}
		record = rest[1:]
	}
}

// unquote reads a quoted field, whose opening quote is gone, and returns what
// stands behind its closing one.
func unquote(b []byte) (field, rest []byte, err error) {
	doubled := false
	for i := 0; ; i += 2 {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return nil, nil, errOpen
		}
		i += n
		if i+1 < len(b) && b[i+1] == '"' {
			doubled = true
			continue
		}
		field = b[:i]
		if doubled {
			field = bytes.ReplaceAll(field, []byte(`""`), []byte{'"'})
		}
		return field, b[i+1:], nil
	}
}

// record takes the next CSV record off l. A quoted field may hold line breaks;
// fits says whether fields that do are right. Where no record of several lines
// fits, the line that opened the quote is bad by itself, and the next one begins
// a record: a stray quote must not swallow what follows. dst is reused. At the
// end of the file there are no fields.
func (l *lines) record(dst [][]byte, fits func([][]byte) bool) (fields [][]byte, line int, bad *BadRow, err error) {
	text, whole, err := l.blankless()
	line = l.number
	switch {
	case err != nil || len(text) == 0:
		return nil, line, nil, err
	case !whole:
		return nil, line, badf(line, "longer than %d bytes", maxRecord), l.passLine()
	}
	fields, wrong := split(dst[:0], withoutBreak(text))
	if errors.Is(wrong, errOpen) {
		if fields, n := l.further(dst, len(text), fits); n > 0 {
			l.pass(n)
			return fields, line, nil, nil
		}
	}
	l.pass(len(text))
	if wrong != nil {
		return nil, line, badf(line, "%v", wrong), nil
	}
	return fields, line, nil, nil
}

// blankless goes past empty lines and returns the next one.
func (l *lines) blankless() (text []byte, whole bool, err error) {
	for {
		text, whole, err = l.ahead(0)
		if err != nil || len(text) == 0 || len(withoutBreak(text)) > 0 {
			return text, whole, err
		}
		l.pass(len(text))
	}
}

// further looks for the end of a record whose first line, of n bytes, leaves a
// quote open. It returns its fields and its size, 0 where there is none. What
// is wrong with the file is left for the next line to tell.
func (l *lines) further(dst [][]byte, n int, fits func([][]byte) bool) ([][]byte, int) {
	for {
		text, whole, err := l.ahead(n)
		if err != nil || !whole || len(text) == 0 {
			return nil, 0
		}
		n += len(text)
		if bytes.IndexByte(text, '"') < 0 {
			continue
		}
		fields, wrong := split(dst[:0], withoutBreak(l.buf[:n]))
		switch {
		case wrong == nil && fits(fields):
			return fields, n
		case !errors.Is(wrong, errOpen):
			return nil, 0
		}
	}
}
