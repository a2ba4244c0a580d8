package api

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
)

// sentinels are all errors that the packages below promise, with the problem that each is. "" is an error of starting
// up, or of the service itself, that no request can cause and no client is told of.
var sentinels = map[string]struct {
	err  error
	code code
}{
	"auth.ErrMissing":         {auth.ErrMissing, missingToken},
	"auth.ErrInvalid":         {auth.ErrInvalid, invalidToken},
	"auth.ErrExpired":         {auth.ErrExpired, expiredToken},
	"auth.ErrUnavailable":     {auth.ErrUnavailable, authUnavailable},
	"journal.ErrUnavailable":  {journal.ErrUnavailable, logUnavailable},
	"journal.ErrFull":         {journal.ErrFull, logFull},
	"journal.ErrSlow":         {journal.ErrSlow, logSlow},
	"journal.ErrOverloaded":   {journal.ErrOverloaded, logUnavailable},
	"journal.ErrRefused":      {journal.ErrRefused, logUnavailable},
	"journal.ErrReplicas":     {journal.ErrReplicas, logUnavailable},
	"journal.ErrClosed":       {journal.ErrClosed, shuttingDown},
	"journal.ErrConflict":     {journal.ErrConflict, idempotencyConflict},
	"journal.ErrGone":         {journal.ErrGone, notFound},
	"journal.ErrMissing":      {journal.ErrMissing, logUnavailable},
	"journal.ErrMismatch":     {journal.ErrMismatch, logUnavailable},
	"journal.ErrTooLarge":     {journal.ErrTooLarge, logUnavailable},
	"journal.ErrUnwritable":   {journal.ErrUnwritable, malformedBody},
	"journal.ErrAhead":        {journal.ErrAhead, internal},
	"journal.ErrHoles":        {journal.ErrHoles, internal},
	"events.ErrInvalidID":     {events.ErrInvalidID, invalidUser},
	"events.ErrUnknownType":   {events.ErrUnknownType, invalidType},
	"events.ErrNewerVersion":  {events.ErrNewerVersion, malformedBody},
	"events.ErrMalformed":     {events.ErrMalformed, malformedBody},
	"events.ErrSubject":       {events.ErrSubject, internal},
	"projections.ErrBehind":   {projections.ErrBehind, viewBehind},
	"projections.ErrShort":    {projections.ErrShort, internal},
	"projections.ErrHeld":     {projections.ErrHeld, internal},
	"projections.ErrNewer":    {projections.ErrNewer, internal},
	"projections.ErrDiverged": {projections.ErrDiverged, internal},
}

func TestEverySentinelIsAProblem(t *testing.T) {
	for name, s := range sentinels {
		f, known := asFault(fmt.Errorf("doing x: %w", fmt.Errorf("deeper: %w", s.err)))
		if f.code != s.code || known == (s.code == internal) {
			t.Errorf("%s is %s, want %s", name, f.code, s.code)
		}
		if strings.Contains(f.detail, s.err.Error()) {
			t.Errorf("%s: %q shows the inside", name, f.detail)
		}
	}
}

// TestNoSentinelIsForgotten looks into the sources for sentinels that the table above does not have.
func TestNoSentinelIsForgotten(t *testing.T) {
	for pkg, dir := range map[string]string{"auth": "auth", "events": "../events", "journal": "../events/journal", "projections": "../projections"} {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, path := range paths {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok {
					return true
				}
				for _, id := range spec.Names {
					if !strings.HasPrefix(id.Name, "Err") || !id.IsExported() {
						continue
					}
					found++
					if _, ok := sentinels[pkg+"."+id.Name]; !ok {
						t.Errorf("%s.%s is in no test: say which problem it is", pkg, id.Name)
					}
				}
				return true
			})
		}
		if found == 0 {
			t.Errorf("no sentinel of %s was found in %s", pkg, dir)
		}
	}
}

func TestEveryCodeHasItsKind(t *testing.T) {
	for c, k := range kinds {
		if k.status < 400 || k.title == "" || (k.retry > 0) != (k.status == 503 || k.status == 429) {
			t.Errorf("%s: %+v", c, k)
		}
	}
	for _, m := range meanings {
		if _, ok := kinds[m.code]; !ok || m.detail == "" {
			t.Errorf("%v is %q", m.err, m.code)
		}
	}
	if f, known := asFault(errors.New("something")); known || f.code != internal {
		t.Errorf("an unknown error is %s", f.code)
	}
}
