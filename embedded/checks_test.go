package embedded

import (
	"testing"
	"time"
)

func TestAViewThatStandsStillIsSeen(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	var p pursuit
	for _, look := range []struct {
		after     time.Duration
		seq, last uint64
		want      bool
	}{
		{0, 5, 9, false},
		{5 * time.Second, 8, 100, false},
		{9 * time.Second, 9, 200, false},    // on its way: the next goal is 200
		{18 * time.Second, 150, 300, false}, // for nine seconds
		{20 * time.Second, 199, 400, true},
		{21 * time.Second, 200, 400, false},
		{25 * time.Second, 400, 400, false},
		{60 * time.Second, 400, 401, false}, // nobody had looked
		{69 * time.Second, 400, 401, false},
		{71 * time.Second, 400, 401, true},
	} {
		if got := p.behind(look.seq, look.last, start.Add(look.after)); got != look.want {
			t.Errorf("after %s at %d of %d: %t", look.after, look.seq, look.last, got)
		}
	}
}
