//go:build linux

package embedded_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

// storm kills a node that so many users beat at, leaves it down for longer than
// their timeout, and lets all come back at once. Nobody may have been offline.
func storm(t *testing.T, users, clients int, timeout, down time.Duration) {
	dir := t.TempDir()
	cfg := embedded.Config{DataDir: dir, Timeout: timeout}
	ready, kill, _ := spawnProcess(t, cfg)
	url, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	names, tokens := make([]string, users), make([]string, users)
	for i := range users {
		names[i] = fmt.Sprintf("user-%d", i)
		tokens[i] = token(t, auth.MintClaims{User: names[i]})
	}
	comeBack(t, url, tokens, clients)
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	before := everybody(t, url, reader, names)
	comeBack(t, url, tokens, clients) // a last sign of life of each
	kill()

	over := time.NewTimer(down)
	<-over.C

	ready, kill, pid := spawnProcess(t, cfg)
	began := time.Now()
	if url, err = ready(); err != nil {
		t.Fatal(err)
	}
	up := time.Since(began)
	began = time.Now()
	shed := comeBack(t, url, tokens, clients)
	t.Logf("%d users are back %.2f s after the node was, which took %.2f s; %d were told to come again; at most %d MiB",
		users, time.Since(began).Seconds(), up.Seconds(), shed, peak(t, pid)>>10)
	after := everybody(t, url, reader, names)
	offline := 0
	for name, was := range before {
		if is := after[name]; is.Status != "online" || !is.Since.Equal(was.Since) {
			if offline++; offline < 5 {
				t.Errorf("%s is %s since %s, was %s since %s", name, is.Status, is.Since, was.Status, was.Since)
			}
		}
	}
	if offline > 0 || len(before) != users {
		t.Errorf("%d of %d users have been offline", offline, len(before))
	}
	if most := 256<<10 + 8*users; peak(t, pid) > most { // KiB
		t.Errorf("the node has had %d KiB, more than %d", peak(t, pid), most)
	}
	kill()
}

// comeBack beats once for each token, over so many connections at once, until all
// are acknowledged. It returns how many answers were refusals.
func comeBack(t *testing.T, url string, tokens []string, clients int) (shed int64) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var next, refused atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(tokens)); i = next.Add(1) - 1 {
				for tries := 0; ; tries++ {
					code, err := beat(client, url, tokens[i])
					if err == nil && code < 300 {
						break
					}
					if tries == 100 {
						t.Errorf("a hundred refusals: %d %v", code, err)
						return
					}
					refused.Add(1)
					pause := time.NewTimer(100 * time.Millisecond)
					<-pause.C
				}
			}
		})
	}
	all.Wait()
	return refused.Load()
}

func beat(client *http.Client, url, tok string) (code int, err error) {
	req, err := http.NewRequest(http.MethodPost, url+"/v1/heartbeat", http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// everybody asks for all users: name → how they are.
func everybody(t *testing.T, url, reader string, names []string) map[string]presence {
	t.Helper()
	n, found := &node{t: t, url: url}, map[string]presence{}
	for len(names) > 0 {
		some := names[:min(1000, len(names))]
		names = names[len(some):]
		body, err := json.Marshal(map[string][]string{"users": some})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Users []presence }
		if code, _ := n.call(reader, "POST", "/v1/users/query", string(body), &answer); code != http.StatusOK {
			t.Fatalf("query: %d", code)
		}
		for _, p := range answer.Users {
			found[p.User] = p
		}
	}
	return found
}

// peak is the most memory that a process has had, in KiB.
func peak(t *testing.T, pid int) (kib int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(after, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}

// TestAStormAfterAnOutageIsNobodysSilence: the outage is longer than the timeout
// and than what may be covered time.
func TestAStormAfterAnOutageIsNobodysSilence(t *testing.T) {
	t.Parallel()
	storm(t, 2000, 64, 5*time.Second, 12*time.Second)
}
