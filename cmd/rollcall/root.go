package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

const (
	groupServe = "serve"
	groupAsk   = "ask"
	groupPast  = "past"
	groupLog   = "log"
	groupTools = "tools"
)

func newRootCommand(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:   "rollcall",
		Short: "Who is online, when was everybody last seen, and who was online then",
		Long:  "Rollcall tells an application who is online, when everybody was last seen, and who was online at any moment.",
		Example: `  rollcall serve --dev                                   a node to try, with tokens and calls to copy
  rollcall token mint --secret "$SECRET" --sub alice     a token for alice
  rollcall status alice                                  is alice there?
  rollcall online -o csv                                 who is?
  rollcall who-was-online --at 2h                        who was, two hours ago?
  rollcall verify                                        are the views what the log says?`,
		Version:           buildVersion().Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: p.settle,
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetVersionTemplate("rollcall {{.Version}}\n")
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().String(settings.ConfigFlag, "", "YAML file whose keys are the names of flags")
	root.AddGroup(
		&cobra.Group{ID: groupServe, Title: "Run a node:"},
		&cobra.Group{ID: groupAsk, Title: "Ask a running node:"},
		&cobra.Group{ID: groupPast, Title: "Ask it about the past:"},
		&cobra.Group{ID: groupLog, Title: "Look after the log, on a running node or without one:"},
		&cobra.Group{ID: groupTools, Title: "Around it:"},
	)
	addTo(root, groupServe, newServeCommand(p), newDemoCommand(p), newConfigCommand(p), newDoctorCommand(p))
	addTo(root, groupAsk, newStatusCommand(p), newOnlineCommand(p), newWatchCommand(p), newStatsCommand(p), newOverrideCommand(p), newEraseCommand(p))
	addTo(root, groupPast, newHistoryCommand(p), newWhoWasOnlineCommand(p), newConcurrencyCommand(p), newAuditCommand(p))
	addTo(root, groupLog, newVerifyCommand(p), newRebuildCommand(p), newCheckOfflineCommand(p), newImportCommand(p))
	addTo(root, groupTools, newTokenCommand(p), newBenchCommand(), newVersionCommand(p))
	root.SetHelpCommand(newHelpCommand())
	root.SetHelpCommandGroupID(groupTools)
	root.SetCompletionCommandGroupID(groupTools)
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Args, completion.RunE = cobra.ArbitraryArgs, runGroup
	}
	p.prepare(root)
	return root
}

func addTo(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// prepare gives a command and all below it what they share.
func (p *program) prepare(c *cobra.Command) {
	if builtin(c) {
		return
	}
	p.known.Add(c.Flags())
	p.known.Add(c.PersistentFlags())
	if c.HasSubCommands() && !c.Runnable() {
		c.Args = cobra.ArbitraryArgs
		c.RunE = runGroup
	}
	if runE := c.RunE; runE != nil {
		c.RunE = func(cmd *cobra.Command, args []string) error {
			p.ran = true
			return runE(cmd, args)
		}
	}
	for _, sub := range c.Commands() {
		p.prepare(sub)
	}
}

// How a command takes wrong settings; those that say nothing do not run with them.
const (
	settingsMark     = "rollcall_settings"
	settingsIgnored  = "ignored"  // it works without any
	settingsReported = "reported" // telling what is wrong is its work; it looks at program.settingsErr
)

func withSettings(how string) map[string]string { return map[string]string{settingsMark: how} }

// settle fills in the flags of the command that is about to run.
func (p *program) settle(cmd *cobra.Command, _ []string) error {
	how := cmd.Annotations[settingsMark]
	if how == settingsIgnored || cmd.HasSubCommands() || builtin(cmd) {
		return nil
	}
	p.flags = cmd.Flags()
	p.origins, p.settingsErr = settings.Fill(cmd.Flags(), p.known, p.env)
	if how == settingsReported {
		return nil
	}
	return p.settingsErr
}

// strangers says of each variable that begins as ours do, and is none, that it counts for nothing.
func (p *program) strangers() (lines []string) {
	for _, name := range settings.Strange(p.known, p.flags, p.env) {
		lines = append(lines, name+" is no setting and is ignored: unset it, unless something else reads it")
	}
	return lines
}

// builtin says whether cmd is one of cobra's own: help, and completion with those that it calls.
func builtin(cmd *cobra.Command) bool {
	for c := cmd; c.HasParent(); c = c.Parent() {
		switch c.Name() {
		case "help", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd:
			return true
		}
	}
	return false
}

// flagNames lists flags in the order of their declaration.
func flagNames(declare func(*pflag.FlagSet)) []string {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SortFlags = false
	declare(flags)
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}
