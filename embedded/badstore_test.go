//go:build linux

package embedded_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rollcall-dev/rollcall/embedded"
)

// TestAStoreThatFailsIsSaid lets every write to the files of a node under
// writers fail with an error that does not pass by itself, and then no more. The
// node must say so, take nothing from then on until it is started again, and
// have everything by then that it has acknowledged.
func TestAStoreThatFailsIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ready, kill, pid := spawnProcess(t, embedded.Config{DataDir: dir})
	url, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, url: url}
	if code, text := n.readyz(); code != http.StatusOK || !strings.Contains(text, "[+]store ok") {
		t.Errorf("before: %d %s", code, text)
	}
	stop, enough := pour(n, "before")
	<-enough
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &before); err != nil {
		t.Fatal(err)
	}
	small := before
	small.Cur = 1 // EFBIG for whatever is written beyond that
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &small, nil); err != nil {
		t.Fatal(err)
	}
	failing := func() bool {
		code, text := n.readyz()
		return code == http.StatusServiceUnavailable &&
			strings.Contains(text, "[-]store: the store reports an error: check the disk, then restart the node")
	}
	soon(t, "the node to say that its store fails", failing)
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &before, nil); err != nil {
		t.Fatal(err)
	}
	// The writers go on: each of them is refused at least once more.
	alice := token(t, claimsOf("alice"))
	if code, _ := n.call(alice, "POST", "/v1/login", "", nil); code != http.StatusServiceUnavailable {
		t.Errorf("a login is answered with %d", code)
	}
	if !failing() {
		t.Error("it has begun again by itself")
	}
	all := stop()
	kill()
	ready, kill = spawn(t, embedded.Config{DataDir: dir})
	if n.url, err = ready(); err != nil {
		t.Fatal(err)
	}
	if code, text := n.readyz(); code != http.StatusOK {
		t.Errorf("started again: %d %s", code, text)
	}
	stop, enough = pour(n, "after")
	<-enough
	maps.Copy(all, stop())
	kill()
	checkLog(t, dir, all)
}
