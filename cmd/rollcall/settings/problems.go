package settings

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"
)

// problems collects what is wrong, so that all of it can be said at once.
type problems struct{ errs []error }

func (p *problems) add(err error) {
	if err != nil {
		p.errs = append(p.errs, &problem{err})
	}
}

func (p *problems) addf(format string, args ...any) { p.add(fmt.Errorf(format, args...)) }

func (p *problems) join() error { return errors.Join(p.errs...) }

// problem marks an error as ErrSettings without changing its words.
type problem struct{ error }

func (p *problem) Unwrap() []error { return []error{p.error, ErrSettings} }

// Explain says how a value of the flag is written, after cause, its parser's error, about the value that stands at
// where: a flag, a variable, a line of the file.
func Explain(where, value string, flag *pflag.Flag, cause error) error {
	if form, ok := forms[flag.Value.Type()]; ok {
		return fmt.Errorf("%s is %q: write %s", where, value, form)
	}
	return fmt.Errorf("%s is %q: %w", where, value, cause)
}

// forms say how values of the plain types are written. The parsers of all other types say it themselves.
var forms = map[string]string{ // type → form
	"bool":     "true or false",
	"int":      "a whole number",
	"float64":  "a number",
	"duration": "a duration like 30s, 5m or 48h",
}
