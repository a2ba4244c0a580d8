package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// instant is a log that has acknowledged already: what is measured is the handler alone.
type instant struct{ api.Log }

func (instant) Beat(context.Context, events.Beat) (uint64, error) { return 123456789, nil }

// discard is a response writer that is used again and again.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

func benchmarkHeartbeat(b *testing.B, limit float64) {
	verifier, err := auth.New(auth.Config{Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	j := journaltest.Open(b, journal.Config{})
	a, err := api.New(api.Config{Log: instant{j}, View: follow(b, j), Auth: verifier, RateLimit: limit})
	if err != nil {
		b.Fatal(err)
	}
	h := a.Handler()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "/v1/heartbeat", http.NoBody)
		if err != nil {
			b.Error(err)
			return
		}
		r.Header.Set("Authorization", "Bearer "+alice)
		r.Header.Set("Rollcall-Session", "web-1")
		w := &discard{h: http.Header{}}
		for pb.Next() {
			clear(w.h)
			h.ServeHTTP(w, r)
		}
	})
}

func BenchmarkHeartbeatHandler(b *testing.B) {
	b.Run("unlimited", func(b *testing.B) { benchmarkHeartbeat(b, 0) })
	b.Run("limited", func(b *testing.B) { benchmarkHeartbeat(b, 1e9) })
}

// BenchmarkHeartbeatOverHTTP is the whole way: socket, handler, log.
func BenchmarkHeartbeatOverHTTP(b *testing.B) {
	s := serve(b)
	b.SetParallelism(64)
	s.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 256
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.url+"/v1/heartbeat", http.NoBody)
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer "+alice)
			resp, err := s.client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				b.Errorf("status %d", resp.StatusCode)
			}
		}
	})
}

// BenchmarkLines sends streams of logins and tells how many lines a second went into the log.
func BenchmarkLines(b *testing.B) {
	s := serve(b)
	const lines = 10_000
	var body strings.Builder
	for i := range lines {
		fmt.Fprintf(&body, `{"type":"heartbeat","user":"user-%d","session":"web-1"}`+"\n", i)
	}
	b.ResetTimer()
	for b.Loop() {
		if got := s.do("POST", "/v1/events", writer, asNDJSON(body.String())).lines(); got.Accepted != lines {
			b.Fatalf("%+v", got)
		}
	}
	b.ReportMetric(float64(b.N)*lines/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkAudit reads a log of 100,000 events: a page in the middle of it, and all as lines, which tells how many a
// second come.
func BenchmarkAudit(b *testing.B) {
	s := serve(b)
	archive := s.archiving()
	const n = 100_000
	var middle, last events.Place
	for i := 0; i < n; i += 1000 {
		items := make([]journal.Item, 1000)
		for k := range items {
			items[k].Event = events.Event{Type: events.Login, User: fmt.Sprintf("user-%d", (i+k)%10_000), Session: "web-1", Actor: "backend", At: events.MillisOf(day)}
		}
		if last = s.tellAll(items); i == n/2 {
			middle = last
		}
	}
	run := func(b *testing.B) {
		b.Run("page", func(b *testing.B) {
			for b.Loop() {
				s.in(b).get("?after_seq="+middle.String(), "application/json")
			}
		})
		b.Run("lines", func(b *testing.B) {
			for b.Loop() {
				s.in(b).get("", "application/x-ndjson")
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "events/s")
		})
	}
	b.Run("hot", run)
	s.trim(archive.Copied, last.Seq)
	b.Run("copy", run)
}

// get reads the audit and throws it away.
func (s *service) get(query, accept string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/v1/events"+query, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+root)
	r.Header.Set("Accept", accept)
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatal(resp.Status, err)
	}
}
