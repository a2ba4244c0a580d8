//go:build linux

package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
)

// smallDisk is a file system of its own, with room for little.
type smallDisk struct {
	t   testing.TB
	dir string
}

// mountSmall mounts size bytes of memory until the test ends. Where that cannot
// be done the test is skipped, and fails if CI is set.
func mountSmall(t testing.TB, size int) *smallDisk {
	t.Helper()
	d := &smallDisk{t: t, dir: t.TempDir()}
	if err := unix.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		skip := t.Skipf
		if os.Getenv("CI") != "" {
			skip = t.Fatalf
		}
		skip("no file system can be mounted here, which takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(d.dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return d
}

func (d *smallDisk) data() string { return filepath.Join(d.dir, "data") }

// fill leaves so many bytes free.
func (d *smallDisk) fill(left int64) {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, "ballast"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	chunk := make([]byte, 4096)
	for d.free() > left {
		if _, err := f.Write(chunk); errors.Is(err, unix.ENOSPC) {
			return
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *smallDisk) empty() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "ballast")); err != nil {
		d.t.Fatal(err)
	}
}

func (d *smallDisk) free() int64 {
	d.t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(d.dir, &s); err != nil {
		d.t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// said keeps what a node logs.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), what)
}

func (s *said) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s, nil)) }

// pour writes from several goroutines, one user after the other, until it is
// stopped, and returns what was acknowledged. When that is something to look at,
// enough is closed. A refusal is waited out.
func pour(n *node, prefix string) (stop func() map[string]acked, enough <-chan struct{}) {
	tok := token(n.t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	ctx, cancel := context.WithCancel(context.Background())
	var (
		mu   sync.Mutex
		done = map[string]acked{}
		wg   sync.WaitGroup
	)
	reached := make(chan struct{})
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				user, typ := fmt.Sprintf("%s-%d-%d", prefix, w, i), events.Login
				if i%2 == 1 {
					typ = events.Heartbeat
				}
				seq, ok := post(ctx, n, tok, fmt.Sprintf(`{"type":%q,"user":%q}`, typ, user))
				if !ok {
					pace := time.NewTimer(20 * time.Millisecond)
					<-pace.C
					continue
				}
				mu.Lock()
				if done[user] = (acked{seq: seq, typ: typ}); len(done) == 100 {
					close(reached)
				}
				mu.Unlock()
			}
		})
	}
	return func() map[string]acked {
		cancel()
		wg.Wait()
		return done
	}, reached
}

// post appends one event and says where it stands.
func post(ctx context.Context, n *node, tok, body string) (seq uint64, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url+"/v1/events", strings.NewReader(body))
	if err != nil {
		n.t.Error(err)
		return 0, false
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			n.t.Errorf("a request was not answered: %v", err)
		}
		return 0, false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		return 0, false
	}
	seq, err = strconv.ParseUint(resp.Header.Get("Rollcall-Seq"), 10, 64)
	if err != nil {
		n.t.Errorf("an acknowledgement without a sequence: %v", err)
	}
	return seq, err == nil
}

// soon waits for cond, longer than a refusal and the restarts after it take.
func soon(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited two minutes for %s", what)
		}
	}
}

// refused waits until tok's heartbeat is refused for want of room.
func (n *node) refused(tok string) {
	n.t.Helper()
	soon(n.t, "a refusal", func() bool {
		var p struct{ Code string }
		code, h := n.call(tok, "POST", "/v1/login", "", &p)
		if p.Code != "log_full" {
			return false // the write that found the disk full gets no answer from the server: log_slow
		}
		if code != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
			n.t.Errorf("%d %s with Retry-After %q", code, p.Code, h.Get("Retry-After"))
		}
		return true
	})
	soon(n.t, "readyz to say so", func() bool {
		code, text := n.readyz()
		return code == http.StatusServiceUnavailable && strings.Contains(text, "[-]log: the disk is full") &&
			strings.Contains(text, "writes are taken again by themselves")
	})
}

