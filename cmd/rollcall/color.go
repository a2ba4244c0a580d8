package main

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// colors are the ANSI colours of words in the columns that tell a state.
var colors = map[string]string{
	"online": "32", "away": "33", "busy": "31", "offline": "2", "unknown": "2",
	"ok": "32", "warning": "33", "failed": "31", "skipped": "2",
}

func paint(column, word string, colored bool) string {
	code, ok := colors[word]
	if !colored || !ok || (column != "status" && column != "observed" && column != "result") {
		return word
	}
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}

// colored says whether tables may have colours: on a terminal that has them, unless NO_COLOR (no-color.org) is set.
func (p *program) colored() bool {
	return p.drawable() && p.variable("NO_COLOR") == ""
}

// variable returns a variable that is not one of our settings; "" where it is not set.
func (p *program) variable(name string) string {
	for _, pair := range p.env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
