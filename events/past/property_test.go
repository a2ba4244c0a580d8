package past

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// begun is where the pasts of the tests begin.
const begun = events.Millis(1_610_000_000_000)

// A few users and sessions and times that are seldom far apart, so that much
// happens at once and at deadlines.
var (
	drawUser    = rapid.SampledFrom([]string{"alice", "b.o*b>", `he said "hi", twice`, "ürsula b", "%41", "f", "g"})
	drawSession = rapid.SampledFrom([]string{"default", "default", "default", "web 1", "a,b"})
	drawKind    = rapid.SampledFrom([]string{"login", "logout", "heartbeat", "heartbeat", "heartbeat"})
	drawPause   = rapid.SampledFrom([]int64{0, 0, 1, 500, 1000, 1000, 1999, 2000, 2001, 9000})
)

func drawDeeds(t *rapid.T, prefix string) []deed {
	now := begun
	deeds := make([]deed, rapid.IntRange(0, 60).Draw(t, "rows"))
	for i := range deeds {
		now += events.Millis(drawPause.Draw(t, "pause"))
		deeds[i] = deed{at: now, user: prefix + drawUser.Draw(t, "user"), session: drawSession.Draw(t, "session"), kind: drawKind.Draw(t, "kind")}
	}
	if rapid.Bool().Draw(t, "unsorted") {
		deeds = rapid.Permutation(deeds).Draw(t, "order")
	}
	return deeds
}

// asItHappened returns deeds so that those of one time are in the order in which
// they happened: a file whose times only ever fall has the newest first.
func asItHappened(deeds []deed) []deed {
	rises, falls := 0, 0
	for i := 1; i < len(deeds); i++ {
		switch d := deeds[i].at - deeds[i-1].at; {
		case d > 0:
			rises++
		case d < 0:
			falls++
		}
	}
	deeds = slices.Clone(deeds)
	if falls > 10*rises {
		slices.Reverse(deeds)
	}
	return deeds
}

// written makes a file of deeds, in one of the forms that Read knows.
func written(t *rapid.T, deeds []deed) (name string, content []byte) {
	var b bytes.Buffer
	if rapid.Bool().Draw(t, "json") {
		for _, d := range deeds {
			line, _ := json.Marshal(map[string]string{"at": d.at.String(), "user": d.user, "session": d.session, "event": d.kind})
			b.Write(append(line, '\n'))
		}
	} else {
		order := rapid.Permutation([]int{0, 1, 2, 3}).Draw(t, "columns")
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		row := func(fields ...string) {
			out := make([]string, len(fields))
			for i, o := range order {
				out[i] = fields[o]
			}
			_ = w.Write(out)
		}
		row("at", "user", "event", "session")
		for _, d := range deeds {
			row(d.at.Time().In(time.FixedZone("", 3600)).Format(time.RFC3339Nano), d.user, d.kind, d.session)
		}
		w.Flush()
	}
	if !rapid.Bool().Draw(t, "gzip") {
		return "past", b.Bytes()
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(b.Bytes())
	_ = z.Close()
	return "past.gz", packed.Bytes()
}

// atOnce lets no time pass.
func atOnce(context.Context, time.Duration) error { return nil }

func TestAnyPastComesToWhatTheOracleSays(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	for _, timeout := range []time.Duration{0, time.Second, 2 * time.Second} {
		t.Run(fmt.Sprint(timeout), func(t *testing.T) {
			n := 0
			rapid.Check(t, func(r *rapid.T) {
				n++
				deeds := drawDeeds(r, fmt.Sprintf("%v/%d/", timeout, n))
				name, content := written(r, deeds)
				f, err := Read(bytes.NewReader(content), name, ReadOptions{})
				if len(deeds) == 0 {
					return // without a row JSON is no file
				}
				if err != nil {
					r.Fatal(err)
				}
				_, end, err := j.Bounds(t.Context())
				if err != nil {
					r.Fatal(err)
				}
				now := f.Latest() + events.Millis(rapid.IntRange(0, 5000).Draw(r, "later"))
				result, err := Append(t.Context(), Config{Log: j, Timeout: timeout, Now: now.Time, pause: atOnce}, f)
				if err != nil {
					r.Fatal(err)
				}
				got := fold(t, j, end+1)
				if diff := cmp.Diff(oracle(asItHappened(deeds), events.Millis(timeout.Milliseconds()), now), got.outcome()); diff != "" {
					r.Fatalf("the oracle (-) and the log (+) differ:\n%s", diff)
				}
				got.ordered(r)
				if result.Events+result.Beats+result.Ignored != len(deeds) || result.Timeouts != len(got.said(events.Offline)) {
					r.Fatalf("%d rows, %d timeouts: %+v", len(deeds), len(got.said(events.Offline)), result)
				}
			})
		})
	}
}
