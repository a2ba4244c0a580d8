package current_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

func beatOf(user, session string, idle bool) keyed {
	return keyed{Event: events.Event{Type: events.Heartbeat, User: user, Session: session, Idle: idle}}
}

// witnessOf writes down a beat of ann's.
func witnessOf(session string, by events.Place, idle bool) keyed {
	return keyed{Event: events.Event{Type: events.Online, User: "ann", Session: session, Since: began, By: by.Seq, ByNth: by.Nth, Idle: idle}}
}

// TestTheFloorIsNeverAfterWhatIsStillNeeded: the checkpoint, a live session's
// last sign of life, a beat that is not written down.
func TestTheFloorIsNeverAfterWhatIsStillNeeded(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "current.db"))
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	seq := uint64(0)
	step := func(entries ...keyed) {
		t.Helper()
		seq++
		apply(t, v, commitOf(t, seq, int(seq), entries...))
	}
	want := func(floor uint64, why string) {
		t.Helper()
		if got := v.Floor(); got != floor {
			t.Errorf("at %d the floor is %d, want %d: %s", seq, got, floor, why)
		}
	}
	written := func() {
		t.Helper()
		if err := v.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	want(1, "nothing is folded")
	step()
	step()
	want(1, "no checkpoint was written")
	written()
	want(3, "nobody is there")
	step(login("bob", 0), logout("bob", 0))
	step(login("ann", 0))
	step(beatOf("ann", "t", false))
	written()
	want(4, "ann's login")
	step(beatOf("ann", "s", false)) // 6: a refresh
	written()
	want(5, "ann's other session")
	step(beatOf("ann", "t", false)) // 7
	written()
	want(5, "what brought t to life is not written down")
	step(witnessOf("t", events.Place{Seq: 5}, false)) // 8
	written()
	want(6, "ann's last sign of life in s")
	step(beatOf("ann", "s", false)) // 9
	written()
	want(7, "in t")
	// An end that lost its race: the beat it overlooked must be written down.
	end := events.Event{Type: events.Offline, User: "ann", Session: "t", Actor: events.ServiceActor, Cause: events.CauseTimeout, LastSeen: began, Judged: 5}
	step(keyed{Event: end})         // 10
	step(beatOf("ann", "t", false)) // 11
	step(beatOf("ann", "s", false)) // 12
	written()
	want(7, "the end at 10 is void because of the beat at 7, and nothing says so")
	void := witnessOf("t", events.Place{Seq: 7}, false)
	void.Voids = 10
	step(void) // 13
	want(11, "ann's last sign of life in t")
	step(logout("ann", 0), keyed{Event: events.Event{Type: events.Logout, User: "ann", Session: "t"}}) // 14
	want(13, "the checkpoint")
	written()
	want(15, "nobody is there any more")
}

// TestTheFloorOfACrowd: those in memory are many more than are looked at at once.
func TestTheFloorOfACrowd(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "current.db"))
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	const users = 2000
	rng := rand.New(rand.NewPCG(4, 4))
	last := map[string]uint64{}
	for i := range users {
		u := fmt.Sprintf("u%05d", i)
		last[u] = uint64(i + 1)
		apply(t, v, commitOf(t, uint64(i+1), i, login(u, 0)))
	}
	for i := range users {
		u := fmt.Sprintf("u%05d", rng.IntN(users))
		seq := uint64(users + i + 1)
		e := beatOf(u, "s", false)
		switch {
		case rng.IntN(2) == 0:
			e = logout(u, 0)
			delete(last, u)
		case last[u] == 0:
			continue // would have to be written down
		default:
			last[u] = seq
		}
		apply(t, v, commitOf(t, seq, int(seq), e))
		if i%200 == 0 {
			if err := v.Checkpoint(); err != nil {
				t.Fatal(err)
			}
			want := seq + 1
			for _, s := range last {
				want = min(want, s)
			}
			if got := v.Floor(); got != want {
				t.Fatalf("at %d: %d, want %d", seq, got, want)
			}
		}
	}
}

// TestTheFloorKnowsWhoeverChangesMeanwhile: a user who goes from one status to
// another while it is looked for, with a session that says nothing.
func TestTheFloorKnowsWhoeverChangesMeanwhile(t *testing.T) {
	v := open(t, filepath.Join(t.TempDir(), "current.db"))
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	seq := uint64(0)
	step := func(entries ...keyed) {
		seq++
		apply(t, v, commitOf(t, seq, int(seq), entries...))
	}
	busy := keyed{Event: events.Event{Type: events.Override, User: "zz", Actor: "root", Change: events.OverrideSet, Status: events.StatusBusy}}
	away := busy
	away.Status = events.StatusAway
	step(login("zz", 0))
	for i := range 3000 {
		step(login(fmt.Sprintf("u%05d", i), 0), keyed{Event: events.Event{Type: events.Override, User: fmt.Sprintf("u%05d", i),
			Actor: "root", Change: events.OverrideSet, Status: events.Statuses[i%4]}})
	}
	if err := v.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	done := make(chan uint64)
	go func() {
		worst := uint64(0)
		for range 1000 {
			worst = max(worst, v.Floor())
		}
		done <- worst
	}()
	for {
		select {
		case worst := <-done:
			if worst != 1 {
				t.Errorf("the floor was %d; a session's last sign of life is at 1", worst)
			}
			return
		default:
			step(busy)
			step(away)
		}
	}
}
