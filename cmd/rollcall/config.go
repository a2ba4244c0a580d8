package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

func newConfigCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show or check what serve would run with",
		Long:  "Puts flags, environment, file and defaults together as serve does, and starts nothing.",
		Example: `  rollcall config show --config rollcall.yaml
  rollcall config check --config rollcall.yaml`,
	}
	cmd.AddCommand(newConfigShowCommand(p), newConfigCheckCommand(p))
	return cmd
}

func newConfigShowCommand(p *program) *cobra.Command {
	var c serveConfig
	var o output
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print every setting with its value and where that is from",
		Long:  "Prints every setting of serve, its value and where that is from. Secrets are masked.",
		Example: `  rollcall config show
  rollcall config show --timeout 5s -o json | jq -r '.[] | select(.origin != "default").name'`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printAll(p, o, settingColumns, all(p.origins.List(cmd.Flags(), flagNames(new(serveConfig).declare))))
		},
	}
	c.declare(cmd.Flags())
	o.declare(cmd)
	return cmd
}

var settingColumns = []column[settings.Setting]{
	{"name", func(s settings.Setting) string { return s.Name }},
	{"value", func(s settings.Setting) string { return s.Value }},
	{"origin", func(s settings.Setting) string { return string(s.Origin) }},
	{"where", func(s settings.Setting) string { return s.Where }},
}

func newConfigCheckCommand(p *program) *cobra.Command {
	var c serveConfig
	cmd := &cobra.Command{
		Use:         "check",
		Short:       "Say everything that keeps serve from starting",
		Long:        "Says everything that is wrong with the settings of serve, and exits with 2 as serve would. It starts nothing.",
		Example:     `  rollcall config check --config rollcall.yaml`,
		Args:        takes(),
		Annotations: withSettings(settingsReported),
		RunE: func(*cobra.Command, []string) error {
			for _, line := range p.strangers() {
				p.say("%s", line)
			}
			if err := errors.Join(p.settingsErr, c.check()); err != nil {
				return err
			}
			for _, line := range c.advice() {
				p.say("%s", line)
			}
			_, err := fmt.Fprintln(p.stdout, "the configuration is valid")
			return err
		},
	}
	c.declare(cmd.Flags())
	return cmd
}
