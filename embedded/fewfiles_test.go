//go:build linux

package embedded_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

// TestTooManyOpenFilesPass takes all free files from a node under a writer, so
// that the embedded server cannot begin another one, and gives them back.
func TestTooManyOpenFilesPass(t *testing.T) {
	t.Parallel()
	ready, _, pid := spawnProcess(t, embedded.Config{DataDir: t.TempDir()})
	url, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, url: url}
	service := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	n.pourLines(service) // on a connection that is kept: the node cannot accept another one later
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Fatal(err)
	}
	few := before
	few.Cur = 8 // all of these are taken
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &few, nil); err != nil {
		t.Fatal(err)
	}
	said := ""
	for range 1000 { // until the log's file is full and the next one cannot be opened
		if said = n.pourLines(service); !strings.Contains(said, `"accepted":1000,`) {
			break
		}
	}
	if !strings.Contains(said, "log_unavailable") && !strings.Contains(said, "log_slow") {
		t.Errorf("without files: %.300s", said)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	soon(t, "all to be taken again", func() bool { return strings.Contains(n.pourLines(service), `"accepted":1000,`) })
	soon(t, "the node to be ready", func() bool { code, _ := n.readyz(); return code == http.StatusOK })
}

// pourLines sends a thousand events at once and returns the answer.
func (n *node) pourLines(tok string) string {
	n.t.Helper()
	lines := new(strings.Builder)
	for i := range 1000 {
		fmt.Fprintf(lines, `{"type":"login","user":"user-%d"}`+"\n", i)
	}
	ctx, cancel := context.WithTimeout(n.t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/v1/events", strings.NewReader(lines.String()))
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(body)
}
