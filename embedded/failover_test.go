package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections/history"
)

// crowd is users who come through all nodes: passers-by, each heard of once,
// and regulars, who beat all the time and look at themselves. Whoever is refused
// tries the next node, under the same key.
type crowd struct {
	t       *testing.T
	urls    []string
	client  *http.Client
	service string        // token
	done    chan struct{} // closed: all stop
	leave   func()        // ends the crowd and waits for it
	writers sync.WaitGroup

	answers atomic.Int64   // acknowledgements
	round   atomic.Int64   // what begins now belongs to it
	reached []atomic.Int64 // writer → the round of the last write that he began and got through

	staying []string // users who are not to be declared offline before the end

	mu       sync.Mutex          // guards the maps below
	said     map[string][]uint64 // user → sequences that were answered
	keyed    map[string]bool     // user → his one event had a key
	refusals map[string]int      // code → how often
}

const (
	passers  = 4 // goroutines, each with one passer-by after the other
	regulars = 12
)

func gather(t *testing.T, nodes []*node) *crowd {
	t.Helper()
	c := &crowd{t: t, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}, done: make(chan struct{}),
		service: token(t, auth.MintClaims{User: "backend", Scope: "presence:write"}), reached: make([]atomic.Int64, passers+regulars),
		said: map[string][]uint64{}, keyed: map[string]bool{}, refusals: map[string]int{}}
	for _, n := range nodes {
		c.urls = append(c.urls, n.url)
	}
	c.leave = sync.OnceFunc(func() {
		close(c.done)
		c.writers.Wait()
		c.client.CloseIdleConnections()
	})
	t.Cleanup(c.leave)
	for w := range passers {
		c.writers.Go(func() { c.passBy(w) })
	}
	for w := range regulars {
		c.staying = append(c.staying, regular(w))
		tok := token(t, auth.MintClaims{User: regular(w)})
		c.writers.Go(func() { c.stay(passers+w, regular(w), tok) })
	}
	return c
}

func regular(n int) string { return fmt.Sprintf("regular-%02d", n) }

// passBy writes an event each for many users: logins with a key, heartbeats with
// one and without.
func (c *crowd) passBy(w int) {
	pace := time.NewTicker(5 * time.Millisecond) // so that a reader of the stream can keep up
	defer pace.Stop()
	for i := 0; ; i++ {
		<-pace.C
		user, key, typ := fmt.Sprintf("passer-%d-%d", w, i), fmt.Sprintf("key-%d-%d", w, i), "login"
		if i%3 > 0 {
			typ = "heartbeat"
		}
		if i%3 == 2 {
			key = ""
		}
		c.mu.Lock()
		c.keyed[user] = key != ""
		c.mu.Unlock()
		if !c.write(w, w+i, user, c.service, "/v1/events", key, `{"type":"`+typ+`","user":"`+user+`"}`) {
			return
		}
	}
}

// stay beats at one node after the other and looks for the beat at the next one.
func (c *crowd) stay(w int, user, tok string) {
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for i := w; c.write(w, i, user, tok, "/v1/heartbeat", "", ""); i++ {
		select {
		case <-pause.C:
		case <-c.done:
			return
		}
	}
}

// write makes writer w's request until it is acknowledged, beginning at node
// at, and reports false when the crowd has been told to stop. A regular has got
// through only when another node shows him online at that sequence.
func (c *crowd) write(w, at int, user, tok, path, key, body string) bool {
	round := c.round.Load()
	for try := at; ; try++ {
		seq, code := c.ask(c.urls[try%len(c.urls)]+path, "POST", tok, key, body, nil)
		if seq != 0 {
			c.acknowledged(user, seq)
			if w >= passers && !c.look(c.urls[(try+1)%len(c.urls)], user, tok, seq) {
				return false
			}
			c.reached[w].Store(round)
		}
		if !c.pause(code) {
			return false
		}
		if seq != 0 {
			return true
		}
	}
}

func (c *crowd) acknowledged(user string, seq uint64) {
	c.mu.Lock()
	c.said[user] = append(c.said[user], seq)
	c.mu.Unlock()
	c.answers.Add(1)
}

// look waits until the node at url shows the user as of seq.
func (c *crowd) look(url, user, tok string, seq uint64) bool {
	for {
		var p presence
		_, code := c.ask(fmt.Sprintf("%s/v1/me?min_seq=%d", url, seq), "GET", tok, "", "", &p)
		if code == "" {
			if p.Status != "online" || p.Seq < seq {
				c.t.Errorf("%s beat at %d and is shown %+v", user, seq, p)
			}
			return true
		}
		if !c.pause(code) {
			return false
		}
	}
}

// pause waits a little where something was refused with code, and reports false
// when the crowd has been told to stop.
func (c *crowd) pause(code string) bool {
	wait := time.Duration(0)
	if code != "" {
		wait = 100 * time.Millisecond
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-c.done:
		return false
	case <-t.C:
		return true
	}
}

