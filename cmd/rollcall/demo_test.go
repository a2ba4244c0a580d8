package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api/client"
)

func TestDemoHasSomethingToShow(t *testing.T) {
	stdout, stderr := &growing{}, &growing{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	t.Setenv("PATH", "") // where no browser is
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	go func() {
		ended <- run(ctx, []string{"demo", "--users", "40", "--addr", ":0", "--open"}, strings.NewReader(""), stdout, stderr, []string{"ROLLCALL_BIN=/bin/rollcall"})
	}()
	defer func() {
		cancel()
		if code := <-ended; code != exitFine {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
		if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
			t.Errorf("it left %v behind, %v", left, err)
		}
	}()
	var url, token string
	eventually(t, "it welcomes", func() bool {
		for line := range strings.Lines(stdout.String()) {
			if _, err := fmt.Sscanf(strings.TrimSpace(line), "export ROLLCALL_SERVER=%s ROLLCALL_TOKEN=%s", &url, &token); err == nil {
				return true
			}
		}
		return false
	})
	c, err := client.New(client.Config{Server: url, Token: token, HTTPClient: ownHTTP()})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "many are online", func() bool {
		stats, err := c.Stats(t.Context(), 0)
		return err == nil && stats.Online > 10
	})
	if text := stdout.String(); strings.Contains(text, "/admin/#token=") != hasPage(t.Context(), strings.TrimPrefix(url, "http://")) {
		t.Errorf("got %s", text)
	}
	if !strings.Contains(stdout.String(), "\n    "+invocation()+" online --watch\n") {
		t.Errorf("what it says to type cannot be: %s", stdout.String())
	}
	if !strings.Contains(stderr.String(), "no browser was opened") {
		t.Errorf("it said %q", stderr.String())
	}
	if !strings.Contains(stderr.String(), "rollcall: ROLLCALL_BIN is no setting and is ignored") {
		t.Errorf("it said %q", stderr.String())
	}
}
