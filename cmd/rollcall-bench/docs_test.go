package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// sections splits a page at its headings.
func sections(page string) map[string]string { // heading → what follows it
	found := map[string]string{}
	heading := ""
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "#") {
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
			continue
		}
		found[heading] += line
	}
	return found
}

func TestEveryCommandAndFlagIsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	found := sections(string(page))
	for _, c := range newRootCommand().Commands() {
		if c.Hidden || c.Name() == "help" {
			continue
		}
		text, ok := found[c.CommandPath()]
		if !ok || !strings.Contains(text, "```sh\n") || !strings.Contains(text, "Exits with 0") {
			t.Errorf("%s has no section with an example and exit codes", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(text+found["rollcall-bench"], "`--"+f.Name+"`") {
				t.Errorf("%s: there is no --%s", c.CommandPath(), f.Name)
			}
		})
	}
}
