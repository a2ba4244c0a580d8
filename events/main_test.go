package events_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets every property be tried 250 times, which with -race is still a
// matter of seconds, and keeps failures out of the tree: their seed is printed.
// Flags on the command line come after and win.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "250", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}
