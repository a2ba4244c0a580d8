package auth

import (
	"fmt"
	"strings"
)

// maxFaults bounds what one token can put into a log line: more are not reported.
const maxFaults = 32

// faults are the reasons to refuse a token, each half a sentence for the log and for Inspect.
type faults []string

func (f *faults) add(format string, args ...any) {
	if len(*f) < maxFaults {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

// err is nil without faults, else ErrInvalid with all of them.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrInvalid, strings.Join(f, "; "))
}
