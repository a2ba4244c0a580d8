package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

// shared is what the flags that all benches have say.
type shared struct {
	place  loadgen.Place
	output string
	check  bool
}

func (s *shared) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.place.Rollcall, "rollcall", "", "the rollcall program to measure (default: the one beside this program, else of the PATH)")
	flags.StringVar(&s.place.Dir, "dir", "", "where the data directories are made (default: the system's for temporary files)")
	flags.StringArrayVar(&s.place.Serve, "serve-flag", nil, "further flag of every node that is started, as --checkpoint=1h; repeatable")
	flags.BoolVar(&s.check, "check", false, "exit with 1 where a row is not met")
	flags.StringVarP(&s.output, "output", "o", "table", "table or json")
}

// complete fills in what is no flag. It returns a loadgen.ErrConfig for a flag that cannot be.
func (s *shared) complete(cmd *cobra.Command) (err error) {
	if s.output != "table" && s.output != "json" {
		return fmt.Errorf("%w: --output is table or json, not %q", loadgen.ErrConfig, s.output)
	}
	s.place.Stderr = cmd.ErrOrStderr()
	if s.place.Self, err = os.Executable(); err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	s.place.Rollcall, err = findRollcall(s.place.Rollcall, s.place.Self)
	return err
}

// findRollcall returns the program that is named, else the one beside self, else that of the PATH. It returns a
// loadgen.ErrConfig where there is none.
func findRollcall(named, self string) (string, error) {
	candidates := []string{named}
	if named == "" {
		candidates = []string{filepath.Join(filepath.Dir(self), "rollcall"+filepath.Ext(self)), "rollcall"}
	}
	for _, c := range candidates {
		if path, err := exec.LookPath(c); err == nil {
			return filepath.Abs(path)
		}
	}
	if named != "" {
		return "", fmt.Errorf("%w: --rollcall: %s is no program", loadgen.ErrConfig, named)
	}
	return "", fmt.Errorf("%w: there is no rollcall beside this program or in the PATH: say where it is with --rollcall", loadgen.ErrConfig)
}

// report is what a bench measured.
type report interface{ WriteTable(io.Writer) error }

func (s *shared) write(w io.Writer, r report) error {
	var err error
	if s.output == "table" {
		err = r.WriteTable(w)
	} else {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		err = out.Encode(r)
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// unmet is a loadgen.ErrUnmet for each row that is not met, where that is asked for.
func (s *shared) unmet(rows []loadgen.Row) error {
	if !s.check {
		return nil
	}
	return loadgen.Unmet(rows)
}

// bench is a command that prints findings; measure makes them.
func (s *shared) bench(use, short, long string, measure func(context.Context, loadgen.Place) (loadgen.Findings, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Long: long + "\nExits with 1 when a node did something wrong or, with --check, a row is not met.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.complete(cmd); err != nil {
				return err
			}
			runtime.SetDefaultGOMAXPROCS() // a GOMAXPROCS in the environment must not hold the generator back
			found, err := measure(cmd.Context(), s.place)
			if err != nil {
				return err
			}
			if err := s.write(cmd.OutOrStdout(), found); err != nil {
				return err
			}
			return errors.Join(found.Wrong(), s.unmet(found.Rows))
		},
	}
	s.declare(cmd)
	return cmd
}
