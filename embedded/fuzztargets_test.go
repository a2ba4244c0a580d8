package embedded_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// TestEveryFuzzTargetIsRun: one that `task fuzz` does not know finds nothing.
func TestEveryFuzzTargetIsRun(t *testing.T) {
	tasks, err := os.ReadFile("../Taskfile.yml")
	if err != nil {
		t.Fatal(err)
	}
	found, root := 0, os.DirFS("..")
	err = fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "node_modules" || e.Name() == ".git"):
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, target := range fuzzTarget.FindAllSubmatch(text, -1) {
			found++
			if line := "- ./" + path.Dir(name) + " " + string(target[1]) + "\n"; !strings.Contains(string(tasks), line) {
				t.Errorf("task fuzz lacks %q", line)
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d targets: %v", found, err)
	}
}
