package past

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

const benchRows = 200_000

// busy is a file in which a thousand users come, say something every ten
// seconds, twelve times, and go, or simply fall silent.
func busy(json bool) []byte {
	var b bytes.Buffer
	if !json {
		b.WriteString("at,user,event\n")
	}
	at := begun.Time()
	for i := range benchRows {
		user, turn := i%1000, i/1000%14
		event := "say"
		if turn == 0 {
			event = "join"
		} else if turn == 13 && user%2 == 0 {
			event = "leave"
		}
		when := at.Add(time.Duration(i) * 10 * time.Millisecond).Format(time.RFC3339Nano)
		if json {
			fmt.Fprintf(&b, `{"at":%q,"user":"u%05d","event":%q}`+"\n", when, user, event)
		} else {
			fmt.Fprintf(&b, "%s,u%05d,%s\n", when, user, event)
		}
	}
	return b.Bytes()
}

func BenchmarkRead(b *testing.B) {
	for _, kind := range []string{"csv", "ndjson"} {
		b.Run(kind, func(b *testing.B) {
			content := busy(kind == "ndjson")
			b.ReportAllocs()
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := Read(bytes.NewReader(content), "past", ReadOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	f, err := Read(bytes.NewReader(busy(false)), "past", ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for _, timeout := range []time.Duration{0, 15 * time.Second} {
		b.Run(strings.TrimSuffix(fmt.Sprint("timeout=", timeout), "s"), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				j := journaltest.Open(b, journal.Config{})
				b.StartTimer()
				if _, err := Append(b.Context(), Config{Log: j, Timeout: timeout}, f); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(benchRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
