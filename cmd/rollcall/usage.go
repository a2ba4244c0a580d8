package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

// helpTemplate and usageTemplate show what a command is for, then examples, then the rest.
const (
	helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}
{{end}}{{.UsageString}}`

	usageTemplate = `{{if .HasExample}}
Examples:
{{.Example}}
{{end}}
Usage:
  {{if and .HasAvailableSubCommands .HasParent}}{{.CommandPath}} COMMAND{{else if .HasAvailableSubCommands}}rollcall COMMAND{{else}}{{.UseLine}}{{end}}
{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{$groups := .Groups}}{{range $group := $groups}}
{{.Title}}{{range $cmds}}{{if and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{if not $groups}}
Commands:{{range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{end}}{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableInheritedFlags}}
Everywhere:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableLocalFlags}}
A flag can also be set as ROLLCALL_<FLAG> in the environment, and as a key of the YAML file of --config.
{{end}}`
)

// flagError puts what pflag says about the command line into our words.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		return usage{settings.Explain("--"+invalid.GetFlag().Name, invalid.GetValue(), invalid.GetFlag(), invalid.Unwrap())}
	case errors.As(err, &missing):
		return usagef("--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		return unknownFlag(cmd, unknown.GetSpecifiedName())
	}
	return usage{err}
}

func unknownFlag(cmd *cobra.Command, name string) error {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant := settings.Nearest(name, names); meant != "" {
		return usagef("there is no --%s: did you mean --%s?", name, meant)
	}
	return usagef("there is no --%s", name)
}

// runGroup is what a command does that only has commands below it: it was called without one of them, or with one
// that there is not.
func runGroup(cmd *cobra.Command, args []string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	switch {
	case len(args) == 0 && !cmd.HasParent():
		return cmd.Help()
	case len(args) == 0:
		return usagef("`%s` needs one of its commands: %s", cmd.CommandPath(), strings.Join(names, ", "))
	}
	if meant := settings.Nearest(args[0], names); meant != "" {
		return usagef("there is no `%s %s`: did you mean %s?", cmd.CommandPath(), args[0], meant)
	}
	return usagef("there is no `%s %s`: there is %s", cmd.CommandPath(), args[0], strings.Join(names, ", "))
}

// newHelpCommand is cobra's but for its way with a command that there is not.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			switch {
			case err != nil:
				return usage{err}
			case len(rest) > 0 && about.HasSubCommands():
				return runGroup(about, rest)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// takes accepts exactly the named arguments, none of them empty.
func takes(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef("%s is missing", names[len(args)])
		}
		if len(args) > len(names) {
			return usagef("%q is one argument too many", args[len(names)])
		}
		if empty := slices.Index(args, ""); empty >= 0 {
			return usagef("%s is empty", names[empty])
		}
		return nil
	}
}
