package past

import (
	"encoding/csv"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

const week = "testdata/irc-raku-2021-01-week1.csv"

// weekDeeds reads the week without this package.
func weekDeeds(t *testing.T) []deed {
	t.Helper()
	file, err := os.Open(week)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{"join": "login", "leave": "logout", "say": "heartbeat"}
	var deeds []deed
	for _, row := range rows[1:] {
		deeds = append(deeds, deed{at: at(t, row[0]), user: row[1], session: "default", kind: kinds[row[2]]})
	}
	return deeds
}

func TestAWeekOfARealChannelComesToWhatTheOracleSays(t *testing.T) {
	deeds := weekDeeds(t)
	for _, timeout := range []time.Duration{0, 2 * time.Minute, time.Hour} {
		t.Run(fmt.Sprint(timeout), func(t *testing.T) {
			j := journaltest.Open(t, journal.Config{})
			file, err := os.Open(week)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			f, err := Read(file, week, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			now := events.MillisOf(time.Now())
			if _, err := Append(t.Context(), Config{Log: j, Timeout: timeout}, f); err != nil {
				t.Fatal(err)
			}
			got := fold(t, j, 1)
			got.ordered(t)
			want := oracle(deeds, events.Millis(timeout.Milliseconds()), now)
			if diff := cmp.Diff(want, got.outcome()); diff != "" {
				t.Fatalf("the oracle (-) and the log (+) differ:\n%s", diff)
			}
			hourly(t, want, got.outcome(), deeds[0].at, deeds[len(deeds)-1].at)
		})
	}
}

// hourly compares who was online at every hour.
func hourly(t *testing.T, want, got outcome, from, to events.Millis) {
	t.Helper()
	for at := from; at <= to+3_600_000; at += 3_600_000 {
		if diff := cmp.Diff(want.onlineAt(at), got.onlineAt(at)); diff != "" {
			t.Fatalf("at %v: %s", at, diff)
		}
	}
}

func (o outcome) onlineAt(t events.Millis) map[string]bool {
	online := map[string]bool{}
	for user, steps := range o.Steps {
		for _, s := range steps {
			if s.At <= t {
				online[user] = s.Online
			}
		}
	}
	for user, is := range online {
		if !is {
			delete(online, user)
		}
	}
	return online
}
