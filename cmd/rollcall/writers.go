package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

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
	err := writeRecords(out, columns, items, func() error { return nil })
	out.Flush()
	return errors.Join(err, out.Error())
}

// writeRows is writeCSV, but for that each row is written as soon as it is there.
func writeRows[T any](w io.Writer, columns []column[T], items iter.Seq2[T, error]) error {
	out := csv.NewWriter(w)
	return writeRecords(out, columns, items, func() error {
		out.Flush()
		return out.Error()
	})
}

// writeRecords calls after with each row, and ends with the first error, which it returns.
func writeRecords[T any](out *csv.Writer, columns []column[T], items iter.Seq2[T, error], after func() error) error {
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.name
	}
	if err := errors.Join(out.Write(row), after()); err != nil {
		return err
	}
	for item, err := range items {
		if err != nil {
			return err
		}
		for i, c := range columns {
			row[i] = c.cell(item)
		}
		if err := errors.Join(out.Write(row), after()); err != nil {
			return err
		}
	}
	return nil
}
