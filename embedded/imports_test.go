package embedded_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rollcall-dev/rollcall/"

// mayImport says which packages of ours each may import; a name ending in /
// stands for all below it. cmd may import everything, and nobody cmd.
var mayImport = map[string][]string{
	"events":              {},
	"events/presencepb":   {},
	"events/journal":      {"events"},
	"events/journaltest":  {"events/journal"},
	"events/timeouts":     {"events", "events/journal"},
	"events/past":         {"events", "events/journal"},
	"projections":         {"events", "events/journal"},
	"projections/current": {"events", "events/journal", "projections"},
	"projections/history": {"events", "events/journal", "projections", "projections/current"},
	"projections/live":    {"events", "projections/current"},
	"projections/mirror":  {"events", "events/journal", "projections", "projections/current", "projections/history"},
	"api":                 {"events/", "projections/", "api/auth", "api/docspage", "api/adminpage", "api/shortway"},
	"api/auth":            {"events"},
	"api/docspage":        {},
	"api/shortway":        {},
	"api/adminpage":       {},
	"api/client":          {"events"},
	"api/client/presence": {"events", "api/client"},
	"embedded":            {"events/", "projections/", "api/"},
}

// onlyIn says where packages of others may be imported directly.
var onlyIn = map[string][]string{
	"go.etcd.io/bbolt":                         {"projections/"},
	"github.com/nats-io/nats-server/v2/server": {"embedded", "events/journaltest"},
}

func TestImportsPointOneWay(t *testing.T) {
	for name, imports := range packages(t) {
		if strings.HasPrefix(name, "cmd/") {
			continue
		}
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("%s is new: say here what it may import", name)
		}
		for _, i := range imports {
			if ours, ok := strings.CutPrefix(i, module); ok && !among(ours, allowed) {
				t.Errorf("%s imports %s", name, ours)
			}
			if places, guarded := onlyIn[i]; guarded && !among(name, places) {
				t.Errorf("%s imports %s", name, i)
			}
		}
	}
}

func among(name string, list []string) bool {
	return slices.ContainsFunc(list, func(l string) bool {
		return name == strings.TrimSuffix(l, "/") || strings.HasSuffix(l, "/") && strings.HasPrefix(name, l)
	})
}

// packages returns what each package of ours imports, tests apart.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(p.ImportPath, module)] = p.Imports
	}
}
