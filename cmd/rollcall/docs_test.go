package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

// sections splits a page at its headings.
func sections(page string) map[string]string { // heading → what stands below it
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
	shared := found["The command line"] + found["Flags that many commands share"] + found["rollcall serve"]
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		if builtin(c) || c.Hidden {
			return
		}
		text, ok := found[c.CommandPath()]
		if c.HasParent() && !ok {
			t.Errorf("there is no section %q", c.CommandPath())
		}
		if c.Runnable() && !c.HasSubCommands() {
			if !strings.Contains(text, "```sh\n") || !strings.Contains(text, "Exits with 0") {
				t.Errorf("%s has no example, or no exit codes", c.CommandPath())
			}
			c.LocalFlags().VisitAll(func(f *pflag.Flag) {
				if !strings.Contains(text+shared, "`--"+f.Name+"`") {
					t.Errorf("%s: there is no --%s", c.CommandPath(), f.Name)
				}
			})
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(newRootCommand(&program{known: settings.Known{}}))
}
