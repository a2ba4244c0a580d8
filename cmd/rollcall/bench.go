package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// errBenchMoved is the one thing that bench still says.
var errBenchMoved = wrongConfig{errors.New("bench is a program of its own, rollcall-bench: see `rollcall-bench --help`")}

// newBenchCommand stays for those who knew bench as a command of this program.
func newBenchCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "bench",
		Short:              "Has become the program rollcall-bench",
		Hidden:             true,
		DisableFlagParsing: true,
		Annotations:        withSettings(settingsIgnored),
		RunE:               func(*cobra.Command, []string) error { return errBenchMoved },
	}
}
