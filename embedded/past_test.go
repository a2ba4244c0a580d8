package embedded_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/past"
	"github.com/rollcall-dev/rollcall/projections/history"
)

// stretch is a time that the oracle knows somebody was online; To 0 goes on.
type stretch struct{ From, To events.Millis }

// oracle sorts the file and knows nothing else: who was online from when to when.
func oracle(t *testing.T) (stretches map[string][]stretch, first, last events.Millis) {
	t.Helper()
	type row struct {
		at    events.Millis
		user  string
		leave bool
	}
	var rows []row
	for _, r := range channel(t) {
		at, err := time.Parse(time.RFC3339, r[0])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row{events.MillisOf(at), r[1], r[2] == "leave"})
	}
	slices.SortStableFunc(rows, func(a, b row) int { return int(a.at - b.at) })
	stretches = map[string][]stretch{}
	for _, r := range rows {
		s := stretches[r.user]
		on := len(s) > 0 && s[len(s)-1].To == 0
		switch {
		case r.leave && on:
			s[len(s)-1].To = r.at
		case !r.leave && !on:
			s = append(s, stretch{From: r.at})
		}
		stretches[r.user] = s
	}
	return stretches, rows[0].at, rows[len(rows)-1].at
}

// TestTheChannelsPastIsWhatTheFileSays imports the log of a real chat channel
// and compares every user's intervals, and who was online at every hour, with
// what a few lines make of the file.
func TestTheChannelsPastIsWhatTheFileSays(t *testing.T) {
	want, first, last := oracle(t)
	f, err := os.Open(*ircFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file, err := past.Read(f, filepath.Base(*ircFile), past.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: t.TempDir()}, func(ctx context.Context, d *embedded.Deployment) error {
		if _, err := d.Import(ctx, file, past.Config{}); err != nil {
			return err
		}
		h := d.History()
		for user, s := range want {
			if got := online(t, h, user); !cmp.Equal(got, s) && len(got)+len(s) > 0 {
				t.Errorf("%s:\n%s", user, cmp.Diff(s, got))
			}
		}
		hours := 0
		for at := first - first%3_600_000; at <= last+3_600_000; at += 3_600_000 {
			hours++
			compareHour(t, h, want, at)
		}
		t.Logf("%d users, %d hours", len(want), hours)
		found, err := d.Verify(ctx, nil)
		if err != nil {
			return err
		}
		for _, c := range found {
			if !c.Equal {
				t.Errorf("folded again: %+v", c)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func online(t *testing.T, h *history.View, user string) (got []stretch) {
	t.Helper()
	a, err := h.Intervals(history.Query{User: user, Limit: 1_000_000})
	if err != nil || !a.Complete {
		t.Fatal(a.Complete, err)
	}
	for _, i := range a.Intervals {
		if i.Status == events.StatusOnline {
			got = append(got, stretch{i.From, i.To})
		}
	}
	return got
}

func compareHour(t *testing.T, h *history.View, all map[string][]stretch, at events.Millis) {
	t.Helper()
	var want, got []string
	for user, stretches := range all {
		if slices.ContainsFunc(stretches, func(s stretch) bool { return s.From <= at && (s.To == 0 || at < s.To) }) {
			want = append(want, user)
		}
	}
	slices.Sort(want)
	m, err := h.Everybody(history.MomentQuery{At: at, Status: events.StatusOnline, Limit: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range m.Users {
		got = append(got, i.User)
	}
	if !slices.Equal(want, got) {
		t.Errorf("at %v: %s", at, cmp.Diff(want, got))
	}
	points, _, err := h.Concurrency(at, at+1, time.Hour)
	if err != nil || len(points) != 1 || points[0].Online != len(want) {
		t.Errorf("at %v: %+v, want %d: %v", at, points, len(want), err)
	}
}
