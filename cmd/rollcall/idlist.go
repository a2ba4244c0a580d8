package main

import (
	"encoding/csv"
	"strings"
)

// idList is a flag that holds ids. Given once, it is a list with commas between
// them, where an id that holds a comma stands in double quotes; given again, each
// time is one id, commas and all. A list in the file of settings is one id an
// entry.
type idList struct {
	given []string // as it was typed, or stands in the file
	whole bool     // each of given is one id, though it is alone
}

// Set takes what was typed.
func (l *idList) Set(text string) error {
	l.given, l.whole = append(l.given, text), false
	return nil
}

// ids returns the ids in their order.
func (l *idList) ids() []string {
	if len(l.given) != 1 || l.whole {
		return l.given
	}
	if fields, err := csv.NewReader(strings.NewReader(l.given[0])).Read(); err == nil {
		return fields
	}
	return strings.Split(l.given[0], ",") // quotes within an id, or an empty list
}

// String joins what was given.
func (l *idList) String() string { return strings.Join(l.given, ",") }

// Type is what usage calls the value.
func (*idList) Type() string { return "ids" }

// Append adds one id.
func (l *idList) Append(id string) error { //nolint:unparam // pflag.SliceValue has it so
	l.given, l.whole = append(l.given, id), true
	return nil
}

// Replace puts ids in the place of what was given.
func (l *idList) Replace(ids []string) error { //nolint:unparam // pflag.SliceValue has it so
	l.given, l.whole = ids, true
	return nil
}

// GetSlice returns the ids.
func (l *idList) GetSlice() []string { return l.ids() }
