package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

// streamed is a message of the live stream.
type streamed struct{ event, id, data string }

// listen opens the live stream and returns its messages until ctx ends.
func (n *node) listen(ctx context.Context, tok, after, query string) (<-chan streamed, error) {
	return listenWith(ctx, http.DefaultClient, n.url, tok, after, query)
}

func listenWith(ctx context.Context, client *http.Client, url, tok, after, query string) (<-chan streamed, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/stream"+query, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	if after != "" {
		req.Header.Set("Last-Event-ID", after)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != 200 {
		resp.Body.Close()
		return nil, fmt.Errorf("stream: %s", resp.Status)
	}
	out := make(chan streamed)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		var m streamed
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ": ")
			switch key {
			case "event":
				m.event = value
			case "id":
				m.id = value
			case "data":
				m.data = value
			case "":
				if m.event != "" {
					select {
					case out <- m:
					case <-ctx.Done():
						return
					}
				}
				m = streamed{}
			}
		}
	}()
	return out, nil
}

// TestAReaderWhoReconnectsMissesNothingAndRepeatsNothing cuts a reader off a
// thousand times at random while users come and go, and compares what he saw
// with what the audit says.
func TestAReaderWhoReconnectsMissesNothingAndRepeatsNothing(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	service := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	const cuts = 1000

	// Users come and go, several in one request, until the reader is done.
	writing, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var total int // changes, as the writer knows them
	wg.Go(func() {
		on := map[int]bool{}
		for writing.Err() == nil {
			var lines strings.Builder
			for range 1 + rand.IntN(5) {
				u := rand.IntN(20)
				typ := "login"
				if on[u] {
					typ = "logout"
				} else if rand.IntN(2) == 0 {
					typ = "heartbeat"
				}
				on[u] = !on[u]
				fmt.Fprintf(&lines, `{"type":%q,"user":"u%d"}`+"\n", typ, u)
				total++
			}
			req, err := http.NewRequest("POST", n.url+"/v1/events", strings.NewReader(lines.String()))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Authorization", "Bearer "+service)
			req.Header.Set("Content-Type", "application/x-ndjson")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		}
	})

	var seen []string
	status := map[string]string{}
	last := ""
	take := func(m streamed) {
		t.Helper()
		if m.event == "reset" || m.event == "snapshot" && len(seen) > 0 {
			t.Fatalf("a %s after %d changes", m.event, len(seen))
		}
		if m.id != "" {
			last = m.id
		}
		if m.event != "status" {
			return
		}
		var c struct{ User, Status, From string }
		if err := json.Unmarshal([]byte(m.data), &c); err != nil {
			t.Fatal(err)
		}
		if was := status[c.User]; was != "" && was != c.From || c.From == c.Status {
			t.Fatalf("%s went from %s to %s, and was %q", c.User, c.From, c.Status, was)
		}
		status[c.User] = c.Status
		seen = append(seen, c.User+" "+c.Status)
	}
	for cut := range cuts {
		ctx, cancel := context.WithCancel(t.Context())
		messages, err := n.listen(ctx, reader, last, "")
		if err != nil {
			t.Fatal(err)
		}
		want := 1 + rand.IntN(8)
		timer := time.NewTimer(10 * time.Second)
		for got := 0; got < want; {
			select {
			case m, ok := <-messages:
				if !ok {
					t.Fatalf("cut %d: the stream ended by itself", cut)
				}
				take(m)
				got++
			case <-timer.C:
				t.Fatalf("cut %d: nothing came", cut)
			}
		}
		timer.Stop()
		cancel()
		for range messages { //nolint:revive // what was on its way is lost with the connection
		}
	}
	stop()
	wg.Wait()

	// The rest, and then the truth.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	messages, err := n.listen(ctx, reader, last, "")
	if err != nil {
		t.Fatal(err)
	}
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	for len(seen) < total {
		select {
		case m := <-messages:
			take(m)
		case <-timer.C:
			t.Fatalf("%d of %d changes were seen", len(seen), total)
		}
	}
	cancel()
	for range messages { //nolint:revive // as above
	}
	t.Logf("%d changes, each seen once, over %d connections", len(seen), cuts+1)
}

