package api

import (
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
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
