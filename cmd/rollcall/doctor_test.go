package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
)

// examined runs doctor and returns its findings by check; of many with the same name the worst one.
func examined(t *testing.T, code int, args ...string) map[string]finding {
	t.Helper()
	s := rollcall(t, append([]string{"doctor", "-o", "json"}, args...)...).wants(t, code)
	var list []finding
	if err := json.Unmarshal([]byte(s.stdout), &list); err != nil {
		t.Fatalf("%v: %s", err, s.stdout)
	}
	found := map[string]finding{}
	for _, f := range list {
		if before, ok := found[f.Check]; !ok || before.Result != resultFailed {
			found[f.Check] = f
		}
		if (f.Result == resultFailed || f.Result == resultWarning) && f.Fix == "" {
			t.Errorf("%+v has no fix", f)
		}
	}
	return found
}

func TestDoctorFindsAGoodMachineGood(t *testing.T) {
	dir := t.TempDir()
	found := examined(t, exitFine, "--jwt-secret", testSecret, "--addr", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "new", "data"))
	for _, check := range []string{"configuration", "tokens", "data directory", "file system", "free disk", "port", "key set", "clock", "open files"} {
		if f, ok := found[check]; !ok || f.Result == resultFailed {
			t.Errorf("%s: got %+v", check, f)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it left %v behind", left)
	}
}

func TestDoctorSaysWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := taken.Addr().String()
	taken.Close()
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	file := writeFile(t, "data", "")
	found := examined(t, exitNo, "--timeout", "10ms", "--addr", strings.TrimPrefix(stranger.URL, "http://"),
		"--data-dir", file, "--jwks-url", "http://"+closed)
	for check, want := range map[string]string{
		"configuration":  "give 1s at least",
		"data directory": "another --data-dir",
		"port":           "stop the program that has it",
		"key set":        "--jwks-url",
	} {
		if f := found[check]; f.Result != resultFailed || !strings.Contains(f.Fix, want) {
			t.Errorf("%s: got %+v, want a fix with %q", check, f, want)
		}
	}
}

func TestDoctorShowsWrongSettingsAsFindings(t *testing.T) {
	s := call{env: []string{"ROLLCALL_TIMOUT=1s"}}.rollcall(t, "doctor", "-o", "csv", "--jwt-secret", testSecret).wants(t, exitNo)
	if !strings.Contains(s.stdout, "configuration,failed,ROLLCALL_TIMOUT is no setting,did you mean ROLLCALL_TIMEOUT?") {
		t.Errorf("got %s", s.stdout)
	}
}

func TestDoctorFindsTheNodeThatHasThePort(t *testing.T) {
	node := newContractNode(t, 0)
	args := []string{"--jwt-secret", testSecret, "--data-dir", t.TempDir(), "--addr", strings.TrimPrefix(node.URL, "http://")}
	if f := examined(t, exitFine, args...)["node"]; f.Result != resultOK || !strings.Contains(f.Detail, "a node is running at") {
		t.Errorf("got %+v", f)
	}
	node.ready = "[+]log ok\n[-]view: 20s behind\nnot ready\n"
	found := examined(t, exitNo, args...)
	if found["node"].Result != resultFailed || found["node says"].Detail != "view: 20s behind" {
		t.Errorf("got %+v", found)
	}
}

func TestDoctorAsksARunningNode(t *testing.T) {
	node := newContractNode(t, 0)
	found := examined(t, exitFine, "--server", node.URL, "--token", adminToken)
	for _, check := range []string{"node", "node says", "clock", "token"} {
		if found[check].Result != resultOK {
			t.Errorf("%s: got %+v", check, found[check])
		}
	}
	if f := examined(t, exitNo, "--server", node.URL, "--token", "forged")["token"]; f.Result != resultFailed {
		t.Errorf("got %+v", f)
	}
	if f := examined(t, exitNo, "--server", "http://127.0.0.1:1")["node"]; f.Result != resultFailed {
		t.Errorf("got %+v", f)
	}
	rollcall(t, "doctor", "--server", "here").wants(t, exitUse, "--server")
}

func TestKeySetIsCounted(t *testing.T) {
	for body, want := range map[string]result{`{"keys":[{},{}]}`: resultOK, `{"keys":[]}`: resultFailed, `<html>`: resultFailed} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		if f := examineKeySet(t.Context(), server.URL); f.Result != want {
			t.Errorf("%s: got %+v", body, f)
		}
		server.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestClocksMayDifferALittle(t *testing.T) {
	before := time.Date(2026, 11, 23, 8, 0, 0, 500e6, time.UTC)
	after := before.Add(100 * time.Millisecond)
	got := map[time.Duration]result{}
	want := map[time.Duration]result{
		-40 * time.Second: resultFailed, -10 * time.Second: resultWarning, -500 * time.Millisecond: resultOK,
		1500 * time.Millisecond: resultOK, 10 * time.Second: resultWarning, 40 * time.Second: resultFailed,
	}
	for skew := range want {
		got[skew] = compareClocks(before.Add(skew).Truncate(time.Second), before, after).Result
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if f := examineClock(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)); f.Result != resultFailed {
		t.Errorf("got %+v", f)
	}
}

func TestDoctorWarnsOfStreamsAsTheyAreNotMeant(t *testing.T) {
	for line, want := range map[string]result{
		"[+]streams ok replicas: 3": resultOK,
		"[+]streams ok stream PRESENCE has one replica, not 3: `nats stream edit PRESENCE --replicas 3`": resultWarning,
		"[-]log: the log is full": resultFailed,
	} {
		found := readiness(client.Readiness{Ready: true, Lines: []string{line}}, "it answers")
		if got := found[len(found)-1]; got.Result != want || (got.Fix == "") != (want == resultOK) {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

// TestDoctorSaysWhatBoundsAStreamHas sets a bound on the log of a stopped node.
func TestDoctorSaysWhatBoundsAStreamHas(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret, "--nats-listen", "127.0.0.1:0")
	s.login(t, "alice", "web")
	s.stop().wants(t, exitFine)
	err := embedded.Offline(t.Context(), embedded.Config{DataDir: s.dataDir}, func(ctx context.Context, d *embedded.Deployment) error {
		js, err := jetstream.New(d.Log().Conn())
		if err != nil {
			return err
		}
		stream, err := js.Stream(ctx, events.StreamHot)
		if err != nil {
			return err
		}
		bounded := stream.CachedInfo().Config
		bounded.MaxBytes = 1 << 30
		_, err = js.UpdateStream(ctx, bounded)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got := rollcall(t, "doctor", "--jwt-secret", testSecret, "--data-dir", s.dataDir, "--addr", "127.0.0.1:0", "-o", "csv")
	if !strings.Contains(got.stdout, "stream PRESENCE may have 1073741824 bytes and refuses new events there") {
		t.Errorf("got %+v", got)
	}
}
