package current_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/current"
)

// began is when the logs of these tests begin.
const began = events.Millis(1_700_000_000_000)

// keyed is an entry of a commit of these tests.
type keyed struct {
	events.Event
	key byte // 0: none
}

func keyOf(n byte) events.Key { return events.Key{ID: [16]byte{n}, Request: [16]byte{n, n}} }

// commitOf is a commit at seq, after that many seconds of a log.
func commitOf(t testing.TB, seq uint64, second int, entries ...keyed) journal.Message {
	t.Helper()
	m := journal.Message{Seq: seq, Time: began + events.Millis(second)*1000}
	m.Data = events.AppendCommit(nil, m.Time, "", 0)
	for i := range entries {
		e := entries[i].Event
		e.V, e.At = events.Version, m.Time
		if e.Actor == "" {
			e.Actor = e.User
		}
		var key events.Key
		if entries[i].key != 0 {
			key = keyOf(entries[i].key)
		}
		var err error
		if m.Data, err = events.AppendEvent(m.Data, &e, &key, m.Time); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func apply(t testing.TB, v *current.View, batch ...journal.Message) {
	t.Helper()
	if err := v.Apply(batch); err != nil {
		t.Fatal(err)
	}
}

// silence is marks, each five seconds after the one before, in (from, to].
func silence(t testing.TB, seq uint64, from, to int) (batch []journal.Message) {
	for second := from + 5; second <= to; second += 5 {
		seq++
		batch = append(batch, commitOf(t, seq, second))
	}
	return batch
}

func login(user string, key byte) keyed {
	return keyed{events.Event{Type: events.Login, User: user, Session: "s"}, key}
}

func logout(user string, key byte) keyed {
	return keyed{events.Event{Type: events.Logout, User: user, Session: "s"}, key}
}

func reopen(t testing.TB, v *current.View, path string, checkpoint bool) *current.View {
	t.Helper()
	if checkpoint {
		if err := v.Checkpoint(); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func online(t testing.TB, v *current.View, user string) bool {
	t.Helper()
	u, _, err := v.User(user)
	if err != nil {
		t.Fatal(err)
	}
	return u.Live()
}

// TestAViewsKeysSurviveARestart: after it, whatever the checkpoint had of them,
// the same entries are void, and keys are free again when two minutes have
// passed.
func TestAViewsKeysSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "current.db")
	v := open(t, path)
	apply(t, v, commitOf(t, 1, 0, login("ann", 1), login("bob", 2)))
	v = reopen(t, v, path, true) // in one checkpoint
	apply(t, v, commitOf(t, 2, 5, logout("ann", 3)))
	v = reopen(t, v, path, true) // in the next one, beside those
	unwritten := commitOf(t, 3, 10, login("eve", 4))
	apply(t, v, unwritten)
	v = reopen(t, v, path, false) // lost, and folded again
	apply(t, v, unwritten)
	for key, want := range map[byte]events.Place{1: {Seq: 1}, 2: {Seq: 1, Nth: 1}, 3: {Seq: 2}, 4: {Seq: 3}} {
		claim, known := v.Claimed(keyOf(key).ID)
		if !known || claim.Place != want || claim.Request != keyOf(key).Request {
			t.Errorf("key %d: %+v, %v; want claimed at %s", key, claim, known, want)
		}
	}
	// Ann's login again is void; her logout under a new key is not.
	apply(t, v, commitOf(t, 4, 15, login("ann", 1), logout("bob", 5)))
	if online(t, v, "ann") || online(t, v, "bob") {
		t.Error("a repeat was folded, or what was none was not")
	}
	batch := silence(t, 4, 15, 115)
	apply(t, v, batch...)
	seq := batch[len(batch)-1].Seq
	v = reopen(t, v, path, true)
	apply(t, v, commitOf(t, seq+1, 119, login("ann", 1)))
	if online(t, v, "ann") {
		t.Error("a repeat after 119 seconds was folded")
	}
	v = reopen(t, v, path, true)
	if _, known := v.Claimed(keyOf(1).ID); !known {
		t.Error("the first key is forgotten after 119 seconds")
	}
	apply(t, v, commitOf(t, seq+2, 120, login("ann", 1)))
	if !online(t, v, "ann") {
		t.Error("the key is still taken after two minutes")
	}
	if claim, _ := v.Claimed(keyOf(1).ID); claim.Place.Seq != seq+2 {
		t.Errorf("it is claimed by %s, want by %d", claim.Place, seq+2)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAViewThatBeganAtTheHorizonJudgesAlike: it has noted the keys of the two
// minutes before it, and forgotten those that it knew long before.
func TestAViewThatBeganAtTheHorizonJudgesAlike(t *testing.T) {
	dir := t.TempDir()
	old := []journal.Message{commitOf(t, 1, 0, login("bob", 1), login("dan", 9))}
	gap := 1000 // seconds, of which the replaying view hears nothing
	whole := append(slices.Clone(old), silence(t, 1, 0, gap)...)
	seq := whole[len(whole)-1].Seq
	lead := []journal.Message{
		commitOf(t, seq+1, gap+5, login("ann", 2)),
		commitOf(t, seq+2, gap+10, logout("ann", 3), login("eve", 4)),
		commitOf(t, seq+3, gap+15, login("ann", 2)), // void
	}
	horizon := seq + 4
	live, late := open(t, filepath.Join(dir, "live.db")), open(t, filepath.Join(dir, "late.db"))
	apply(t, live, append(whole, lead...)...)
	apply(t, late, old...)
	if err := late.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	late.Replay()
	record := func(p events.Place, m journal.Message, e keyed) projections.Old {
		e.V, e.At, e.Actor = events.Version, m.Time, e.User
		return projections.Old{Record: &journal.Record{Place: p, Time: m.Time, Event: e.Event}}
	}
	if err := late.ApplyOld([]projections.Old{
		record(events.Place{Seq: seq + 1}, lead[0], login("ann", 0)),
		record(events.Place{Seq: seq + 2}, lead[1], logout("ann", 0)),
		record(events.Place{Seq: seq + 2, Nth: 1}, lead[1], login("eve", 0)),
	}); err != nil {
		t.Fatal(err)
	}
	if err := late.Note(lead); err != nil {
		t.Fatal(err)
	}
	late.Skip(horizon)
	views := map[string]**current.View{"live": &live, "late": &late}
	same := func(when string) {
		t.Helper()
		for key := byte(1); key <= 9; key++ {
			a, known := live.Claimed(keyOf(key).ID)
			b, also := late.Claimed(keyOf(key).ID)
			if known != also || a.Place != b.Place || a.Request != b.Request {
				t.Errorf("%s: key %d is claimed by %v, %v, and to the late view by %v, %v", when, key, a.Place, known, b.Place, also)
			}
		}
		_, a, err := live.Digest(horizon)
		if err != nil {
			t.Fatal(err)
		}
		if _, b, err := late.Digest(horizon); err != nil || a != b {
			t.Errorf("%s: the digests differ, %v", when, err)
		}
	}
	same("at the horizon")
	next := []journal.Message{
		commitOf(t, horizon, gap+20, login("ann", 2), logout("eve", 4), logout("bob", 1)), // void, void, and free again
		commitOf(t, horizon+1, gap+25, logout("dan", 9)),                                  // free again
	}
	for _, v := range views {
		apply(t, *v, next[0])
	}
	same("after it")
	for name, v := range views { // what is in the file of keys that were forgotten is gone
		*v = reopen(t, *v, filepath.Join(dir, name+".db"), true)
		apply(t, *v, next[1])
	}
	same("after a restart")
	for name, v := range views {
		if online(t, *v, "ann") || !online(t, *v, "eve") || online(t, *v, "bob") || online(t, *v, "dan") {
			t.Errorf("%s: a repeat was folded, or what was none was not", name)
		}
		if err := (*v).Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKeysSurviveThatAnotherViewTakesThePlace, one whose clock began elsewhere.
func TestKeysSurviveThatAnotherViewTakesThePlace(t *testing.T) {
	for name, from := range map[string]int{"a clock that began later": 900, "the same clock": 0} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			v, w := open(t, filepath.Join(dir, "v.db")), open(t, filepath.Join(dir, "w.db"))
			log := append([]journal.Message{commitOf(t, 1, 0)}, silence(t, 1, 0, 1000)...)
			seq := log[len(log)-1].Seq
			log = append(log, commitOf(t, seq+1, 1005, login("ann", 1)), commitOf(t, seq+2, 1010, logout("ann", 2)))
			apply(t, v, log...)
			if from > 0 {
				w.Replay()
				for i := range log {
					if int(log[i].Time-began)/1000 > from {
						w.Skip(log[i].Seq)
						apply(t, w, log[i:]...)
						break
					}
				}
			} else {
				apply(t, w, log...)
			}
			horizon := w.Horizon()
			if err := v.Adopt(t.Context(), w, func(context.Context, uint64) error { return nil }); err != nil {
				t.Fatal(err)
			}
			if v.Horizon() != horizon || v.Replaying() {
				t.Errorf("the horizon is %d, replaying %t; want %d", v.Horizon(), v.Replaying(), horizon)
			}
			check := func(when string) {
				t.Helper()
				for key, want := range map[byte]uint64{1: seq + 1, 2: seq + 2} {
					if claim, known := v.Claimed(keyOf(key).ID); !known || claim.Place.Seq != want {
						t.Errorf("%s: key %d is claimed by %s, %v; want by %d", when, key, claim.Place, known, want)
					}
				}
			}
			check("after the swap")
			apply(t, v, commitOf(t, seq+3, 1015, login("ann", 1)))
			if online(t, v, "ann") {
				t.Error("a repeat was folded")
			}
			v = reopen(t, v, filepath.Join(dir, "v.db"), true)
			check("after a restart")
			apply(t, v, commitOf(t, seq+4, 1020, login("ann", 1)))
			if online(t, v, "ann") {
				t.Error("a repeat was folded after a restart")
			}
			// And free when their time is over.
			batch := silence(t, seq+4, 1020, 1125)
			apply(t, v, batch...)
			apply(t, v, commitOf(t, batch[len(batch)-1].Seq+1, 1126, login("ann", 1)))
			if !online(t, v, "ann") {
				t.Error("the key is still taken after two minutes")
			}
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestTheKeysOfAFailedCheckpointAreInTheNext.
func TestTheKeysOfAFailedCheckpointAreInTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "current.db")
	fails := true
	v, err := current.Open(current.Config{Path: path, Checkpoint: time.Hour, Durable: func() error {
		if fails {
			return context.DeadlineExceeded
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, v, commitOf(t, 1, 0, login("ann", 1)))
	if err := v.Checkpoint(); err == nil {
		t.Fatal("it was written")
	}
	apply(t, v, commitOf(t, 2, 5, logout("ann", 2)))
	fails = false
	v = reopen(t, v, path, true)
	apply(t, v, commitOf(t, 3, 10, login("ann", 1)))
	if online(t, v, "ann") {
		t.Error("a repeat was folded")
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}
