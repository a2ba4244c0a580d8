package embedded_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

// deed is what somebody asked of a user's override: to have a reason, or, for
// "", to be told which it has.
type deed struct{ user, set string }

// register says what reads and writes of one user's override there may be: a
// read tells what was written last. Users are independent of each other.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byUser := map[string][]porcupine.Operation{}
		for _, op := range history {
			user := op.Input.(deed).user
			byUser[user] = append(byUser[user], op)
		}
		parts := make([][]porcupine.Operation, 0, len(byUser))
		for _, ops := range byUser {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		if in := input.(deed); in.set != "" {
			return true, in.set
		}
		return output == state, state
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %v", input, output) },
}

// observers read and write overrides at several nodes, and keep who asked for
// what when. What one of them has learnt of the log's end the others know: that
// is what makes min_seq more than one's own writes.
type observers struct {
	t     *testing.T
	urls  []atomic.Pointer[string]
	admin string
	users int
	known atomic.Uint64 // the sequence that an answer named last
	begin time.Time

	mu      sync.Mutex // guards the rest
	history []porcupine.Operation
	unknown int // writes that may or may not have happened
}

// observe lets so many clients ask until each has asked ops times, or over is closed.
func (o *observers) observe(r *rand.Rand, clients, ops int, over <-chan struct{}) {
	var all sync.WaitGroup
	for c := range clients {
		r := rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
		all.Go(func() {
			for i := range ops {
				select {
				case <-over:
					return
				default:
					o.ask(c, r, fmt.Sprintf("s%d.%d", c, i))
				}
			}
		})
	}
	all.Wait()
}

// ask makes one call, of a random kind at a random node.
func (o *observers) ask(client int, r *rand.Rand, reason string) {
	in := deed{user: fmt.Sprintf("user-%d", r.IntN(o.users))}
	url := *o.urls[r.IntN(len(o.urls))].Load() + "/v1/users/" + in.user
	method, body := http.MethodGet, ""
	if r.IntN(3) == 0 {
		in.set = reason
		method, body, url = http.MethodPut, `{"status":"busy","reason":"`+reason+`"}`, url+"/override"
	}
	call := time.Since(o.begin).Nanoseconds()
	if in.set == "" {
		url += "?min_seq=" + strconv.FormatUint(o.known.Load(), 10)
	}
	out, seq, done := o.send(method, url, body)
	back := time.Since(o.begin).Nanoseconds()
	for known := o.known.Load(); done && seq > known && !o.known.CompareAndSwap(known, seq); known = o.known.Load() {
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case done:
	case in.set == "":
		return // who was told nothing knows nothing
	default:
		o.unknown++
		back = math.MaxInt64
	}
	o.history = append(o.history, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: back})
}

// send reports whether the call was answered with success, with what, and where
// in the log that is.
func (o *observers) send(method, url, body string) (reason string, seq uint64, done bool) {
	req, err := http.NewRequestWithContext(o.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		o.t.Error(err)
		return "", 0, false
	}
	req.Header.Set("Authorization", "Bearer "+o.admin)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", 0, false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 500 {
		return "", 0, false
	}
	if seq, err = strconv.ParseUint(resp.Header.Get("Rollcall-Seq"), 10, 64); err != nil {
		if resp.StatusCode == http.StatusNotFound && method == http.MethodGet {
			return "", 0, true // nobody has written yet
		}
		o.t.Errorf("%s %s: %s: %s", method, url, resp.Status, text)
		return "", 0, false
	}
	var p struct{ Override struct{ Reason string } }
	if method == http.MethodGet && resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, &p); err != nil {
			o.t.Error(err)
		}
	}
	return p.Override.Reason, seq, true
}

// judge holds what was seen against register.
func (o *observers) judge() {
	o.t.Helper()
	reads := 0
	for _, op := range o.history {
		if op.Input.(deed).set == "" {
			reads++
		}
	}
	verdict := porcupine.CheckOperationsTimeout(register, o.history, time.Minute)
	o.t.Logf("%d reads and %d writes of %d users at %d nodes, %d of unknown outcome: %s",
		reads, len(o.history)-reads, o.users, len(o.urls), o.unknown, verdict)
	if verdict != porcupine.Ok {
		o.t.Error("no order of the writes explains what the reads have told")
	}
}

// loneServer starts a NATS server that listens, and returns its URL.
func loneServer(t *testing.T) string { return "nats://" + listenNATS(t, server.Options{}) }

// observersAt are observers of nodes.
func observersAt(t *testing.T, nodes []*node, users int) *observers {
	o := &observers{t: t, urls: make([]atomic.Pointer[string], len(nodes)), users: users, begin: time.Now(),
		admin: token(t, auth.MintClaims{User: "root", Scope: "presence:admin"})}
	for i, n := range nodes {
		o.urls[i].Store(&n.url)
	}
	return o
}

// TestReadsWithMinSeqAreLinearizable reads and writes a few users at two nodes
// on one log, from many clients at once.
func TestReadsWithMinSeqAreLinearizable(t *testing.T) {
	url := loneServer(t)
	nodes := []*node{run(t, embedded.Config{DataDir: t.TempDir(), NATSURL: url}), run(t, embedded.Config{DataDir: t.TempDir(), NATSURL: url})}
	o := observersAt(t, nodes, 5)
	o.observe(dice(t), 12, 250, nil)
	o.judge()
	if o.unknown > 0 || len(o.history) != 12*250 {
		t.Errorf("of 3000 calls %d were answered, %d with an unknown outcome", len(o.history), o.unknown)
	}
}
