package main

import (
	"fmt"
	"iter"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

func writeTable[T any](p *program, columns []column[T], items iter.Seq2[T, error]) error {
	t := table.NewWriter()
	t.SetStyle(plainTable)
	t.SuppressTrailingSpaces()
	header := make(table.Row, len(columns))
	for i, c := range columns {
		header[i] = heading(c.name)
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

// writeTicker writes a table of which each row is there as soon as its item: its columns have widths, in characters, that
// do not depend on what is in them.
func writeTicker[T any](p *program, columns []column[T], widths []int, items iter.Seq2[T, error]) error {
	line := func(cell func(column[T]) string) error {
		var s strings.Builder
		for i, c := range columns {
			s.WriteString(text.Pad(cell(c), widths[i], ' ') + "  ")
		}
		_, err := fmt.Fprintln(p.stdout, strings.TrimRight(s.String(), " "))
		return err
	}
	if err := line(func(c column[T]) string { return heading(c.name) }); err != nil {
		return err
	}
	for item, err := range items {
		if err != nil {
			return err
		}
		if err := line(func(c column[T]) string { return printable(c.cell(item)) }); err != nil {
			return err
		}
	}
	return nil
}

func heading(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "_", " ")) }

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
