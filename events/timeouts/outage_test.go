package timeouts

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// world is a log, its broker's clock and ours, without either.
type world struct {
	t     *testing.T
	wheel *Deadlines
	ears  hearing
	clock events.Clock
	heard int64         // our monotonic clock at the last message
	mono  time.Duration // ours
	wall  time.Duration // the broker's
	seq   uint64
	gone  []string
}

func newWorld(t *testing.T) *world {
	return &world{t: t, wheel: NewDeadlines(usual, 0), mono: time.Second, wall: 1000 * time.Hour}
}

// second lets a second pass, after which those who are named beat.
func (w *world) second(beats ...*events.User) {
	w.mono += time.Second
	w.wall += time.Second
	for _, u := range beats {
		w.message()
		b := events.RawBeat{User: []byte(u.ID), At: events.Millis(w.wall.Milliseconds())}
		m := events.Moment{Seq: w.seq, Time: w.clock.Last, Covered: w.clock.Covered, Mono: int64(w.mono)}
		events.ApplyBeat(u, m, &b)
		w.wheel.Touch(u)
	}
	w.look()
}

func (w *world) message() {
	w.seq++
	w.clock.Advance(events.Millis(w.wall.Milliseconds()))
	w.heard = int64(w.mono)
}

func (w *world) look() {
	resumed := w.ears.listen(w.clock)
	now := Instant{Covered: coveredAt(w.clock, w.heard, int64(w.mono)), Resumed: resumed, Mono: int64(w.mono)}
	for _, d := range takeAll(w.wheel, now) {
		w.gone = append(w.gone, d.User)
	}
}

// life lets seconds pass in which the log is heard: with a mark every five of
// them, and a beat of each user every thirty.
func (w *world) life(seconds int, users ...*events.User) {
	for i := range seconds {
		if i%5 == 0 {
			w.message()
		}
		if i%30 == 0 {
			w.second(users...)
		} else {
			w.second()
		}
	}
}

func TestNoOutageOrStepOfAClockIsAnybodysSilence(t *testing.T) {
	for _, tt := range []struct {
		name  string
		event func(w *world)
	}{
		{"the log is silent for ten minutes", func(w *world) {
			for range 600 {
				w.second()
			}
		}},
		{"the machine is suspended for an hour", func(w *world) { w.wall += time.Hour }},
		{"the broker's clock is set forward by a day", func(w *world) { w.wall += 24 * time.Hour }},
		{"the broker's clock is set back by a day", func(w *world) { w.wall -= 24 * time.Hour }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			stays, leaves := &events.User{ID: "stays"}, &events.User{ID: "leaves"}
			w.life(300, stays, leaves)
			w.life(29)
			tt.event(w)
			w.message() // the first mark afterwards
			w.life(90)  // in which the client tries again, at the end of its backoff
			if len(w.gone) > 0 {
				t.Fatalf("declared offline: %v", w.gone)
			}
			w.life(29, stays)
			if len(w.gone) > 0 {
				t.Fatalf("declared offline: %v", w.gone)
			}
			w.life(10, stays)
			if len(w.gone) == 0 || w.gone[0] != "leaves" {
				t.Errorf("gone: %v; want whoever did not come back", w.gone)
			}
			for _, id := range w.gone {
				if id == "stays" {
					t.Error("declared offline although he came back in time")
				}
			}
		})
	}
}

func TestTimeInWhichTheNodeWasDownIsNobodysSilence(t *testing.T) {
	for down, want := range map[time.Duration]int64{9 * time.Second: 0, 10 * time.Minute: 65_000} {
		f := &still{clock: events.Clock{Covered: 60_000, Last: 1_000_000}} // its checkpoint
		c := New(Config{Fold: f, Unleased: true})
		f.clock.Advance(1_005_000)                                      // what came before the end
		f.clock.Advance(1_005_000 + events.Millis(down.Milliseconds())) // the first mark after the start
		if got := c.instant(f.clock, 0).Resumed; got != want {
			t.Errorf("down for %v: resumed at %d, want %d", down, got, want)
		}
	}
}

func TestManySmallStepsOfTheBrokersClockFireNothingEarly(t *testing.T) {
	w := newWorld(t)
	u := &events.User{ID: "stays"}
	w.life(300, u)
	for range 60 { // each small enough to count
		w.wall += 4 * time.Second
		w.message()
		w.look()
	}
	w.life(20)
	w.life(300, u)
	if len(w.gone) > 0 {
		t.Errorf("declared offline: %v", w.gone)
	}
}

func TestASilentLogCoversSixSeconds(t *testing.T) {
	clock := events.Clock{Covered: 1000}
	at := func(after time.Duration) int64 { return coveredAt(clock, 1, 1+int64(after)) }
	same(t, "covered", []int64{at(-time.Second), at(0), at(5 * time.Second), at(time.Minute), coveredAt(clock, 0, int64(time.Hour))},
		1000, 1000, 6000, 7000, 1000)
}