// refusable are the codes with which a node may refuse while its cluster is ill.
var refusable = []string{"log_unavailable", "log_slow", "view_behind"}

// ask makes one request. It returns the sequence that was answered, or the code
// of a refusal, which must be one of the contract's.
func (c *crowd) ask(url, method, tok, key, body string, out any) (seq uint64, code string) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return 0, "broken"
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Errorf("a node did not answer: %v", err)
		return 0, "broken"
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Errorf("a node's answer broke off: %v", err)
		return 0, "broken"
	}
	if resp.StatusCode >= 300 {
		var p struct{ Code string }
		if err := json.Unmarshal(data, &p); err != nil || resp.StatusCode != 503 || !slices.Contains(refusable, p.Code) || resp.Header.Get("Retry-After") == "" {
			c.t.Errorf("%s %s: %d %s, Retry-After %q", method, url, resp.StatusCode, data, resp.Header.Get("Retry-After"))
		}
		c.mu.Lock()
		c.refusals[p.Code]++
		c.mu.Unlock()
		return 0, p.Code
	}
	if seq, err = strconv.ParseUint(resp.Header.Get("Rollcall-Seq"), 10, 64); err != nil {
		c.t.Errorf("an answer without a sequence: %v", err)
		return 0, "broken"
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			c.t.Errorf("%s: %v", data, err)
		}
	}
	return seq, ""
}

// proof is how many acknowledgements there are to be of each round.
const proof = 200

