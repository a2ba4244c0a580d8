package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
)

// output is the flag --output.
type output struct{ format string }

func (o *output) declare(cmd *cobra.Command) {
	declareChoice(cmd, &o.format, "output", "o", "form of what is printed", "table", "json", "ndjson", "csv")
}

// column is one of a table or of CSV. JSON shows the items themselves.
type column[T any] struct {
	name string // as in CSV; a table shows it in capitals
	cell func(T) string
}

// printOne writes one item: as JSON it is an object, otherwise as a list of one.
func printOne[T any](p *program, o output, columns []column[T], item T) error {
	if o.format == "json" {
		return writeJSON(p.stdout, item)
	}
	return printAll(p, o, columns, one(item))
}

func one[T any](item T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) { yield(item, nil) }
}

func all[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// printAll writes items as they come, but for a table, which has to know them all. The first error ends it and is
// returned; what came before it has been written.
func printAll[T any](p *program, o output, columns []column[T], items iter.Seq2[T, error]) error {
	switch o.format {
	case "json":
		return writeArray(p.stdout, items)
	case "ndjson":
		return writeLines(p.stdout, items)
	case "csv":
		return writeCSV(p.stdout, columns, items)
	}
	return writeTable(p, columns, items)
}

func writeJSON(w io.Writer, item any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(item)
}

func writeArray[T any](w io.Writer, items iter.Seq2[T, error]) error {
	before := "["
	for item, err := range items {
		if err != nil {
			return err
		}
		line, err := json.MarshalIndent(item, "  ", "  ")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n  %s", before, line); err != nil {
			return err
		}
		before = ","
	}
	end := "\n]\n"
	if before == "[" {
		end = "[]\n"
	}
	_, err := io.WriteString(w, end)
	return err
}

func writeLines[T any](w io.Writer, items iter.Seq2[T, error]) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for item, err := range items {
		if err != nil {
			return err
		}
		if err := out.Encode(item); err != nil {
			return err
		}
	}
	return nil
}

func writeCSV[T any](w io.Writer, columns []column[T], items iter.Seq2[T, error]) error {
	out := csv.NewWriter(w)
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.name
	}
	err := out.Write(row)
	for item, itemErr := range items {
		if itemErr != nil || err != nil {
			out.Flush()
			return itemErr
		}
		for i, c := range columns {
			row[i] = c.cell(item)
		}
		err = out.Write(row)
	}
	out.Flush()
	return out.Error()
}

func writeTable[T any](p *program, columns []column[T], items iter.Seq2[T, error]) error {
	t := table.NewWriter()
	t.SetStyle(plainTable)
	t.SuppressTrailingSpaces()
	header := make(table.Row, len(columns))
	for i, c := range columns {
		header[i] = strings.ToUpper(strings.ReplaceAll(c.name, "_", " "))
	}
	t.AppendHeader(header)
	colored := p.colored()
	for item, err := range items {
		if err != nil {
			return err
		}
		row := make(table.Row, len(columns))
		for i, c := range columns {
			row[i] = paint(c.name, printable(c.cell(item)), colored)
		}
		t.AppendRow(row)
	}
	_, err := fmt.Fprintln(p.stdout, t.Render())
	return err
}

// plainTable has no lines, so that it can be cut into fields as well as read.
var plainTable = table.Style{
	Name:    "plain",
	Box:     table.BoxStyle{PaddingRight: "  "},
	Format:  table.FormatOptions{Header: text.FormatDefault, Row: text.FormatDefault, Footer: text.FormatDefault},
	Options: table.OptionsNoBordersAndSeparators,
}

// printable keeps what others wrote (a device, a reason) from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != ' ' && !unicode.IsPrint(r) && r != '\n' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
