package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice is a flag that holds one of a few words.
type choice struct {
	value *string
	words []string
}

// declareChoice declares the flag and its completion. The first word is the default.
func declareChoice(cmd *cobra.Command, value *string, name, short, about string, words ...string) {
	addChoice(cmd.Flags(), value, name, short, about, words...)
	completeWith(cmd, name, words...)
}

func addChoice(flags *pflag.FlagSet, value *string, name, short, about string, words ...string) {
	*value = words[0]
	flags.VarP(&choice{value, words}, name, short, about+": "+strings.Join(words, ", "))
}

func completeWith(cmd *cobra.Command, name string, words ...string) {
	// It fails only for a flag that is not there, or that has a completion already.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("write %s", oneOf(c.words))
	}
	*c.value = word
	return nil
}

func (c *choice) String() string {
	if c.value == nil { // pflag asks a zero value
		return ""
	}
	return *c.value
}

func (*choice) Type() string { return "word" }

func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// rate is a flag that holds how often something may happen, as 20/s; 0 is no limit.
type rate struct {
	perSecond *float64
	text      string
}

var errRate = errors.New("write a rate like 20/s or 100/m, or 0 for no limit")

func (r *rate) Set(text string) error {
	count, unit, ok := strings.Cut(text, "/")
	n, err := strconv.ParseFloat(count, 64)
	if err != nil || n < 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return errRate
	}
	per, known := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	if n != 0 && (!ok || !known) || ok && !known {
		return errRate
	}
	if *r.perSecond = 0; n > 0 {
		*r.perSecond = n / per
	}
	r.text = text
	return nil
}

func (r *rate) String() string { return r.text }

func (*rate) Type() string { return "rate" }

// syncing is a flag that holds when the log is fsynced: always, or every so often.
type syncing struct{ text *string }

func (s *syncing) Set(text string) error {
	if d, err := time.ParseDuration(text); text != "always" && (err != nil || d <= 0) {
		return errors.New("write always, or a duration like 1s")
	}
	*s.text = text
	return nil
}

func (s *syncing) String() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

func (*syncing) Type() string { return "always|duration" }
