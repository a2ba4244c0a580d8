package api

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/projections/history"
)

// csvColumns is the header line of a history in CSV.
var csvColumns = []string{"status", "from", "to", "cause", "actor", "seq"}

// historyRows answers with the intervals that asked is about, one a line: all of them, or the limit.
func (a *API) historyRows(q request, asked history.Query) (int, error) {
	done, err := a.export(q)
	if err != nil {
		return 0, err
	}
	defer done()
	out := a.lineByLine(q, typeCSV+"; charset=utf-8")
	rows := csv.NewWriter(out)
	err = rows.Write(csvColumns)
	left := asked.Limit
	for more := q.r.Method != http.MethodHead; more && err == nil; {
		asked.Limit = maxLimit
		if left > 0 {
			asked.Limit = min(left, maxLimit)
		}
		var page history.Answer
		if page, err = a.cfg.History.Intervals(asked); err != nil {
			err = fmt.Errorf("reading the history: %w", err)
			break
		}
		for i := range page.Intervals {
			if err = rows.Write(row(&page.Intervals[i])); err != nil {
				break
			}
		}
		more = page.More && (left == 0 || left > len(page.Intervals))
		left -= min(left, len(page.Intervals))
		if more {
			// The next page begins here: what lies before need not be looked at again.
			last := &page.Intervals[len(page.Intervals)-1]
			asked.After, asked.From = last.Position(), max(asked.From, last.From)
		}
	}
	rows.Flush()
	return out.end(err)
}

func row(i *history.Interval) []string {
	to := ""
	if i.To != 0 {
		to = i.To.String()
	}
	return []string{string(i.Status), i.From.String(), to, string(i.Cause), cell(i.Actor), strconv.FormatUint(i.Seq, 10)}
}

// cell keeps a spreadsheet from taking text for a formula: it gets an apostrophe before it, which is how one says there
// that it is text.
func cell(text string) string {
	if strings.IndexAny(text, "=+-@\t\r\n") == 0 || strings.HasPrefix(text, "＝") || strings.HasPrefix(text, "＋") ||
		strings.HasPrefix(text, "－") || strings.HasPrefix(text, "＠") {
		return "'" + text
	}
	return text
}