// TestANearlyFullDiskPasses fills the disk, but for less than the node leaves
// free. Alice, whose timeout is shorter than that takes, has not been offline.
func TestANearlyFullDiskPasses(t *testing.T) {
	t.Parallel()
	disk, lines := mountSmall(t, 64<<20), new(said)
	n := run(t, embedded.Config{DataDir: disk.data(), Logger: lines.logger(), Timeout: 10 * time.Second})
	alice := token(t, auth.MintClaims{User: "alice"})
	since := n.online(alice)
	var p presence
	stop, enough := pour(n, "before")
	<-enough
	all := stop()
	disk.fill(7 << 19) // writers would have used that up before the node looks
	n.refused(alice)
	if code, _ := n.call(alice, "GET", "/v1/me", "", nil); code != http.StatusOK {
		t.Errorf("reading: %d", code)
	}
	disk.empty()
	bob, beats := token(t, auth.MintClaims{User: "bob"}), 0
	soon(t, "writes to be taken again, for about two seconds", func() bool {
		if code, _ := n.call(bob, "POST", "/v1/heartbeat", "", nil); code < 300 {
			beats++
		}
		return beats == 40 // time to expire alice, if somebody wanted to
	})
	_, h := n.call(alice, "POST", "/v1/heartbeat", "", nil)
	if n.call(alice, "GET", "/v1/me?min_seq="+h.Get("Rollcall-Seq"), "", &p); p.Status != "online" || !p.Since.Equal(since) {
		t.Errorf("alice is %s since %v, was online since %v", p.Status, p.Since, since)
	}
	stop, enough = pour(n, "after")
	<-enough
	maps.Copy(all, stop())
	soon(t, "the node to be ready", func() bool { code, _ := n.readyz(); return code == http.StatusOK })
	for what, times := range map[string]int{"nearly full: writes are refused": 1, "writes are taken again": 1, "NATS server is restarted": 0} {
		if got := lines.count(what); got != times {
			t.Errorf("%q was logged %d times, not %d", what, got, times)
		}
	}
	n.stop()
	checkLog(t, disk.data(), all)
}

// TestAFullDiskPasses fills the disk to the last byte under writers, so that a
// write of the embedded server fails, and makes room again, twice. Bob, whose
// timeout is shorter than that takes, has not been offline; somebody who listens
// goes on listening. The node has a process of its own: of a batch that failed,
// NATS leaves a goroutine behind.
func TestAFullDiskPasses(t *testing.T) {
	t.Parallel()
	disk := mountSmall(t, 32<<20)
	ready, kill := spawn(t, embedded.Config{DataDir: disk.data(), Timeout: 10 * time.Second, Checkpoint: 100 * time.Millisecond})
	url, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, url: url}
	bob := token(t, auth.MintClaims{User: "bob"})
	var p presence
	beat := func() bool { code, _ := n.call(bob, "POST", "/v1/heartbeat", "", nil); return code < 300 }
	since := n.online(bob)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	messages, err := n.listen(ctx, token(t, auth.MintClaims{User: "reader", Scope: "presence:read"}), "", "?users=bob,marker")
	if err != nil {
		t.Fatal(err)
	}
	if m := <-messages; m.event != "snapshot" {
		t.Fatalf("it began with %+v", m)
	}
	all := map[string]acked{}
	for round := range 2 {
		stop, enough := pour(n, strconv.Itoa(round))
		<-enough
		if !beat() {
			t.Fatal("a beat with room was refused")
		}
		disk.fill(0)
		soon(t, "the store to fail", func() bool {
			_, text := n.readyz()
			return strings.Contains(text, "[-]store: a write failed because the disk was full")
		})
		n.refused(bob)
		disk.empty()
		soon(t, "writes to be taken again", beat)
		maps.Copy(all, stop())
		soon(t, "the node to be ready", func() bool { code, _ := n.readyz(); return code == http.StatusOK })
	}
	code, h := n.call(token(t, auth.MintClaims{User: "marker"}), "POST", "/v1/login", "", nil)
	if code != http.StatusOK {
		t.Fatalf("login: %d", code)
	}
	n.call(bob, "GET", "/v1/me?min_seq="+h.Get("Rollcall-Seq"), "", &p)
	if p.Status != "online" || !p.Since.Equal(since) {
		t.Errorf("bob is %s since %v, was online since %v", p.Status, p.Since, since)
	}
	for m := range messages {
		if strings.Contains(m.data, `"status":"offline"`) {
			t.Errorf("the listener heard %s", m.data)
		}
		if strings.Contains(m.data, "marker") {
			break
		}
	}
	kill()
	checkLog(t, disk.data(), all)
}