// through begins a new round and waits until everybody has got something through
// that he began in it, and that enough was acknowledged to prove something.
func (c *crowd) through(bound time.Duration) {
	c.t.Helper()
	round, before, began := c.round.Add(1), c.answers.Load(), time.Now()
	within(c.t, bound, "everybody to get through", func() bool {
		if c.answers.Load() < before+proof {
			return false
		}
		for i := range c.reached {
			if c.reached[i].Load() < round {
				return false
			}
		}
		return true
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.Logf("everybody got through after %.1f s; refused so far: %v", time.Since(began).Seconds(), c.refusals)
}

// agree holds the views of stopped nodes against each other and against the log,
// and runs check over one of them, if there is a check.
func (c *cluster) agree(dirs []string, check func(context.Context, *embedded.Deployment) error) {
	t := c.t
	t.Helper()
	var first string
	for i, dir := range dirs {
		if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir, NATSURL: c.url}, func(ctx context.Context, d *embedded.Deployment) error {
			seq, cur, err := d.Current().Digest(1)
			if err != nil {
				return err
			}
			hseq, hist, err := d.History().Digest()
			if err != nil {
				return err
			}
			all := fmt.Sprint(seq, cur, hseq, hist)
			if i == 0 {
				first = all
				found, err := d.Verify(ctx, nil)
				if err != nil {
					return err
				}
				for _, f := range found {
					if !f.Equal {
						t.Errorf("folded again: %+v", f)
					}
				}
				if check != nil {
					return check(ctx, d)
				}
			}
			if all != first {
				t.Errorf("node %d has %s, node 0 %s", i, all, first)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// check looks for everything acknowledged where it was said to be, and for
// everybody's past.
func (c *crowd) check(ctx context.Context, d *embedded.Deployment) error {
	stands := map[string][]uint64{} // user → sequences of his logins and heartbeats
	offline := map[string][]uint64{}
	if err := everything(ctx, d, func(seq uint64, typ events.Type, user string) {
		switch typ {
		case events.Login, events.Heartbeat:
			stands[user] = append(stands[user], seq)
		case events.Offline:
			offline[user] = append(offline[user], seq)
		}
	}); err != nil {
		return err
	}
	var n int
	var last uint64
	for user, said := range c.said {
		for _, seq := range said {
			last = max(last, seq)
			if n++; !slices.Contains(stands[user], seq) {
				c.t.Errorf("%s was acknowledged at %d and stands at %v", user, seq, stands[user])
			}
		}
	}
	for user, keyed := range c.keyed {
		if keyed && len(stands[user]) > 1 {
			c.t.Errorf("%s has one event under one key, and it stands at %v", user, stands[user])
		}
		if err := c.past(d, user, len(offline[user])); err != nil {
			return err
		}
	}
	for _, user := range c.staying {
		if at := offline[user]; len(at) > 0 && at[0] < last {
			c.t.Errorf("%s was there until about %d and was declared offline at %v", user, last, at)
		}
		if err := c.past(d, user, len(offline[user])); err != nil {
			return err
		}
	}
	c.t.Logf("%d acknowledgements kept, of %d users", n, len(c.said))
	return nil
}

// past compares a user's intervals with how often he was declared offline, which
// is once at most.
func (c *crowd) past(d *embedded.Deployment, user string, offline int) error {
	if len(c.said[user]) == 0 {
		return nil // he may be unknown
	}
	a, err := d.History().Intervals(history.Query{User: user, Limit: 100})
	if err != nil {
		return err
	}
	if offline > 1 || len(a.Intervals) != 1+offline {
		c.t.Errorf("%s was declared offline %d times and has the intervals %+v", user, offline, a.Intervals)
	}
	return nil
}

// everything calls fn with each event of the hot stream that counts.
func everything(ctx context.Context, d *embedded.Deployment, fn func(seq uint64, typ events.Type, user string)) error {
	_, last, err := d.Log().Bounds(ctx)
	if err != nil {
		return err
	}
	var c events.Commit
	var keys events.Keys
	var clock events.Clock
	return d.Log().Read(ctx, journal.Stretch{To: last}, func(msgs []journal.Message) error {
		for _, m := range msgs {
			if err := c.Decode(m.Data); err != nil {
				return err
			}
			at := events.Moment{Seq: m.Seq, Time: m.Time, Covered: clock.Advance(m.Time)}
			for i := range c.Entries {
				e, key, err := c.Entries[i].Event()
				if err != nil {
					return err
				}
				at.Nth = uint32(i)
				if key.Given() {
					if _, void := keys.Judge(key, at); void {
						continue
					}
				}
				fn(m.Seq, e.Type, e.User)
			}
		}
		return nil
	})
}

func TestTheLossOfTheLogsLeaderLosesNothing(t *testing.T) {
	c := startCluster(t)
	nodes, dirs := c.nodes(3, 15*time.Second)
	who := gather(t, nodes)
	who.through(20 * time.Second)
	leader := c.leader(events.StreamHot)
	c.kill(leader)
	who.through(time.Minute)
	if now := c.leader(events.StreamHot); now == leader {
		t.Errorf("%s was killed and leads", leader)
	}
	c.start(leader)
	c.whole(events.StreamHot)
	who.through(time.Minute)
	who.leave()
	for _, n := range nodes {
		n.stop()
	}
	c.whole(events.StreamHot)
	c.agree(dirs, who.check)
}

// TestTheDeathOfWhoWritesTimeoutsEndsNobodyTwice kills the node that writes
// timeouts while it is at it.
func TestTheDeathOfWhoWritesTimeoutsEndsNobodyTwice(t *testing.T) {
	const silent, timeout = 300, 4 * time.Second
	c := startCluster(t)
	ready, kill := spawn(t, embedded.Config{DataDir: t.TempDir(), NATSURL: c.url, Timeout: timeout})
	url, err := ready()
	if err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "the first node to have the lease", func() bool {
		resp, err := http.Get(url + "/readyz?verbose")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		said, err := io.ReadAll(resp.Body)
		return err == nil && strings.Contains(string(said), "written by this node")
	})
	nodes, dirs := c.nodes(2, timeout)
	who := &crowd{t: t, client: http.DefaultClient, refusals: map[string]int{}}
	service, staying := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"}), token(t, auth.MintClaims{User: "stays"})

	var beats sync.WaitGroup
	done := make(chan struct{})
	stop := sync.OnceFunc(func() { close(done); beats.Wait() })
	t.Cleanup(stop)
	beats.Go(func() {
		every := time.NewTicker(200 * time.Millisecond)
		defer every.Stop()
		for i := 0; ; i++ {
			who.ask(nodes[i%2].url+"/v1/heartbeat", "POST", staying, "", "", nil)
			select {
			case <-every.C:
			case <-done:
				return
			}
		}
	})
	for i := range silent {
		body := fmt.Sprintf(`{"type":"login","user":"silent-%d"}`, i)
		if code, _ := nodes[i%2].call(service, "POST", "/v1/events", body, nil); code != 202 {
			t.Fatalf("login: %d", code)
		}
	}
	offline := func() (n struct{ Online, Offline int }) {
		if code, _ := nodes[0].call(service, "GET", "/v1/stats", "", &n); code != 200 {
			t.Fatalf("stats: %d", code)
		}
		return n
	}
	within(t, 20*time.Second, "the first one to go offline", func() bool { return offline().Offline > 0 })
	kill()
	left := offline().Online - 1
	within(t, 30*time.Second, "all others to go offline", func() bool { return offline().Offline == silent })
	t.Logf("%d of %d were left to the next node", left, silent)
	if left == 0 {
		t.Error("nobody was left: the test proves nothing")
	}
	stop()
	for _, n := range nodes {
		n.stop()
	}
	c.agree(dirs, func(ctx context.Context, d *embedded.Deployment) error {
		ended := map[string]int{}
		if err := everything(ctx, d, func(_ uint64, typ events.Type, user string) {
			if typ == events.Offline {
				ended[user]++
			}
		}); err != nil {
			return err
		}
		for i := range silent {
			user := fmt.Sprintf("silent-%d", i)
			a, err := d.History().Intervals(history.Query{User: user, Limit: 100})
			if err != nil {
				return err
			}
			if ended[user] != 1 || len(a.Intervals) != 2 {
				t.Errorf("%s was declared offline %d times and has the intervals %+v", user, ended[user], a.Intervals)
			}
		}
		if ended["stays"] > 0 {
			t.Error("somebody who beat all the time was declared offline")
		}
		return nil
	})
}
