package loadgen

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// seenAfter is a departure of user i, who was seen offline so long after the
// deadline of a beat at began.
func seenAfter(i int, began time.Time, late time.Duration) departure {
	return departure{user: i, lastSeen: began, at: began.Add(time.Minute + late)}
}

func TestDeparturesAreHeldAgainstTheirDeadlines(t *testing.T) {
	began := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	sent := []time.Time{began, began, began}
	for name, c := range map[string]struct {
		seen   []departure
		faults []string
		want   lateness
	}{
		"all late": {
			[]departure{seenAfter(2, began, 50*time.Millisecond), seenAfter(0, began, time.Second), seenAfter(1, began, 2*time.Second)}, nil,
			lateness{storm: []float64{1, 2}, before: []float64{0.05}, earliest: 0.05},
		},
		"one early": {
			[]departure{seenAfter(0, began, -time.Second), seenAfter(1, began, 0), seenAfter(2, began, 0)}, []string{"1 sessions were seen offline early"},
			lateness{storm: []float64{-1, 0}, before: []float64{0}, earliest: -1, early: 1},
		},
		"by an older beat than the one sent": {
			[]departure{seenAfter(0, began.Add(-time.Second), 0), seenAfter(1, began, 0), seenAfter(2, began, 0)}, []string{"offline early"},
			lateness{storm: []float64{0, 0}, before: []float64{0}, early: 1},
		},
		"missing, twice and one who beats": {
			[]departure{seenAfter(0, began, 0), seenAfter(0, began, time.Second), seenAfter(3, began, 0)}, []string{"2 of 3 sessions", "twice", "went on beating"},
			lateness{storm: []float64{0}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var f Findings
			got := judge(&f, outcome{sent: sent, seen: c.seen}, 2, time.Minute)
			if !slices.Equal(got.storm, c.want.storm) || !slices.Equal(got.before, c.want.before) || got.early != c.want.early || got.earliest != c.want.earliest {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if len(f.Faults) != len(c.faults) {
				t.Fatalf("faults %q, want %q", f.Faults, c.faults)
			}
			for i := range c.faults {
				if !strings.Contains(f.Faults[i], c.faults[i]) {
					t.Errorf("fault %q, want %q", f.Faults[i], c.faults[i])
				}
			}
		})
	}
}

func TestOnlyAFilledUserWhoGoesOfflineIsADeparture(t *testing.T) {
	line := `data: {"user":"user-000012","status":"offline","observed":"offline","since":"2026-11-28T08:00:02.000Z","last_seen":"2026-11-28T08:00:01.500Z","from":"online"}`
	got, ok := parseDeparture([]byte(line))
	if !ok || got.user != 12 || !got.lastSeen.Equal(time.Date(2026, 11, 28, 8, 0, 1, 500_000_000, time.UTC)) {
		t.Errorf("got %+v, %v", got, ok)
	}
	for _, other := range []string{
		strings.Replace(line, `"status":"offline"`, `"status":"online"`, 1), strings.Replace(line, "user-000012", "alice", 1),
		strings.Replace(line, "2026-11-28T08:00:01.500Z", "", 1), strings.TrimPrefix(line, "data: "), "",
	} {
		if got, ok := parseDeparture([]byte(other)); ok {
			t.Errorf("%q is %+v", other, got)
		}
	}
}
