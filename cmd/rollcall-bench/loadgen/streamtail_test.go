package loadgen

import (
	"errors"
	"fmt"
	"net/http/httputil"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// chunks is text as an answer in chunks that end at the given places.
func chunks(text string, cuts []int) string {
	var out strings.Builder
	out.WriteString(streamHead)
	w := httputil.NewChunkedWriter(&out)
	at := 0
	for _, cut := range append(cuts, len(text)) {
		if cut %= len(text) + 1; cut > at {
			fmt.Fprint(w, text[at:cut])
			at = cut
		}
	}
	return out.String()
}

// TestATailFindsEveryIDHoweverTheStreamIsCut, into chunks by the server and into
// reads by the network.
func TestATailFindsEveryIDHoweverTheStreamIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := "retry: 2000\n\nevent: snapshot\nid: 7\ndata: {\"users\":[]}\n\n"
		want := tail{last: 7}
		for range rapid.IntRange(0, 8).Draw(t, "changes") {
			id := ""
			if want.nth > 0 && rapid.Bool().Draw(t, "the last at its sequence") {
				want.nth = 0
			} else if gap := rapid.IntRange(0, 1000).Draw(t, "gap"); want.nth == 0 || gap > 0 {
				want.last += uint64(gap + 1)
				want.nth = uint64(rapid.IntRange(0, 2).Draw(t, "nth"))
			} else {
				want.nth++
			}
			if id = fmt.Sprint(want.last); want.nth > 0 {
				id = fmt.Sprintf("%d.%d", want.last, want.nth)
			}
			want.digest = ((want.digest^want.last)*prime64 ^ want.nth) * prime64
			want.changes++
			text += "event: status\nid: " + id + "\ndata: {\"since\":\"2026-11-23T08:00:00.123Z\",\"id: \":1}\n\n"
			if rapid.Bool().Draw(t, "ping") {
				text += ": still here\n\n"
			}
		}
		wire := chunks(text, rapid.SliceOfN(rapid.IntRange(0, len(text)), 0, 5).Draw(t, "chunks"))
		var got tail
		looked := int64(0)
		if rapid.Bool().Draw(t, "looks") {
			got.change = func(line []byte) {
				if at, ok := since(line); !ok || at.Year() != 2026 {
					t.Fatalf("%q is not when it was made: %s", line, at)
				}
				looked++
			}
		}
		for len(wire) > 0 {
			n := rapid.IntRange(1, len(wire)).Draw(t, "read")
			if err := got.feed([]byte(wire[:n])); err != nil {
				t.Fatal(err)
			}
			wire = wire[n:]
		}
		if got.last != want.last || got.nth != want.nth || got.digest != want.digest || got.changes != want.changes || !got.begun {
			t.Fatalf("got %d changes to %d, want %d to %d", got.changes, got.last, want.changes, want.last)
		}
		if got.change != nil && looked != want.changes {
			t.Fatalf("looked at %d of %d", looked, want.changes)
		}
	})
}

func TestATailRefusesWhatIsNoStream(t *testing.T) {
	for name, wire := range map[string]string{
		"refused":          "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
		"not in chunks":    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"no HTTP":          strings.Repeat("x", headMost+1),
		"no size":          streamHead + "hello\r\n",
		"ended":            chunks("id: 7\n", nil) + "\r\n0\r\n\r\n",
		"id that is none":  chunks("id: x\n", nil),
		"back in sequence": chunks("id: 7\nid: 9\nid: 8\n", nil),
		"repeated":         chunks("id: 7\nid: 9\nid: 9\n", nil),
		"after the last":   chunks("id: 7\nid: 9\nid: 9.1\n", nil),
		"back at its seq":  chunks("id: 7\nid: 9.2\nid: 9.1\n", nil),
		"no such number":   chunks("id: 7\nid: 9.0\n", nil),
	} {
		t.Run(name, func(t *testing.T) {
			var got tail
			if err := got.feed([]byte(wire)); !errors.Is(err, ErrStream) {
				t.Errorf("got %v, want ErrStream", err)
			}
		})
	}
}
