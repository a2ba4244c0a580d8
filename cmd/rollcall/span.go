package main

import (
	"time"

	"github.com/spf13/cobra"
)

// span is the flags --since and --until: a stretch of the past.
type span struct{ since, until string }

func (s *span) declare(cmd *cobra.Command, since string) {
	about := "from when on, as a time like 2026-12-24T18:00:00Z, or how long ago, like 2h"
	if since == "" {
		about += "; where empty, from the beginning"
	}
	cmd.Flags().StringVar(&s.since, "since", since, about)
	cmd.Flags().StringVar(&s.until, "until", "", "until when, likewise; where empty, until now")
}

// bounds returns both ends; zero for one that is not set.
func (s *span) bounds(now time.Time) (from, to time.Time, err error) {
	if from, err = instant("--since", s.since, now); err != nil {
		return from, to, err
	}
	if to, err = instant("--until", s.until, now); err != nil {
		return from, to, err
	}
	if !to.IsZero() && !from.Before(to) {
		return from, to, usagef("--since %s is not before --until %s", s.since, s.until)
	}
	return from, to, nil
}

// instant reads a time, or how long ago it was; zero for "".
func instant(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !fourDigits(at) {
		return at, usagef("%s is %q: write a time like 2026-12-24T18:00:00Z, or how long ago, like 2h", flag, text)
	}
	return at, nil
}

// fourDigits says whether the year of t can be written as RFC 3339 has it, in UTC,
// where an offset may lead out of those that can.
func fourDigits(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
}
