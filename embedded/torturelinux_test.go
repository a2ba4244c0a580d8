//go:build torture && linux

package embedded_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

// TestTortureStorm is an outage of ten minutes, or as -for says, and 50,000 users
// who come back at once.
func TestTortureStorm(t *testing.T) {
	storm(t, 50_000, 512, 30*time.Second, long(10*time.Minute))
}

// TestTortureSuspend stops the process of a node for five minutes, or as -for
// says, as a machine does that is suspended, and lets it go on.
func TestTortureSuspend(t *testing.T) {
	const users, timeout = 5000, 10 * time.Second
	ready, _, pid := spawnProcess(t, embedded.Config{DataDir: t.TempDir(), Timeout: timeout})
	url, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	names, tokens := make([]string, users), make([]string, users)
	for i := range users {
		names[i] = fmt.Sprintf("user-%d", i)
		tokens[i] = token(t, auth.MintClaims{User: names[i]})
	}
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	comeBack(t, url, tokens, 64)
	before := everybody(t, url, reader, names)
	comeBack(t, url, tokens, 64)
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
		if s == syscall.SIGSTOP {
			over := time.NewTimer(long(5 * time.Minute))
			<-over.C
		}
	}
	comeBack(t, url, tokens, 64)
	for name, is := range everybody(t, url, reader, names) {
		if is.Status != "online" || !is.Since.Equal(before[name].Since) {
			t.Errorf("%s is %s since %s, was online since %s", name, is.Status, is.Since, before[name].Since)
		}
	}
	// Who does not come back is offline as ever.
	within(t, time.Minute, "everybody to be offline", func() bool {
		var answer struct{ Users []presence }
		n := &node{t: t, url: url}
		n.call(reader, "GET", "/v1/users?status=online&limit=1", "", &answer)
		return len(answer.Users) == 0
	})
}

// TestTortureSoak keeps a node under an even load for an hour, or as -for says,
// and compares what it has after a quarter of that with what it has at the end.
func TestTortureSoak(t *testing.T) {
	const users = 2000
	ready, _, pid := spawnProcess(t, embedded.Config{DataDir: t.TempDir(), Timeout: 5 * time.Second, HotRetention: time.Minute, MetricsAddr: ""})
	url, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	tokens := make([]string, users)
	for i := range users {
		tokens[i] = token(t, auth.MintClaims{User: fmt.Sprintf("user-%d", i)})
	}
	total, rounds := long(time.Hour), 0
	var warm footprint
	for began := time.Now(); time.Since(began) < total; rounds++ {
		comeBack(t, url, tokens[:users/2+rounds%2*users/2], 32) // half of them go offline now and then
		pause := time.NewTimer(500 * time.Millisecond)
		<-pause.C
		if warm.rss == 0 && time.Since(began) > total/4 {
			warm = measure(t, url, pid)
			t.Logf("after a quarter: %+v", warm)
		}
	}
	end := measure(t, url, pid)
	t.Logf("after %d rounds: %+v", rounds, end)
	if end.rss > warm.rss*5/4+32<<10 || end.goroutines > warm.goroutines+50 || end.files > warm.files+32 {
		t.Errorf("it grows: %+v, and was %+v", end, warm)
	}
}

// footprint is what a process has: KiB, and numbers.
type footprint struct{ rss, goroutines, files int }

func measure(t *testing.T, url string, pid int) (f footprint) {
	t.Helper()
	resp, body := get(t, http.MethodGet, url+"/metrics", "")
	_, after, _ := strings.Cut(body, "\ngo_goroutines ")
	if _, err := fmt.Sscan(after, &f.goroutines); err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ = strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(after, &f.rss); err != nil {
		t.Fatal(err)
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	f.files = len(open)
	return f
}
