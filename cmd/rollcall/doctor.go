package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// result is how a check came out.
type result string

const (
	resultOK      result = "ok"
	resultWarning result = "warning" // it works, and yet something should be done
	resultFailed  result = "failed"
	resultSkipped result = "skipped" // there was nothing to check, or no way to
)

// finding is what one check found.
type finding struct {
	Check  string `json:"check"`
	Result result `json:"result"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // what to do; "" where nothing needs to be done
}

var findingColumns = []column[finding]{
	{"check", func(f finding) string { return f.Check }},
	{"result", func(f finding) string { return string(f.Result) }},
	{"detail", func(f finding) string { return f.Detail }},
	{"fix", func(f finding) string { return f.Fix }},
}

// doctor is what the flags of doctor say.
type doctor struct {
	remote
	config serveConfig
}

func newDoctorCommand(p *program) *cobra.Command {
	var d doctor
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether a node can run here, or how a running one is",
		Long: `Checks what a node with these flags would need on this machine: settings, data directory, disk, port, keys, clock and
open files. Where there is a log already and no node works on it, it is opened: how far the views are, whether the streams
are kept as the flags say, and which events could not be decoded. With --server it asks a running node how it is instead.
Each failed check says what to do; exits with 1 when there is one.`,
		Example: `  rollcall doctor --config /etc/rollcall.yaml
  rollcall doctor --server https://presence.example.com
  rollcall doctor -o json | jq '.[] | select(.result == "failed")'`,
		Args:        takes(),
		Annotations: withSettings(settingsReported),
		RunE:        func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context(), p) },
	}
	d.config.declare(cmd.Flags())
	d.declare(cmd)
	return cmd
}

func (d *doctor) run(ctx context.Context, p *program) error {
	node, err := p.atNode(false)
	if err != nil {
		return err
	}
	var found []finding
	if !node {
		found = d.examineMachine(ctx, p)
	} else if p.settingsErr != nil {
		return p.settingsErr
	} else if found, err = d.examineNode(ctx); err != nil {
		return err
	}
	if err := printAll(p, d.output, findingColumns, all(found)); err != nil {
		return err
	}
	return verdict(found)
}

// verdict is an error where a check failed.
func verdict(found []finding) error {
	failed := 0
	for _, f := range found {
		if f.Result == resultFailed {
			failed++
		}
	}
	return when(failed > 0, "%d of %d checks failed: do what is said under fix", failed, len(found))
}

// of makes a finding of an error: failed with the fix, or ok with the detail where there is none.
func of(check string, err error, detail, fix string) finding {
	if err != nil {
		return finding{check, resultFailed, err.Error(), fix}
	}
	return finding{Check: check, Result: resultOK, Detail: detail}
}

func skipped(check, why string, args ...any) finding {
	return finding{Check: check, Result: resultSkipped, Detail: fmt.Sprintf(why, args...)}
}
