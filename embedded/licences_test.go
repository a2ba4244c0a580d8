package embedded_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var writeLicences = flag.Bool("write-licences", false, "write docs/licences.md, for TestEveryDependencyHasItsLicenceListed")

const licencesPage = "../docs/licences.md"

// terms are words of licences, the first that is found counting.
var terms = []struct{ name, words string }{
	{"Apache-2.0", "Apache License"},
	{"MPL-2.0", "Mozilla Public License"},
	{"AGPL", "GNU AFFERO GENERAL PUBLIC LICENSE"},
	{"LGPL", "GNU LESSER GENERAL PUBLIC LICENSE"},
	{"GPL", "GNU GENERAL PUBLIC LICENSE"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-3-Clause", "names of its contributors may"},
	{"BSD-2-Clause", "Redistributions in binary form"},
	{"MIT", "Permission is hereby granted, free of charge"},
}

// accepted are those that what is built may be under: none asks more of it than
// to name its authors.
var accepted = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// dependency is a module that code of ours needs.
type dependency struct {
	Path, Version, Dir string
	shipped            bool // part of the programs; else of the tests alone
}

// dependencies are those of the programs and of the tests, in order.
func dependencies(t *testing.T) (found []dependency) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the page is that of Linux: elsewhere some modules more, or fewer, are needed")
	}
	known := map[string]int{}
	for _, args := range [][]string{{"github.com/rollcall-dev/rollcall/cmd/..."}, {"-test", "github.com/rollcall-dev/rollcall/..."}} {
		out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps", "-json=Module"}, args...)...).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for d := json.NewDecoder(strings.NewReader(string(out))); ; {
			var p struct {
				Module *struct{ Path, Version, Dir string }
			}
			if err := d.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if m := p.Module; m != nil && m.Version != "" {
				if _, there := known[m.Path]; !there {
					known[m.Path] = len(found)
					found = append(found, dependency{m.Path, m.Version, m.Dir, len(args) == 1})
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b dependency) int { return strings.Compare(a.Path, b.Path) })
	return found
}

// licence is what the texts in a module's directory say.
func (d dependency) licence() (string, error) {
	entries, err := os.ReadDir(d.Dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(d.Dir, e.Name()))
		if err != nil {
			return "", err
		}
		flat := strings.Join(strings.Fields(string(text)), " ")
		for _, term := range terms {
			if strings.Contains(flat, term.words) {
				return term.name, nil
			}
		}
	}
	return "", fmt.Errorf("%s has no licence that is known", d.Path)
}

// TestEveryDependencyHasItsLicenceListed holds docs/licences.md against what the
// code needs: `task licences` writes it.
func TestEveryDependencyHasItsLicenceListed(t *testing.T) {
	page := new(strings.Builder)
	page.WriteString("# Licences\n\nRollcall's own is in [LICENSE](../LICENSE). These are the Go modules that it needs, pinned in `go.mod` and `go.sum`;\n" +
		"`task licences` writes this page, and a test holds it against the code. What the pages for browsers are built with is in their\n`package-lock.json`.\n\n" +
		"| module | version | licence | in |\n| --- | --- | --- | --- |\n")
	for _, d := range dependencies(t) {
		licence, err := d.licence()
		if err != nil {
			t.Error(err)
		}
		if !slices.Contains(accepted, licence) {
			t.Errorf("%s is under %q, which is not one of %v", d.Path, licence, accepted)
		}
		in := "tests"
		if d.shipped {
			in = "programs"
		}
		fmt.Fprintf(page, "| %s | %s | %s | %s |\n", d.Path, d.Version, licence, in)
	}
	if *writeLicences {
		if err := os.WriteFile(licencesPage, []byte(page.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(licencesPage)
	if err != nil || string(have) != page.String() {
		t.Errorf("docs/licences.md is not what the code needs: run `task licences` (%v)", err)
	}
}
