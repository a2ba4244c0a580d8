package crowd

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var began = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// minutes plays a crowd for a while and returns all that happened.
func minutes(users, n int, seed uint64) (c *Crowd, all []client.UserEvent) {
	now := began
	c = &Crowd{Users: users, Seed: seed, Beat: 8 * time.Second, now: func() time.Time { return now }}
	c.gather()
	for ; now.Before(began.Add(time.Duration(n) * time.Minute)); now = now.Add(step) {
		all = append(all, c.play(now)...)
	}
	return c, all
}

func TestNamesAreDifferentAndMayBeUsers(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Names(rand.New(rand.NewPCG(1, 1)), 6000) {
		if seen[name] || events.ValidID(name) != nil {
			t.Errorf("%q comes twice, or is none", name)
		}
		seen[name] = true
	}
}

func TestTheSameSeedPlaysTheSame(t *testing.T) {
	_, one := minutes(50, 3, 7)
	_, two := minutes(50, 3, 7)
	if diff := cmp.Diff(one, two); diff != "" {
		t.Error(diff)
	}
	if _, other := minutes(50, 3, 8); cmp.Equal(one, other) {
		t.Error("another seed plays the same")
	}
}

func TestFiveMinutesHaveSomethingOfEverything(t *testing.T) {
	c, all := minutes(500, 5, 1)
	count := map[string]int{}
	for _, e := range all {
		count[e.Type]++
		if e.Idle {
			count["idle"]++
		}
		if e.Leaving {
			count["leaving"]++
		}
	}
	for _, what := range []string{"login", "heartbeat", "logout", "idle", "leaving"} {
		if count[what] < 50 {
			t.Errorf("%s came %d times", what, count[what])
		}
	}
	there := 0
	for _, s := range c.all {
		if s.mood != gone {
			there++
		}
	}
	if share := float64(there) / float64(len(c.all)); share < 0.3 || share > 0.9 {
		t.Errorf("%.0f %% are there after five minutes", 100*share)
	}
}
