package api

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http/httputil"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/live"
)

// TestMessagesComeOutOfTheirChunk as the standard library reads chunks, whole
// and from any message on.
func TestMessagesComeOutOfTheirChunk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringN(1, 300, -1), 1, 40).Draw(t, "texts")
		var f framer
		for _, text := range texts {
			f.add([]byte(text))
		}
		w := f.frame()
		got, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(append(bytes.Clone(w.chunk), lastChunk...))))
		if err != nil || string(got) != strings.Join(texts, "") {
			t.Fatalf("got %q, %v", got, err)
		}
		n := rapid.IntRange(0, len(texts)-1).Draw(t, "from")
		if from := string(w.from(n)); from != strings.Join(texts[n:], "") {
			t.Fatalf("from %d on: %q", n, from)
		}
		if at := string(w.at(n)); at != texts[n] {
			t.Fatalf("message %d: %q", n, at)
		}
	})
}

// TestOnlyThoseWhoMaySeeTheActor, and the two are one where there is no actor.
func TestOnlyThoseWhoMaySeeTheActor(t *testing.T) {
	change := func(actor string) live.Entry {
		return live.Entry{Change: events.Change{User: "alice", To: events.Shown{Status: events.StatusBusy, Actor: actor, Seq: 7}}, Place: live.Place{Seq: 7}}
	}
	b, ok := EncodeChanges([]live.Entry{change("root"), change("")}).(*watchedBlock)
	if !ok || !strings.Contains(string(b.private.from(0)), `"actor":"root"`) || strings.Contains(string(b.public.from(0)), "root") {
		t.Errorf("private %s, public %s", b.private.chunk, b.public.chunk)
	}
	b, ok = EncodeChanges([]live.Entry{change("")}).(*watchedBlock)
	if !ok || &b.private.chunk[0] != &b.public.chunk[0] {
		t.Error("what is the same is kept twice")
	}
}

// readerOf is a reader of users.
func readerOf(t *testing.T, users []string) *live.Reader {
	t.Helper()
	v, err := current.Open(current.Config{Path: filepath.Join(t.TempDir(), "current.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() }) //nolint:errcheck // nothing is in it
	r, err := live.NewHub(v, EncodeChanges).Resume(live.Place{}, users)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// piece is n changes from the second on.
func piece(n int) live.Piece {
	var entries []live.Entry
	for seq := range uint64(n) {
		entries = append(entries, live.Entry{Change: events.Change{User: "alice", To: events.Shown{Seq: seq}}, Place: live.Place{Seq: seq}})
	}
	return live.Piece{Block: live.NewBlock(entries, EncodeChanges), From: 1}
}

// TestWhoCameInTheMiddleOfABlockDoesNotKeepIt: thousands come at once.
func TestWhoCameInTheMiddleOfABlockDoesNotKeepIt(t *testing.T) {
	o := newOutlet(nil, readerOf(t, nil), false, func() {})
	for _, n := range []int{500, 3} {
		p := piece(n)
		chunk := o.Text(p)
		got, err := io.ReadAll(httputil.NewChunkedReader(io.MultiReader(bytes.NewReader(chunk), strings.NewReader(lastChunk))))
		if err != nil || !bytes.Equal(got, wireOf(p, false).from(1)) {
			t.Errorf("of %d: got %s, %v", n, got, err)
		}
		if cap(o.buf) > ownMost {
			t.Errorf("%d bytes are kept after a piece of %d changes", cap(o.buf), n)
		}
	}
}

// connected returns both ends of a connection over TCP.
func connected(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var d net.Dialer
	if client, err = d.DialContext(t.Context(), "tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// TestAClientThatTalkedBeforeItWentHasGone: what it said does not hide its end.
func TestAClientThatTalkedBeforeItWentHasGone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there it shows when something is sent")
	}
	server, client := connected(t)
	o := newOutlet(server, readerOf(t, nil), false, func() {})
	if _, err := io.WriteString(client, "GET /v1/me HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if o.Gone() {
		t.Fatal("it is there")
	}
	client.Close()
	journaltest.Until(t, "its end to be noticed", o.Gone)
}

// wrapped is a connection that a listener of the caller's has put its own around.
type wrapped struct{ net.Conn }

// TestAStreamEndsProperlyOverAnyConnection, and never waits for one who does not
// read.
func TestAStreamEndsProperlyOverAnyConnection(t *testing.T) {
	server, client := connected(t)
	newOutlet(wrapped{server}, readerOf(t, nil), false, func() {}).Close(true)
	if got, err := io.ReadAll(client); err != nil || string(got) != lastChunk {
		t.Errorf("got %q, %v", got, err)
	}
	server, _ = net.Pipe() // holds nothing, so every write waits for its reader
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() {
		defer cancel()
		newOutlet(server, readerOf(t, nil), false, func() {}).Close(true)
	}()
	if <-ctx.Done(); ctx.Err() == context.DeadlineExceeded {
		t.Error("it waits for ever")
	}
}
