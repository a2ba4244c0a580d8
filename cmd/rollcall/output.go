package main

import (
	"iter"

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
