package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

// served is a node that runs in this process, by way of the command.
type served struct {
	url, addrFile, dataDir string
	stop                   func() said // ends it as a signal would, and waits
}

// serveNode runs rollcall serve at a free port until the test ends.
func serveNode(t *testing.T, args ...string) served {
	t.Helper()
	return serveNodeIn(t, filepath.Join(t.TempDir(), "data"), args...)
}

// serveNodeIn runs it on that data directory.
func serveNodeIn(t *testing.T, dataDir string, args ...string) served {
	t.Helper()
	s := served{addrFile: filepath.Join(t.TempDir(), "addr"), dataDir: dataDir}
	args = append([]string{"serve", "--addr", ":0", "--addr-file", s.addrFile, "--data-dir", s.dataDir}, args...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan said, 1)
	go func() { ended <- call{}.within(ctx, args...) }()
	s.stop = func() said {
		cancel()
		end := <-ended
		ended <- end
		return end
	}
	t.Cleanup(func() { s.stop() })
	s.url = "http://" + awaitAddr(t, s.addrFile, ended)
	return s
}

// awaitAddr returns the address in the file once it is there.
func awaitAddr(t *testing.T, file string, ended <-chan said) string {
	t.Helper()
	var addr string
	eventually(t, "the node is ready", func() bool {
		select {
		case end := <-ended:
			t.Fatalf("the node ended: %+v", end)
		default:
		}
		text, err := os.ReadFile(file)
		addr = strings.TrimSpace(string(text))
		return err == nil
	})
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + port
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("it never happened that %s", what)
		case <-tick.C:
		}
	}
}

// as runs a command against the node with a token of that user.
func (s served) as(t *testing.T, user, scope string, args ...string) said {
	t.Helper()
	token := mint(t, "--sub", user, "--scope", scope)
	return call{env: []string{"ROLLCALL_SERVER=" + s.url, "ROLLCALL_TOKEN=" + token}}.rollcall(t, args...)
}

