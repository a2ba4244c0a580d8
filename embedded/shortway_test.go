package embedded_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

// beating is a connection that sends heartbeats.
type beating struct {
	t      testing.TB
	conn   net.Conn
	answer *bufio.Reader
	text   string
}

func (n *node) beating(tok string) *beating {
	n.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &beating{n.t, c, bufio.NewReader(c), fmt.Sprintf("POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", tok)}
}

// beat returns the answer to a heartbeat.
func (b *beating) beat() *http.Response {
	b.t.Helper()
	if _, err := io.WriteString(b.conn, b.text); err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.ReadResponse(b.answer, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// onShortWay reports whether some connection is being served there.
func onShortWay() bool {
	stacks := make([]byte, 1<<20)
	return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "shortway.(*connection).serve")
}

func TestHeartbeatsGoTheShortWayUnlessItIsOff(t *testing.T) {
	alice := token(t, auth.MintClaims{User: "alice"})
	for _, off := range []bool{false, true} {
		n := run(t, embedded.Config{DataDir: t.TempDir(), ShortHeartbeatsOff: off})
		b := n.beating(alice)
		resp := b.beat()
		if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Rollcall-Heartbeat") != "30" {
			t.Errorf("off %v: %v", off, resp)
		}
		if onShortWay() == off {
			t.Errorf("off is %v, and the short way is taken: %v", off, !off)
		}
		var p presence
		if code, _ := n.call(alice, "GET", "/v1/me?min_seq="+resp.Header.Get("Rollcall-Seq"), "", &p); code != 200 || p.Status != "online" {
			t.Errorf("off %v: me: %d %+v", off, code, p)
		}
		n.stop()
		if _, err := b.answer.ReadByte(); err == nil {
			t.Errorf("off %v: the connection goes on", off)
		}
		if onShortWay() {
			t.Error("a connection is served after the end")
		}
	}
}

// TestAHandedOverConnectionCanStream: the live stream takes it from net/http in
// turn.
func TestAHandedOverConnectionCanStream(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	b := n.beating(token(t, auth.MintClaims{User: "alice"}))
	if resp := b.beat(); resp.StatusCode != http.StatusNoContent {
		t.Fatal(resp)
	}
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	fmt.Fprintf(b.conn, "GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", reader)
	resp, err := http.ReadResponse(b.answer, nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	defer b.conn.Close() // not the body: that would read it to its end
	n.call(token(t, auth.MintClaims{User: "bob"}), "POST", "/v1/login", "", nil)
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data:") && strings.Contains(lines.Text(), `"bob"`) {
			return
		}
	}
	t.Error("bob's login did not come")
}
