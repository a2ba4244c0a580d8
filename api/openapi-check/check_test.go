//go:build openapi

// Package openapicheck holds the published OpenAPI document against its linters,
// and clients that others' generators make of it against a node. It needs Node and
// `npm ci` here: see `task openapi`.
package openapicheck

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

// generator makes a Go client of the document.
const generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"

var secret = []byte("thirty-two bytes or more, kept secret")

// node runs a node, and returns its URL and the file with its document.
func node(t *testing.T) (url, document string) {
	t.Helper()
	n, err := embedded.New(embedded.Config{Addr: "127.0.0.1:0", DataDir: t.TempDir(), JWTSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-n.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	url = "http://" + n.Addr()
	answer, err := http.Get(url + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	document = filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(document, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return url, document
}

// run runs a command here, with more variables, and fails the test unless it
// succeeds.
func run(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %v: %v\n%s", name, args, err, out)
	}
}

func tool(name string) string { return filepath.Join("node_modules", ".bin", name) }

func TestLintersFindNothing(t *testing.T) {
	_, document := node(t)
	quiet := []string{"REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true"}
	cmd := exec.CommandContext(t.Context(), tool("redocly"), "lint", "--max-problems=100", "--config=redocly.yaml", document)
	cmd.Env = append(os.Environ(), quiet...)
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("You have ")) {
		t.Errorf("redocly: %v\n%s", err, out)
	}
	run(t, nil, tool("spectral"), "lint", "--ruleset=spectral.yaml", "--fail-severity=hint", document)
}

func tokens(t *testing.T, url string) []string {
	t.Helper()
	mint := func(user, scope string) string {
		token, err := auth.Mint(secret, auth.MintClaims{User: user, Scope: scope})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	return []string{"ROLLCALL_URL=" + url, "USER_TOKEN=" + mint("alice", ""), "ADMIN_TOKEN=" + mint("root", "presence:admin")}
}

func TestAGeneratedTypeScriptClientWorks(t *testing.T) {
	url, document := node(t)
	built := filepath.Join("built", "typescript") // where its imports find node_modules
	t.Cleanup(func() { os.RemoveAll(built) })
	run(t, nil, tool("openapi-typescript"), document, "--output", filepath.Join(built, "schema.d.ts"))
	text, err := os.ReadFile("client.ts")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(built, "client.ts"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, nil, tool("tsc"), "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable", filepath.Join(built, "client.ts"))
	run(t, tokens(t, url), "node", filepath.Join(built, "client.js"))
}

func TestAGeneratedGoClientWorks(t *testing.T) {
	url, document := node(t)
	built := filepath.Join("built", "goclient")
	if err := os.MkdirAll(built, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(built) })
	text, err := os.ReadFile("client.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"main.go": text, "go.mod": []byte("module goclient\n\ngo 1.25\n")} {
		if err := os.WriteFile(filepath.Join(built, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, nil, "go", "run", generator, "-generate", "types,client", "-package", "main", "-o", filepath.Join(built, "client.gen.go"), document)
	run(t, nil, "go", "-C", built, "mod", "tidy")
	run(t, nil, "go", "-C", built, "vet", ".")
	run(t, tokens(t, url), "go", "-C", built, "run", ".")
}
