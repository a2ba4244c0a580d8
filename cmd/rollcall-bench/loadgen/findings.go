package loadgen

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// ErrFault says that a node did something wrong while it was measured, so that
// the figures do not count.
var ErrFault = errors.New("the node did something wrong")

// Findings are what a bench measured, and where.
type Findings struct {
	Circumstances
	// Setup says how large everything was.
	Setup   string   `json:"setup"`
	Figures []Figure `json:"figures"`
	Rows    []Row    `json:"rows"`
	// Faults are what must not happen: a refused request, a count that is not
	// what was sent, a user offline too early.
	Faults []string `json:"faults,omitempty"`
}

// Figure is something that was measured.
type Figure struct {
	Name string `json:"name"`
	Unit string `json:"unit,omitempty"` // empty is a ratio
	// Rounds are what each round gave, in their order.
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
}

// add takes a figure with a value for each round and returns the median.
func (f *Findings) add(name, unit string, rounds ...float64) float64 {
	f.Figures = append(f.Figures, Figure{Name: name, Unit: unit, Rounds: rounds, Median: median(rounds)})
	return median(rounds)
}

// addTime is add for a time, in milliseconds.
func (f *Findings) addTime(name string, rounds ...time.Duration) float64 {
	values := make([]float64, len(rounds))
	for i, d := range rounds {
		values[i] = milliseconds(d)
	}
	return f.add(name, "ms", values...)
}

// addRounds takes what a comparison says: rates, latencies and CPU time of both
// sides, and the ratios.
func (f *Findings) addRounds(baseline, node string, rounds []Round) {
	for _, side := range []struct {
		name string
		of   func(Round) Result
	}{{baseline, func(r Round) Result { return r.Baseline }}, {node, func(r Round) Result { return r.Node }}} {
		f.add(side.name+", rate", "/s", each(rounds, func(r Round) float64 { return side.of(r).Rate })...)
		f.add(side.name+", p50", "ms", each(rounds, func(r Round) float64 { return milliseconds(side.of(r).P50) })...)
		f.add(side.name+", p99", "ms", each(rounds, func(r Round) float64 { return milliseconds(side.of(r).P99) })...)
		f.add(side.name+", p99.9", "ms", each(rounds, func(r Round) float64 { return milliseconds(side.of(r).P999) })...)
		f.add(side.name+", max", "ms", each(rounds, func(r Round) float64 { return milliseconds(side.of(r).Max) })...)
		f.add(side.name+", CPU a request", "µs", each(rounds, func(r Round) float64 { return float64(side.of(r).CPUEach()) / 1000 })...)
	}
	of := node + ", of " + baseline
	f.add(of+": rate", "", each(rounds, func(r Round) float64 { return r.Ratio })...)
	f.add(of+": CPU a request", "", each(rounds, func(r Round) float64 { return r.CPURatio })...)
	f.add(of+": p99", "", each(rounds, func(r Round) float64 { return r.P99Ratio })...)
}

// refused takes each run in which an exchange ended otherwise than with want.
func (f *Findings) refused(name string, r Result, want int) {
	if r.Other(want) > 0 {
		f.fault("%s: answers by status (0 is none): %v, want only %d", name, r.Statuses, want)
	}
	if r.Requests == 0 {
		f.fault("%s: nothing was answered", name)
	}
}

func (f *Findings) fault(format string, args ...any) {
	f.Faults = append(f.Faults, fmt.Sprintf(format, args...))
}

// Wrong returns an ErrFault for each fault, joined; nil for none.
func (f Findings) Wrong() error {
	var errs []error
	for _, fault := range f.Faults {
		errs = append(errs, fmt.Errorf("%w: %s", ErrFault, fault))
	}
	return errors.Join(errs...)
}

// WriteTable prints every figure, then the rows.
func (f Findings) WriteTable(w io.Writer) error {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"figure", "by round", "median"})
	for _, figure := range f.Figures {
		rounds := make([]string, len(figure.Rounds))
		for i, v := range figure.Rounds {
			rounds[i] = amount(v, figure.Unit)
		}
		by := strings.Join(rounds, ", ")
		if len(rounds) == 1 {
			by = ""
		}
		t.AppendRow(table.Row{figure.Name, by, amount(figure.Median, figure.Unit)})
	}
	if _, err := fmt.Fprintf(w, "%s\n%s\n%s\n", t.Render(), f.Setup, f.Circumstances); err != nil {
		return err
	}
	return writeRows(w, f.Rows)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
