package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

func newOverrideCommand(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "override",
		Short: "Put a status over the observed one, or take it away",
		Long: `An override hides what the sessions of a user say; it does not change it: they go on underneath. The token must be an
admin's, and the log keeps whose it was.`,
		Example: `  rollcall override set alice busy --reason "on call" --for 30m
  rollcall override clear alice`,
	}
	cmd.AddCommand(newOverrideSetCommand(p), newOverrideClearCommand(p))
	return cmd
}

// overriding is what the flags of override set say.
type overriding struct {
	remote
	reason, until string
	duration      time.Duration
}

func newOverrideSetCommand(p *program) *cobra.Command {
	var o overriding
	cmd := &cobra.Command{
		Use:   "set USER STATUS",
		Short: "Set an override",
		Long:  "Sets an override and prints the user's presence with it. Without --for or --until it holds until it is cleared.",
		Example: `  rollcall override set alice busy --reason "on call" --for 30m
  rollcall override set alice offline --until 2026-12-24T18:00:00Z`,
		Args: takes("USER", "STATUS"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return statusWords(), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.set(cmd.Context(), p, args[0], args[1]) },
	}
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, for whoever reads the log")
	settings.Duration(cmd.Flags(), &o.duration, "for", "0s", "how long it holds, like 30m; 0s is until it is cleared")
	cmd.Flags().StringVar(&o.until, "until", "", "when it ends, like 2026-12-24T18:00:00Z")
	o.declare(cmd)
	return cmd
}

func (o *overriding) set(ctx context.Context, p *program, user, status string) error {
	wanted, err := o.wanted(status)
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	presence, err := c.SetOverride(ctx, user, wanted)
	if err != nil {
		return o.explain(err)
	}
	return printOne(p, o.output, presenceColumns, presence)
}

// wanted is the override that the arguments and flags describe.
func (o *overriding) wanted(status string) (client.SetOverride, error) {
	wanted := client.SetOverride{Status: client.Status(strings.ToLower(status)), Reason: o.reason, For: o.duration}
	switch {
	case !slices.Contains(client.Statuses(), wanted.Status):
		return wanted, usagef("STATUS is %q: write %s", status, oneOf(statusWords()))
	case o.duration < 0:
		return wanted, usagef("--for %s is in the past: give a time from now on, like 30m", o.duration)
	case o.duration > 0 && o.until != "":
		return wanted, usagef("--for and --until are both set: give one of them")
	case o.until == "":
		return wanted, nil
	}
	until, err := time.Parse(time.RFC3339, o.until)
	if err != nil {
		return wanted, usagef("--until is %q: write a time like 2026-12-24T18:00:00Z", o.until)
	}
	if !fourDigits(until) {
		return wanted, usagef("--until is %q: write a time before the year 10000 in UTC, or leave it out to have no end", o.until)
	}
	wanted.Until = until
	return wanted, nil
}

func newOverrideClearCommand(p *program) *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:     "clear USER",
		Short:   "Take an override away",
		Long:    "Takes the override of a user away and prints what shows now. Exits with 1 where there is none.",
		Example: `  rollcall override clear alice`,
		Args:    takes("USER"),
		RunE:    func(cmd *cobra.Command, args []string) error { return r.clearOverride(cmd.Context(), p, args[0]) },
	}
	r.declare(cmd)
	return cmd
}

func (r *remote) clearOverride(ctx context.Context, p *program, user string) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	presence, err := c.ClearOverride(ctx, user)
	if client.HasCode(err, client.CodeNoOverride) {
		return fmt.Errorf("%q has no override to clear", user)
	}
	if err != nil {
		return r.explain(err)
	}
	return printOne(p, r.output, presenceColumns, presence)
}