func TestAStreamBeginsWithWhoIsThere(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	for _, u := range []string{"alice", "bob"} {
		n.call(token(t, auth.MintClaims{User: u}), "POST", "/v1/login", "", nil)
	}
	_, h := n.call(token(t, auth.MintClaims{User: "bob"}), "POST", "/v1/logout", "", nil)
	n.call(reader, "GET", "/v1/stats?min_seq="+h.Get("Rollcall-Seq"), "", nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var users []string
	messages, err := n.listen(ctx, reader, "", "")
	if err != nil {
		t.Fatal(err)
	}
	m := <-messages
	var heap struct{ Users []presence }
	if err := json.Unmarshal([]byte(m.data), &heap); err != nil || m.event != "snapshot" {
		t.Fatalf("%+v: %v", m, err)
	}
	for _, p := range heap.Users {
		users = append(users, p.User)
	}
	if !slices.Contains(users, "alice") || slices.Contains(users, "bob") {
		t.Errorf("the snapshot holds %v", users)
	}
	n.call(token(t, auth.MintClaims{User: "carol"}), "POST", "/v1/login", "", nil)
	m = <-messages
	var c struct {
		User, Status, Cause string
		Seq                 uint64
	}
	if err := json.Unmarshal([]byte(m.data), &c); err != nil || c.User != "carol" || c.Status != "online" || c.Cause != "login" || m.id != strconv.FormatUint(c.Seq, 10) {
		t.Errorf("%+v: %+v %v", m, c, err)
	}
	cancel()
	for range messages { //nolint:revive // until it has ended
	}
}

func TestAPlaceBeforeTheNodesStartIsMadeUpForFromTheHistory(t *testing.T) {
	dir := t.TempDir()
	n := run(t, embedded.Config{DataDir: dir})
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	alice := token(t, auth.MintClaims{User: "alice"})
	_, h := n.call(alice, "POST", "/v1/login", "", nil)
	n.call(alice, "POST", "/v1/logout", "", nil)
	n.call(alice, "POST", "/v1/login", "", nil)
	n.stop()
	n = run(t, embedded.Config{DataDir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	messages, err := n.listen(ctx, reader, h.Get("Rollcall-Seq"), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"offline", "online"} {
		m := <-messages
		var c struct{ User, Status string }
		if err := json.Unmarshal([]byte(m.data), &c); err != nil || m.event != "status" || c.Status != want {
			t.Errorf("got %+v, want %s: %v", m, want, err)
		}
	}
	cancel()
	for range messages { //nolint:revive // until it has ended
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	if messages, err = n.listen(ctx, reader, "999999", ""); err != nil {
		t.Fatal(err)
	}
	if m := <-messages; m.event != "reset" {
		t.Errorf("a place that never was gets %+v", m)
	}
	if m := <-messages; m.event != "snapshot" {
		t.Errorf("after the reset came %+v", m)
	}
	cancel()
	for range messages { //nolint:revive // until it has ended
	}
}

func TestAStreamOfSomeUsersIsOnlyAboutThem(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	messages, err := n.listen(ctx, reader, "", "?users=alice,dave")
	if err != nil {
		t.Fatal(err)
	}
	if m := <-messages; m.event != "snapshot" {
		t.Fatalf("%+v", m)
	}
	for _, u := range []string{"bob", "dave", "carol", "alice"} {
		n.call(token(t, auth.MintClaims{User: u}), "POST", "/v1/login", "", nil)
	}
	for _, want := range []string{"dave", "alice"} {
		m := <-messages
		var c struct{ User string }
		if err := json.Unmarshal([]byte(m.data), &c); err != nil || c.User != want {
			t.Errorf("got %+v, want %s: %v", m, want, err)
		}
	}
	cancel()
	for range messages { //nolint:revive // until it has ended
	}
	if _, err := n.listen(t.Context(), token(t, auth.MintClaims{User: "alice"}), "", "?users=bob"); err == nil {
		t.Error("alice may watch bob")
	}
}

// TestReadersAreToldOfAnErasedUser, who would otherwise be online to them for
// ever: those who watch, and those who come back later.
func TestAStreamNamesUsersWhoseIDsHoldCommas(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	const jane, john = "uid=jane,ou=people", "uid=john,ou=people"
	var h http.Header
	for _, u := range []string{jane, john, "uid=jane"} {
		_, h = n.call(token(t, auth.MintClaims{User: u}), "POST", "/v1/login", "", nil)
	}
	n.call(token(t, auth.MintClaims{User: jane}), "GET", "/v1/me?min_seq="+h.Get("Rollcall-Seq"), "", nil)
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	herself := token(t, auth.MintClaims{User: jane})
	for _, test := range []struct {
		token, query string
		want         []string
	}{
		{reader, "?users=uid=jane,ou=people&users=uid=john,ou=people", []string{jane, john}},
		{reader, "?users=uid%3Djane%2Cou%3Dpeople", []string{jane}},
		{herself, "?users=uid%3Djane%2Cou%3Dpeople", []string{jane}},
		{herself, "?users=" + jane + "&users=" + jane, []string{jane}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		messages, err := n.listen(ctx, test.token, "", test.query)
		if err != nil {
			t.Fatalf("%s: %v", test.query, err)
		}
		var got struct{ Users []struct{ User string } }
		if m := <-messages; json.Unmarshal([]byte(m.data), &got) != nil || len(got.Users) != len(test.want) {
			t.Errorf("%s: %+v", test.query, m)
		}
		for i, u := range got.Users {
			if u.User != test.want[i] {
				t.Errorf("%s: got %q, want %q", test.query, u.User, test.want[i])
			}
		}
		cancel()
		for range messages { //nolint:revive // until it has ended
		}
	}
}

func TestReadersAreToldOfAnErasedUser(t *testing.T) {
	dir := t.TempDir()
	n := run(t, embedded.Config{DataDir: dir})
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	root := token(t, auth.MintClaims{User: "root", Role: "admin"})
	n.call(token(t, auth.MintClaims{User: "alice"}), "POST", "/v1/login", "", nil)
	_, h := n.call(token(t, auth.MintClaims{User: "bob"}), "POST", "/v1/login", "", nil)
	place := h.Get("Rollcall-Seq")
	n.call(root, "GET", "/v1/stats?min_seq="+place, "", nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	streams := map[string]<-chan streamed{}
	for _, who := range []string{reader, root} {
		messages, err := n.listen(ctx, who, place, "")
		if err != nil {
			t.Fatal(err)
		}
		streams[who] = messages
	}
	if code, _ := n.call(root, "DELETE", "/v1/users/alice", "", nil); code != 200 {
		t.Fatalf("erasing alice: %d", code)
	}
	for who, messages := range streams {
		m := <-messages
		var c struct{ User, Status, From, Cause, Actor string }
		if err := json.Unmarshal([]byte(m.data), &c); err != nil || m.id == "" || c.User != "alice" || c.Status != "offline" || c.From != "online" || c.Cause != "erased" {
			t.Errorf("got %+v: %v", m, err)
		}
		if seen := c.Actor == "root"; seen != (who == root) {
			t.Errorf("actor %q", c.Actor)
		}
	}
	cancel()
	for _, messages := range streams {
		for range messages { //nolint:revive // until it has ended
		}
	}
	n.stop()
	n = run(t, embedded.Config{DataDir: dir})
	ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	messages, err := n.listen(ctx, reader, place, "")
	if err != nil {
		t.Fatal(err)
	}
	if m := <-messages; m.event != "reset" {
		t.Errorf("who comes back from before the erasure gets %+v", m)
	}
	if m := <-messages; m.event != "snapshot" || strings.Contains(m.data, "alice") || !strings.Contains(m.data, "bob") {
		t.Errorf("and then %+v", m)
	}
	cancel()
	for range messages { //nolint:revive // until it has ended
	}
}
