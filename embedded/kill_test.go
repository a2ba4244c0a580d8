package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
)

// childEnv makes this test binary a node with the configuration that it holds
// as JSON, so that a test has a process to kill.
const childEnv = "ROLLCALL_TEST_NODE"

// runChild is the child's main.
func runChild(config string) int {
	var cfg embedded.Config
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	n, err := embedded.New(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	go func() {
		<-n.Ready()
		fmt.Println(n.Addr())
	}()
	if err := n.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child starts a node in a process of its own and returns its URL.
func child(t testing.TB, dir string) (url string, kill func()) {
	t.Helper()
	ready, kill := spawn(t, embedded.Config{DataDir: dir, Checkpoint: 50 * time.Millisecond})
	url, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	return url, kill
}

// spawn starts a node with cfg, of which it sets the address and the secret, in
// a process of its own. ready waits until it serves, or has ended without.
func spawn(t testing.TB, cfg embedded.Config) (ready func() (url string, err error), kill func()) {
	t.Helper()
	ready, kill, _ = spawnProcess(t, cfg)
	return ready, kill
}

// spawnProcess is spawn for who needs the process too.
func spawnProcess(t testing.TB, cfg embedded.Config) (ready func() (url string, err error), kill func(), pid int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Addr, cfg.JWTSecret = "127.0.0.1:0", secret
	config, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+string(config))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	return func() (string, error) {
		addr, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			kill()
			return "", fmt.Errorf("the node ended before it was ready: %s", said.String())
		}
		return "http://" + strings.TrimSpace(addr), nil
	}, kill, cmd.Process.Pid
}

// acked is what an acknowledgement promised, and when it was here.
type acked struct {
	seq  uint64
	typ  events.Type
	when time.Time
}

// load writes from many goroutines until the server is gone. stop returns what
// was acknowledged: user → where; count how much that is so far.
func load(t testing.TB, url, prefix string) (stop func() map[string]acked, count func() int) {
	t.Helper()
	tok := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	admin := token(t, auth.MintClaims{User: "root", Scope: "presence:admin"})
	var (
		mu   sync.Mutex
		done = map[string]acked{}
		wg   sync.WaitGroup
	)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	for w := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				user := fmt.Sprintf("%s-%d-%d", prefix, w, i)
				typ, method, path, by := events.Heartbeat, "POST", "/v1/events", tok
				switch i % 8 {
				case 0, 4:
					typ = events.Login
				case 6:
					typ, method, path, by = events.Override, "PUT", "/v1/users/"+user+"/override", admin
				}
				body := fmt.Sprintf(`{"type":%q,"user":%q}`, typ, user)
				if typ == events.Override {
					body = `{"status":"busy"}`
				}
				req, err := http.NewRequest(method, url+path, bytes.NewBufferString(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+by)
				req.Header.Set("Content-Type", "application/json")
				resp, err := client.Do(req)
				if err != nil {
					return // killed
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				when := time.Now()
				if err != nil || resp.StatusCode != 202 && resp.StatusCode != 200 {
					continue
				}
				seq, err := strconv.ParseUint(resp.Header.Get("Rollcall-Seq"), 10, 64)
				if err != nil {
					t.Errorf("an acknowledgement without a sequence: %v", err)
					return
				}
				mu.Lock()
				done[user] = acked{seq, typ, when}
				mu.Unlock()
			}
		})
	}
	stop = func() map[string]acked {
		wg.Wait()
		client.CloseIdleConnections()
		return done
	}
	return stop, func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(done)
	}
}

// killRounds kills a node under load again and again, and then looks for every
// acknowledged event at the sequence that was answered.
func killRounds(t *testing.T, rounds int) {
	dir := t.TempDir()
	all := map[string]acked{}
	for round := range rounds {
		url, kill := child(t, dir)
		stop, _ := load(t, url, fmt.Sprintf("r%d", round))
		timer := time.NewTimer(time.Duration(200+rand.IntN(800)) * time.Millisecond)
		<-timer.C
		kill()
		n := 0
		for user, a := range stop() {
			all[user] = a
			n++
		}
		t.Logf("round %d: %d acknowledged", round, n)
		if n < 50 {
			t.Fatalf("only %d events were acknowledged: the round proves nothing", n)
		}
	}
	url, kill := child(t, dir)
	checkView(t, url, all)
	kill()
	checkLog(t, dir, all)
}

// checkView asks the restarted node for everybody.
func checkView(t *testing.T, url string, all map[string]acked) {
	t.Helper()
	n := &node{t: t, url: url}
	tok := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	users := make([]string, 0, 1000)
	ask := func() {
		body, err := json.Marshal(map[string][]string{"users": users})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Users []presence }
		if code, _ := n.call(tok, "POST", "/v1/users/query", string(body), &answer); code != 200 {
			t.Fatalf("query: %d", code)
		}
		for _, p := range answer.Users {
			want := "online"
			if all[p.User].typ == events.Override {
				want = "busy"
			}
			if p.Status != want || p.Seq < all[p.User].seq {
				t.Errorf("%+v: a %s was acknowledged at %d", p, all[p.User].typ, all[p.User].seq)
			}
		}
		users = users[:0]
	}
	for user := range all {
		if users = append(users, user); len(users) == cap(users) {
			ask()
		}
	}
	if len(users) > 0 {
		ask()
	}
}

// checkLog looks for every acknowledged event in the log of the stopped node.
func checkLog(t *testing.T, dir string, all map[string]acked) {
	t.Helper()
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(ctx context.Context, d *embedded.Deployment) error {
		found, err := logged(ctx, d)
		for _, user := range missing(all, found) {
			t.Errorf("%s was acknowledged at %d and stands at %d", user, all[user].seq, found[user].seq)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d acknowledged events are where they were said to be", len(all))
}

// missing lists who does not stand in found where all says.
func missing(all, found map[string]acked) (users []string) {
	for user, a := range all {
		if f := found[user]; f.seq != a.seq || f.typ != a.typ {
			users = append(users, user)
		}
	}
	return users
}

// logged reads the whole log: user → what is there of them.
func logged(ctx context.Context, d *embedded.Deployment) (map[string]acked, error) {
	found := map[string]acked{}
	return found, everything(ctx, d, func(seq uint64, typ events.Type, user string) {
		switch typ {
		case events.Heartbeat, events.Login, events.Override:
			found[user] = acked{seq: seq, typ: typ}
		}
	})
}

func TestNothingAcknowledgedIsLostByAKill(t *testing.T) { killRounds(t, 3) }

func TestADeletedViewComesBackTheSame(t *testing.T) {
	dir := t.TempDir()
	url, kill := child(t, dir)
	stop, _ := load(t, url, "u")
	timer := time.NewTimer(500 * time.Millisecond)
	<-timer.C
	kill()
	stop()
	digest := func() (seq uint64, cur, hist string) {
		t.Helper()
		if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(_ context.Context, d *embedded.Deployment) (err error) {
			if seq, cur, err = d.Current().Digest(1); err != nil {
				return err
			}
			_, hist, err = d.History().Digest()
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return seq, cur, hist
	}
	seq, cur, hist := digest()
	for _, name := range []string{"current.db", "history.db"} {
		if err := os.Remove(filepath.Join(dir, "views", name)); err != nil {
			t.Fatal(err)
		}
		if s, c, h := digest(); s != seq || c != cur || h != hist {
			t.Errorf("without %s: at %d %s %s, before at %d %s %s", name, s, c, h, seq, cur, hist)
		}
	}
}
