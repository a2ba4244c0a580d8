package loadgen

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// ErrLost says that readers did not get every change, once and in order.
var ErrLost = errors.New("changes were lost to readers")

// ErrSlowed says that heartbeats took longer beside the readers than they may.
var ErrSlowed = errors.New("heartbeats were slowed down")

// Lost returns an ErrLost where a reader was cut, or did not get every change that was acknowledged; nil where all did.
func (r StreamReport) Lost() error {
	got := r.Received
	if got.Cut == 0 && got.Behind == 0 && got.Same && got.Fewest == r.Changes && got.Most == r.Changes {
		return nil
	}
	return fmt.Errorf("%w: of %d, %d were cut (%s), %d were behind at the end, the others got %d to %d of %d changes, same order: %t",
		ErrLost, got.Readers, got.Cut, got.Fault, got.Behind, got.Fewest, got.Most, r.Changes, got.Same)
}

// Slowed is how many times as long the median and the 99th percentile of a heartbeat took beside the readers.
func (r StreamReport) Slowed() (p50, p99 float64) {
	return times(r.Beside.P50, r.Alone.P50), times(r.Beside.P99, r.Alone.P99)
}

// Above returns an ErrSlowed where that is more than most; zero is any.
func (r StreamReport) Above(most float64) error {
	p50, p99 := r.Slowed()
	if most == 0 || p50 <= most && p99 <= most {
		return nil
	}
	return fmt.Errorf("%w: %.2f times as long at the median and %.2f times at p99, wanted %.2f at most", ErrSlowed, p50, p99, most)
}

func times(a, b time.Duration) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// WriteTable prints what the readers got and what it cost.
func (r StreamReport) WriteTable(w io.Writer) error {
	got := r.Received
	t := table.NewWriter()
	t.AppendHeader(table.Row{"readers", "changes", "got by each", "cut", "behind", "late p50", "p99", "max", "MB a second", "readers' CPU"})
	t.AppendRow(table.Row{
		got.Readers, r.Changes, fmt.Sprintf("%d to %d", got.Fewest, got.Most), got.Cut, got.Behind, got.LateP50, got.LateP99, got.LateMax,
		fmt.Sprintf("%.0f", float64(got.Bytes)/1e6/float64(max(1, r.Changes))*float64(r.PerSecond)), seconds(got.CPU),
	})
	if _, err := fmt.Fprintln(w, t.Render()); err != nil {
		return err
	}
	t = table.NewWriter()
	t.AppendHeader(table.Row{"heartbeats", "rate/s", "p50", "p90", "p99", "max", "node's CPU", "not 204", "unsent"})
	for name, h := range map[string]Result{"without readers": r.Alone, "with them": r.Beside} {
		t.AppendRow(table.Row{name, fmt.Sprintf("%.0f", h.Rate), h.P50, h.P90, h.P99, h.Max, seconds(h.ServerCPU), h.Other(204), h.Unsent})
	}
	t.SortBy([]table.SortBy{{Name: "heartbeats", Mode: table.Dsc}})
	if _, err := fmt.Fprintln(w, t.Render()); err != nil {
		return err
	}
	p50, p99 := r.Slowed()
	_, err := fmt.Fprintf(w, "Heartbeats beside the readers took %.2f times as long at the median, %.2f times at p99.\n", p50, p99)
	if err == nil && r.Before > 0 {
		_, err = fmt.Fprintf(w, "Memory of the node a reader: %s open, %s at work (%d MiB resident before them).\n",
			perReader(r.Open-r.Before, got.Readers), perReader(r.Working-r.Before, got.Readers), r.Before>>20)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s, with %s\n", r.Duration, r.Circumstances)
	return err
}

func perReader(bytes int64, readers int) string {
	return fmt.Sprintf("%.1f KiB", float64(bytes)/1024/float64(max(1, readers)))
}
