package history_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
)

// BenchmarkWhoWasOnline asks who was online at random moments of a year in
// which 10,000 users changed their status two million times.
func BenchmarkWhoWasOnline(b *testing.B) {
	const users, changes, year = 10_000, 2_000_000, events.Millis(365 * 24 * 3600 * 1000)
	h, err := history.Open(history.Config{Path: filepath.Join(b.TempDir(), "history.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := h.Close(); err != nil {
			b.Error(err)
		}
	})
	rng := rand.New(rand.NewPCG(1, 1))
	on := make([]events.Shown, users)
	put := make([]current.Happening, 0, 10_000)
	for i := range changes {
		u := rng.IntN(users)
		c := events.Change{User: fmt.Sprintf("user-%05d", u), From: on[u], Observed: events.StatusOnline}
		c.To = events.Shown{Status: events.StatusOnline, Since: past + events.Millis(i)*(year/changes), Cause: events.CauseLogin, Actor: c.User, Seq: uint64(i + 1)}
		if on[u].Status == events.StatusOnline {
			c.To.Status, c.To.Cause, c.Observed = events.StatusOffline, events.CauseTimeout, events.StatusOffline
		}
		on[u] = c.To
		if put = append(put, current.Happening{Change: c}); len(put) == cap(put) {
			h.Put(put, uint64(i+1))
			if err := h.Flush(); err != nil {
				b.Fatal(err)
			}
			put = put[:0]
		}
	}
	var took []time.Duration
	b.ResetTimer()
	for range b.N {
		at := past + events.Millis(rng.Int64N(int64(year)))
		began := time.Now()
		m, err := h.Everybody(history.MomentQuery{At: at, Status: events.StatusOnline, Limit: 1000})
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		if m.Total == 0 && at > past+year/10 {
			b.Fatalf("nobody online at %v", at)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
