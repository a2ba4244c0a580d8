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
	"github.com/rollcall-dev/rollcall/events/journal"
)

// childEnv makes this test binary a node over the directory that it names, so
// that a test has a process to kill.
const childEnv = "ROLLCALL_TEST_NODE"

// runChild is the child's main.
func runChild(dir string) int {
	n, err := embedded.New(embedded.Config{DataDir: dir, Addr: "127.0.0.1:0", JWTSecret: secret, Checkpoint: 50 * time.Millisecond})
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
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
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
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child said nothing: %v", err)
	}
	return "http://" + strings.TrimSpace(addr), kill
}

// acked is what an acknowledgement promised.
type acked struct {
	seq  uint64
	beat bool
}

// load writes from many goroutines until the server is gone, and returns what
// was acknowledged: user → where.
func load(t testing.TB, url, prefix string) (stop func() map[string]acked) {
	t.Helper()
	tok := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
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
				typ := "heartbeat"
				if i%4 == 0 {
					typ = "login"
				}
				req, err := http.NewRequest("POST", url+"/v1/events", bytes.NewBufferString(`{"type":"`+typ+`","user":"`+user+`"}`))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+tok)
				req.Header.Set("Content-Type", "application/json")
				resp, err := client.Do(req)
				if err != nil {
					return // killed
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != 202 {
					continue
				}
				seq, err := strconv.ParseUint(resp.Header.Get("Rollcall-Seq"), 10, 64)
				if err != nil {
					t.Errorf("an acknowledgement without a sequence: %v", err)
					return
				}
				mu.Lock()
				done[user] = acked{seq, typ == "heartbeat"}
				mu.Unlock()
			}
		})
	}
	return func() map[string]acked {
		wg.Wait()
		client.CloseIdleConnections()
		return done
	}
}

// killRounds kills a node under load again and again, and then looks for every
// acknowledged event at the sequence that was answered.
func killRounds(t *testing.T, rounds int) {
	dir := t.TempDir()
	all := map[string]acked{}
	for round := range rounds {
		url, kill := child(t, dir)
		stop := load(t, url, fmt.Sprintf("r%d", round))
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
			if p.Status != "online" || p.Seq < all[p.User].seq {
				t.Errorf("%+v was acknowledged at %d", p, all[p.User].seq)
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

// checkLog reads the whole log of the stopped node.
func checkLog(t *testing.T, dir string, all map[string]acked) {
	t.Helper()
	found := map[string]uint64{}
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(ctx context.Context, d *embedded.Deployment) error {
		_, last, err := d.Log().Bounds(ctx)
		if err != nil {
			return err
		}
		var b events.Batch
		return d.Log().Read(ctx, journal.Stretch{To: last}, func(msgs []journal.Message) error {
			for _, m := range msgs {
				switch m.Subject {
				case events.AliveSubject:
				case events.HeartbeatSubject:
					if err := b.Decode(m.Data); err != nil {
						return err
					}
					for i := range b.Beats {
						found[string(b.Beats[i].User)] = m.Seq
					}
				default:
					e, err := events.Decode(m.Data)
					if err != nil {
						return err
					}
					if e.Type == events.Login {
						found[e.User] = m.Seq
					}
				}
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	for user, a := range all {
		if found[user] != a.seq {
			t.Errorf("%s was acknowledged at %d and stands at %d", user, a.seq, found[user])
		}
	}
	t.Logf("%d acknowledged events are where they were said to be", len(all))
}

func TestNothingAcknowledgedIsLostByAKill(t *testing.T) { killRounds(t, 3) }

func TestADeletedViewComesBackTheSame(t *testing.T) {
	dir := t.TempDir()
	url, kill := child(t, dir)
	stop := load(t, url, "u")
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
