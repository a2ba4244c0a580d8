package past

import (
	"errors"
	"fmt"
	"strings"
)

// ErrFormat is for a file that is none that Read knows. The text says what it
// lacks.
var ErrFormat = errors.New("not a file of past events")

// BadRow is a row that cannot be imported.
type BadRow struct {
	Line   int // where it begins, from 1
	Reason string
}

func (b BadRow) Error() string { return fmt.Sprintf("line %d: %s", b.Line, b.Reason) }

// BadRowsError says which rows of a file are bad.
type BadRowsError struct {
	First []BadRow // the first ten at most
	Count int      // of all
}

func (e *BadRowsError) Error() string {
	var s strings.Builder
	s.WriteString(count(e.Count, "bad row"))
	sep := ": "
	for _, b := range e.First {
		s.WriteString(sep + b.Error())
		sep = "; "
	}
	if more := e.Count - len(e.First); more > 0 {
		fmt.Fprintf(&s, "; and %d more", more)
	}
	return s.String()
}

// namedRows is how many bad rows an error names.
const namedRows = 10

func badf(line int, format string, args ...any) *BadRow {
	return &BadRow{Line: line, Reason: fmt.Sprintf(format, args...)}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
