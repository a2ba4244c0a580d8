package loadgen

import (
	"errors"
	"fmt"
	"io"
)

// ErrUnmet says that a row was measured and is not what is wanted.
var ErrUnmet = errors.New("not what is wanted")

// Row is one line of the table of what a node is wanted to do.
type Row struct {
	// What was measured, and what it was held against, where that is something
	// that was measured in the same run.
	What      string `json:"row"`
	Reference string `json:"reference,omitempty"`
	// Measured is the median of the rounds, in Unit; empty is a ratio.
	Measured float64 `json:"measured"`
	Unit     string  `json:"unit,omitempty"`
	// Wanted is the least that Measured may be, or, with AtMost, the most.
	Wanted float64 `json:"wanted"`
	AtMost bool    `json:"at_most,omitempty"`
	Met    bool    `json:"met"`
}

// atLeast is a row whose figure may be more than wanted.
func atLeast(what, reference string, measured, wanted float64) Row {
	return Row{What: what, Reference: reference, Measured: measured, Wanted: wanted, Met: measured >= wanted}
}

// atMost is a row whose figure may be less than wanted.
func atMost(what, reference string, measured float64, unit string, wanted float64) Row {
	return Row{
		What: what, Reference: reference, Measured: measured, Unit: unit, Wanted: wanted, AtMost: true, Met: measured <= wanted,
	}
}

// String is "row | reference | measured | wanted | met".
func (r Row) String() string {
	bound, met := "at least", "no"
	if r.AtMost {
		bound = "at most"
	}
	if r.Met {
		met = "yes"
	}
	return fmt.Sprintf("%s | %s | %s | %s %s | %s", r.What, r.Reference, amount(r.Measured, r.Unit), bound, amount(r.Wanted, r.Unit), met)
}

// amount is a figure with its unit; a ratio has none.
func amount(value float64, unit string) string {
	switch {
	case unit == "":
		return fmt.Sprintf("%.2f", value)
	case value >= 1000:
		return fmt.Sprintf("%.0f %s", value, unit)
	}
	return fmt.Sprintf("%.4g %s", value, unit)
}

func writeRows(w io.Writer, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w, "row | reference | measured | wanted | met"); err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := fmt.Fprintln(w, r); err != nil {
			return err
		}
	}
	return nil
}

// Unmet returns an ErrUnmet for each row that is not met, joined; nil for none.
func Unmet(rows []Row) error {
	var errs []error
	for _, r := range rows {
		if !r.Met {
			errs = append(errs, fmt.Errorf("%w: %s", ErrUnmet, r))
		}
	}
	return errors.Join(errs...)
}
