package history_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
)

// turbulent is a log of commits, each with several changes and now and then an
// erasure in the middle of them.
func turbulent(t testing.TB, rng *rand.Rand, commits int) (log []journal.Message) {
	t.Helper()
	const salt = "00112233445566778899aabbccddeeff"
	for seq := uint64(1); seq <= uint64(commits); seq++ {
		m := journal.Message{Seq: seq, Time: past + events.Millis(seq)*100}
		m.Data = events.AppendCommit(nil, m.Time, "", 0)
		for range 1 + rng.IntN(8) {
			user := string(rune('a' + rng.IntN(5)))
			e := events.Event{V: events.Version, Type: events.Login, User: user, Session: "s", Actor: user, At: m.Time}
			switch rng.IntN(6) {
			case 0, 1:
				e.Type = events.Logout
			case 2:
				e = events.Event{V: events.Version, Type: events.Erased, Actor: "root", At: m.Time, Salt: salt, Hash: events.HashID(salt, user)}
			}
			var err error
			if m.Data, err = events.AppendEvent(m.Data, &e, &events.Key{}, m.Time); err != nil {
				t.Fatal(err)
			}
		}
		log = append(log, m)
	}
	return log
}

// views opens both in dir.
func views(t testing.TB, dir string) (*current.View, *history.View) {
	t.Helper()
	v, err := current.Open(current.Config{Path: filepath.Join(dir, "current.db"), Checkpoint: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	h, err := history.Open(history.Config{Path: filepath.Join(dir, "history.db")})
	if err != nil {
		t.Fatal(err)
	}
	if h.Behind(v) {
		t.Fatalf("the history is at %d, and the current view at %d will not tell again", h.Seq(), v.Seq())
	}
	h.Attach(v)
	return v, h
}

// TestAHistoryIsExactWhereverItCrashes: with commits that erase users between two
// of their changes, and crashes after either file was written, or neither.
func TestAHistoryIsExactWhereverItCrashes(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	log := turbulent(t, rng, 400)
	dir := t.TempDir()
	v, h := views(t, dir)
	for {
		from := v.Seq()
		to := min(from+1+rng.Uint64N(12), uint64(len(log)))
		if err := v.Apply(log[from:to]); err != nil {
			t.Fatal(err)
		}
		if to == uint64(len(log)) {
			break
		}
		if rng.IntN(3) > 0 {
			continue
		}
		var err error
		switch rng.IntN(3) {
		case 0: // both are written
			err = v.Checkpoint()
		case 1: // the history only
			err = h.Flush()
		case 2: // neither: what was told is lost
			h.Detach(v)
			h, err = crashed(h, dir)
		}
		if err == nil {
			err = errors.Join(h.Close(), v.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		v, h = views(t, dir)
	}
	fresh, whole := views(t, t.TempDir())
	if err := fresh.Apply(log); err != nil {
		t.Fatal(err)
	}
	a, one, err := h.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if b, two, err := whole.Digest(); err != nil || a != b || one != two {
		t.Errorf("crashed now and then: %s at %d; at once: %s at %d; %v", one, a, two, b, err)
	}
	_, one, err = v.Digest(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, two, err := fresh.Digest(1); err != nil || one != two {
		t.Errorf("the current view: %s, at once %s; %v", one, two, err)
	}
	if err := errors.Join(h.Close(), v.Close(), whole.Close(), fresh.Close()); err != nil {
		t.Error(err)
	}
}

// crashed is h's file as it is now, without what waits to be written to it.
func crashed(h *history.View, dir string) (*history.View, error) {
	path := filepath.Join(dir, "history.db")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := h.Close(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, err
	}
	return history.Open(history.Config{Path: path})
}
