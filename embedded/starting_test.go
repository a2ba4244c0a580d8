//go:build unix

package embedded_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// holdStart makes a node on dir wait, where it looks at the files of its log,
// until it is let go: one of them is a pipe.
func holdStart(t *testing.T, dir string) (letGo func()) {
	t.Helper()
	stream := filepath.Join(dir, "nats", "jetstream", "$G", "streams", "HELD")
	if err := os.MkdirAll(stream, 0o700); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(stream, "meta.inf")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	letGo = sync.OnceFunc(func() {
		var w *os.File
		journaltest.Until(t, "the node to read the pipe", func() (open bool) {
			var err error
			w, err = os.OpenFile(pipe, os.O_WRONLY|unix.O_NONBLOCK, 0) // fails while there is no reader
			return err == nil
		})
		if err := os.RemoveAll(stream); err != nil {
			t.Error(err)
		}
		_ = w.Close()
	})
	return letGo
}

// TestANodeThatIsStartingAnswers holds that the port is open, /livez well and
// /readyz telling, on both listeners, while the store is still being opened.
func TestANodeThatIsStartingAnswers(t *testing.T) {
	dir := t.TempDir()
	letGo := holdStart(t, dir)
	defer letGo()
	n, stop := begin(t, embedded.Config{DataDir: dir, MetricsAddr: "127.0.0.1:0"})
	journaltest.Until(t, "the node to listen", func() bool { return n.Addr() != "" && n.MetricsAddr() != "" })
	url, ops, tok := "http://"+n.Addr(), "http://"+n.MetricsAddr(), token(t, auth.MintClaims{User: "alice"})
	for _, at := range []string{url, ops} {
		if resp, body := get(t, "GET", at+"/livez", ""); resp.StatusCode != http.StatusOK {
			t.Errorf("/livez: %s %s", resp.Status, body)
		}
		journaltest.Until(t, "/readyz to say what is under way", func() bool {
			resp, body := get(t, "GET", at+"/readyz", "")
			return resp.StatusCode == http.StatusServiceUnavailable && strings.HasPrefix(body, "[-]starting: the log is opened\n")
		})
	}
	if resp, body := get(t, "GET", ops+"/metrics", ""); resp.StatusCode != http.StatusOK || !strings.Contains(body, "go_goroutines") {
		t.Errorf("/metrics: %s %.100s", resp.Status, body)
	}
	for _, call := range []string{"POST /v1/heartbeat", "GET /v1/me", "GET /metrics"} {
		method, path, _ := strings.Cut(call, " ")
		resp, body := get(t, method, url+path, tok)
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, `"code":"log_unavailable"`) {
			t.Errorf("%s: %s %v %s", call, resp.Status, resp.Header, body)
		}
	}
	_, other := begin(t, embedded.Config{DataDir: dir, Addr: n.Addr()})
	if err := other(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a taken port, told before the store is looked at: %v", err)
	}
	select {
	case <-n.Ready():
		t.Error("it is ready")
	default:
	}
	letGo()
	<-n.Ready()
	if resp, body := get(t, "GET", ops+"/readyz?verbose", ""); resp.StatusCode != http.StatusOK || strings.Contains(body, "starting") {
		t.Errorf("ready: %s %s", resp.Status, body)
	}
	if resp, _ := get(t, "POST", url+"/v1/heartbeat", tok); resp.StatusCode != http.StatusNoContent {
		t.Errorf("a beat: %s", resp.Status)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
