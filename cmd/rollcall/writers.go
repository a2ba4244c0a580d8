package main

import (
	"encoding/csv"
	"encoding/json"
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