// login begins a session of a user and returns its sequence.
func (s served) login(t *testing.T, user, session string) uint64 {
	t.Helper()
	in, err := s.client(t, user).Login(t.Context(), client.Login{Session: session, Device: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return in.Seq
}

// client asks the node as that user and leaves no connection behind.
func (s served) client(t *testing.T, user string) *client.Client {
	t.Helper()
	once := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	c, err := client.New(client.Config{Server: s.url, Token: mint(t, "--sub", user), HTTPClient: once})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestServeRunsANodeThatAllCommandsCanAsk(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret, "--timeout", "2s")
	const admin = "presence:admin"
	c := s.client(t, "alice")
	login, err := c.Login(t.Context(), client.Login{Session: "web-1", Device: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if login.Timeout != 2*time.Second || login.Heartbeat != 30*time.Second || login.Seq == 0 {
		t.Errorf("got %+v", login)
	}
	if me, err := c.Me(t.Context(), client.MinSeq(login.Seq)); err != nil || me.Status != client.StatusOnline || len(me.Sessions) != 1 {
		t.Errorf("got %+v, %v", me, err)
	}
	s.as(t, "root", admin, "status", "carol").wants(t, exitNo, `the log has never named "carol"`)
	s.as(t, "alice", "", "online").wants(t, exitNo, "the token may not do that")
	set := s.as(t, "root", admin, "override", "set", "alice", "busy", "--for", "1h", "-o", "json").wants(t, exitFine)
	if !strings.Contains(set.stdout, `"by": "root"`) {
		t.Errorf("got %s", set.stdout)
	}
	if got := s.as(t, "root", admin, "online", "--status", "busy", "-o", "csv"); !strings.Contains(got.stdout, "alice,busy,") {
		t.Errorf("got %+v", got)
	}
	s.as(t, "root", admin, "override", "clear", "alice").wants(t, exitFine)
	s.as(t, "root", admin, "override", "clear", "alice").wants(t, exitNo, "has no override")
	s.as(t, "root", admin, "doctor").wants(t, exitFine)
	eventually(t, "alice is offline", func() bool {
		got := s.as(t, "root", admin, "status", "alice", "-o", "csv")
		return strings.Contains(got.stdout, "alice,offline,offline,")
	})
	if got := s.as(t, "root", admin, "stats", "-o", "ndjson"); !strings.Contains(got.stdout, `"users":1,"online":0,"away":0,"busy":0,"offline":1,`) {
		t.Errorf("got %+v", got)
	}
	end := s.stop().wants(t, exitFine, `"msg":"ready"`, `"addr":"`)
	if _, err := os.Stat(s.addrFile); err == nil || end.stdout != "" {
		t.Errorf("the address file is still there, or %q was printed", end.stdout)
	}
}

// serveAside runs rollcall serve with that environment until the test ends, and returns once it is ready. It writes to
// stderr meanwhile.
func serveAside(t *testing.T, stderr *growing, env []string, args ...string) {
	t.Helper()
	dir := t.TempDir()
	addrFile := filepath.Join(dir, "addr")
	args = append([]string{"serve", "--addr", "127.0.0.1:0", "--addr-file", addrFile, "--data-dir", filepath.Join(dir, "data"), "--jwt-secret", testSecret}, args...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan said, 1)
	go func() {
		ended <- said{code: run(ctx, args, strings.NewReader(""), io.Discard, stderr, env)}
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		(<-ended).wants(t, exitFine)
	})
	awaitAddr(t, addrFile, ended)
}

func TestServeWarnsOfVariablesThatAreNoSettings(t *testing.T) {
	log := &growing{}
	serveAside(t, log, []string{"ROLLCALL_BIN=/bin/rollcall", "ROLLCALL_VERSION=1"})
	if text := log.String(); strings.Count(text, `"level":"WARN"`) != 1 || !strings.Contains(text, `"msg":"ROLLCALL_BIN is no setting and is ignored: `) {
		t.Errorf("it logged %s", text)
	}
}

func TestOverdueSessionsAreWrittenDownFromCron(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret, "--timeout", "1s", "--timeout-consumer=false")
	s.login(t, "alice", "web-1")
	eventually(t, "the session is overdue", func() bool {
		got := s.as(t, "root", "presence:admin", "check-offline", "-o", "csv")
		return strings.Contains(got.stdout, "alice,web-1,")
	})
	if got := s.as(t, "root", "presence:admin", "status", "alice", "-o", "csv"); !strings.Contains(got.stdout, "alice,online,") {
		t.Errorf("got %+v, want that listing changes nothing", got)
	}
	got := s.as(t, "root", "presence:admin", "check-offline", "--emit", "-o", "csv").wants(t, exitFine)
	if got.stdout != "emitted\n1\n" {
		t.Errorf("got %q", got.stdout)
	}
	eventually(t, "alice is offline", func() bool {
		got := s.as(t, "root", "presence:admin", "status", "alice", "-o", "csv")
		return strings.Contains(got.stdout, "alice,offline,")
	})
}

func TestStoreOfAnotherProcessAndTakenPortAreSaid(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	rollcall(t, "serve", "--jwt-secret", testSecret, "--addr", "127.0.0.1:0", "--data-dir", s.dataDir).wants(t, exitNo, "another process is working on this data directory")
	addr := strings.TrimPrefix(s.url, "http://")
	rollcall(t, "serve", "--jwt-secret", testSecret, "--addr", addr, "--data-dir", t.TempDir()).wants(t, exitNo, "or give another --addr")
}

// said by --dev, and tried as it stands there.
var (
	curlLine = regexp.MustCompile(`(?m)^ *curl .*$`)
	curlURL  = regexp.MustCompile(`http://[^' ]+`)
	curlFlag = regexp.MustCompile(`-([XHd]) (?:'([^']*)'|(\S+))`)
)

// curl makes the request that a line of the welcome would make, and returns its answer.
func curl(t *testing.T, line string) (int, string) {
	t.Helper()
	method, body, header := "GET", "", http.Header{}
	for _, f := range curlFlag.FindAllStringSubmatch(line, -1) {
		switch value := f[2] + f[3]; f[1] {
		case "X":
			method = value
		case "d":
			body = value
		case "H":
			name, text, _ := strings.Cut(value, ": ")
			header.Set(name, text)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, curlURL.FindString(line), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header, req.Close = header, true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestCallsThatDevPrintsWork(t *testing.T) {
	stdout := &growing{}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--dev", "--addr", ":0", "--data-dir", dir, "--timeout", "2s"}, strings.NewReader(""), stdout, io.Discard, nil)
	}()
	defer func() {
		cancel()
		if code := <-ended; code != exitFine {
			t.Errorf("exit code %d", code)
		}
	}()
	eventually(t, "it welcomes", func() bool { return len(curlLine.FindAllString(stdout.String(), -1)) == 4 })
	if text := stdout.String(); !strings.Contains(text, "NOT FOR PRODUCTION") || !strings.Contains(text, "http://127.0.0.1:") {
		t.Errorf("got %s", text)
	}
	lines := curlLine.FindAllString(stdout.String(), -1)
	addr := strings.TrimPrefix(curlURL.FindString(lines[0]), "http://")
	addr, _, _ = strings.Cut(addr, "/")
	if linked := strings.Contains(stdout.String(), "http://"+addr+"/admin/#token="); linked != hasPage(t.Context(), addr) {
		t.Errorf("it links to the admin page: %t, which is not so", linked)
	}
	if status, body := curl(t, lines[0]); status != 200 {
		t.Errorf("login: %d %s", status, body)
	}
	if status, body := curl(t, lines[1]); status != 204 {
		t.Errorf("heartbeat: %d %s", status, body)
	}
	eventually(t, "alice beats and is online", func() bool {
		curl(t, lines[1])
		status, body := curl(t, lines[2])
		return status == 200 && strings.Contains(body, `"alice"`)
	})
	eventually(t, "alice is offline", func() bool {
		status, body := curl(t, lines[3])
		var p client.Presence
		return status == 200 && json.Unmarshal([]byte(body), &p) == nil && p.Status == client.StatusOffline
	})
}

// startProcess runs rollcall serve in a process of its own.
func startProcess(t *testing.T) (cmd *exec.Cmd, addr, addrFile string) {
	t.Helper()
	dir := t.TempDir()
	addrFile = filepath.Join(dir, "addr")
	cmd = exec.CommandContext(t.Context(), os.Args[0], "serve", "--jwt-secret", testSecret,
		"--addr", "127.0.0.1:0", "--addr-file", addrFile, "--data-dir", filepath.Join(dir, "data"))
	cmd.Env = []string{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, awaitAddr(t, addrFile, nil), addrFile
}

func terminate(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

func TestSignalStopsANodeCleanly(t *testing.T) {
	cmd, _, addrFile := startProcess(t)
	terminate(t, cmd)
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := os.Stat(addrFile); err == nil {
		t.Error("the address file is still there")
	}
}

func TestSecondSignalEndsANodeAtOnce(t *testing.T) {
	cmd, addr, _ := startProcess(t)
	defer holdRequest(t, addr).Close()
	terminate(t, cmd)
	eventually(t, "the node takes nothing new", func() bool {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	terminate(t, cmd)
	_ = cmd.Wait() // an exit code is an error here
	if code := cmd.ProcessState.ExitCode(); code != exitNo {
		t.Errorf("exit code %d, want %d", code, exitNo)
	}
}

// holdRequest begins a request whose body never ends, and returns once the node reads it: a node that stops has to wait
// for it.
func holdRequest(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/login HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", mint(t, "--sub", "alice"))
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("got %q, %v", line, err)
	}
	return conn
}
