package loadgen

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// WriteTable prints every run, then the median ratio for each number of connections.
func (r Report) WriteTable(w io.Writer) error {
	if _, err := fmt.Fprintln(w, r.runs().Render()); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w, r.ratios().Render()); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w, r.circumstances()); err != nil {
		return err
	}
	return writeRows(w, r.Rows)
}

// runs has a row for each run, in the order in which they were made.
func (r Report) runs() table.Writer {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"connections", "round", "server", "rate/s", "p50", "p99", "max", "server CPU", "each", "generator CPU", "not 204"})
	for _, c := range r.Counts {
		for i, round := range c.Rounds {
			t.AppendRow(runRow(i, "baseline", round.Baseline))
			t.AppendRow(runRow(i, "node", round.Node))
		}
		t.AppendSeparator()
	}
	return t
}

func runRow(round int, server string, r Result) table.Row {
	return table.Row{
		r.Connections, round + 1, server, fmt.Sprintf("%.0f", r.Rate), r.P50, r.P99, r.Max,
		seconds(r.ServerCPU), microseconds(r.CPUEach()), seconds(r.GeneratorCPU), r.Other(http.StatusNoContent),
	}
}

// ratios has a row for each number of connections.
func (r Report) ratios() table.Writer {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"connections", "median ratio", "wanted", "ratio by round", "CPU each", "p99", "node's CPU beside the baseline"})
	for _, c := range r.Counts {
		var ratios string
		var beside time.Duration
		for _, round := range c.Rounds {
			ratios += fmt.Sprintf(" %.3f", round.Ratio)
			beside += round.Bystander
		}
		t.AppendRow(table.Row{c.Connections, fmt.Sprintf("%.3f", c.Ratio), wanted(c.Wanted), ratios[1:], multiple(c.CPURatio), multiple(c.P99Ratio), seconds(beside)})
	}
	return t
}

// circumstances is what the figures depend on.
func (r Report) circumstances() string {
	text := fmt.Sprintf("%d users, %s a run, %s", r.Users, r.Duration, r.Circumstances)
	if r.Rate > 0 {
		text += fmt.Sprintf("\nSent at %.0f a second: the ratio says nothing about what the servers can take.", r.Rate)
	}
	return text
}

func wanted(ratio float64) string {
	if ratio == 0 {
		return "any"
	}
	return fmt.Sprintf("%.3f", ratio)
}

// seconds is empty where the time cannot be told.
func seconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// microseconds is empty where the time cannot be told.
func microseconds(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f µs", float64(d)/1000)
}

// multiple is empty where there is nothing to compare with.
func multiple(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f x", ratio)
}
