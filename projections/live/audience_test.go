package live

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// spout is an outlet that writes down what it is given.
type spout struct {
	offer func(n int) (int, error) // how much of n bytes is taken at once

	mu     sync.Mutex
	got    strings.Builder
	wait   string        // what the test waits for
	came   chan struct{} // closed when that has come
	gone   bool
	closed chan bool // gets whole
}

func newSpout(offer func(int) (int, error)) *spout {
	return &spout{offer: offer, came: make(chan struct{}), closed: make(chan bool, 2)}
}

func (*spout) Text(p Piece) []byte {
	var text []byte
	for _, e := range p.Entries[p.From:] {
		text = fmt.Appendf(text, "%d ", e.Place.Seq)
	}
	return text
}

func (*spout) Ping() []byte { return []byte("ping ") }

func (s *spout) take(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got.Write(b)
	if s.wait != "" && strings.HasSuffix(s.got.String(), s.wait) {
		s.wait = ""
		close(s.came)
	}
}

func (s *spout) Offer(b []byte) (int, error) {
	n, err := s.offer(len(b))
	s.take(b[:n])
	return n, err
}

func (s *spout) Send(b []byte) error {
	s.take(b)
	return nil
}

func (s *spout) Gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

func (s *spout) Close(whole bool) { s.closed <- whole }

// until blocks until what s got ends with text.
func (s *spout) until(t *testing.T, text string) string {
	t.Helper()
	s.mu.Lock()
	if !strings.HasSuffix(s.got.String(), text) {
		s.wait = text
		s.mu.Unlock()
		select {
		case <-s.came:
		case <-time.After(10 * time.Second):
			t.Fatalf("%q has not come", text)
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	return s.got.String()
}

func everything(n int) (int, error) { return n, nil }

func running(t *testing.T, h *Hub) {
	t.Helper()
	done := make(chan error, 1)
	ctx := t.Context() // ends before the clean-up
	go func() { done <- h.run(ctx) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func join(t *testing.T, h *Hub, s *spout, until time.Time) {
	t.Helper()
	h.mu.Lock()
	r := h.reader(h.next, nil)
	h.mu.Unlock()
	h.Serve(r, s, until)
}

// awaitIdle waits until no member of s has a goroutine of its own.
func awaitIdle(t *testing.T, s *share) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		s.mu.Lock()
		busy := slices.ContainsFunc(s.members, func(m *member) bool { return m.busy })
		s.mu.Unlock()
		if !busy {
			return
		}
		if time.Now().After(until) {
			t.Fatal("a reader is busy for ever")
		}
	}
}

// TestEverybodyGetsEveryChangeOnceAndInOrder, the quick, those who take a part
// of what is offered, and those who take nothing until they are waited for.
func TestEverybodyGetsEveryChangeOnceAndInOrder(t *testing.T) {
	h := quiet(1 << 16)
	running(t, h)
	var spouts []*spout
	var joining sync.WaitGroup
	for i := range 60 {
		s := newSpout([]func(int) (int, error){
			everything,
			func(n int) (int, error) { return rand.IntN(n + 1), nil },
			func(int) (int, error) { return 0, nil },
		}[i%3])
		spouts = append(spouts, s)
		joining.Go(func() { join(t, h, s, time.Time{}) })
	}
	joining.Wait()
	const last = 5000
	var want strings.Builder
	for seq := uint64(1); seq <= last; seq++ {
		tell(h, seq, told(seq, 1))
		fmt.Fprintf(&want, "%d ", seq)
	}
	for i, s := range spouts {
		if got := s.until(t, fmt.Sprintf(" %d ", last)); got != want.String() {
			t.Errorf("reader %d got something else than all changes in their order: %.200s", i, got)
		}
	}
	if n := h.Readers(); n != len(spouts) {
		t.Errorf("%d readers, want %d", n, len(spouts))
	}
	for _, s := range h.audience.shares { // who has what was to come may still be about to note it
		awaitIdle(t, s)
	}
	h.Dismiss()
	for i, s := range spouts {
		if whole := <-s.closed; !whole {
			t.Errorf("reader %d stood between two messages and was closed as if not", i)
		}
	}
	if n := h.Readers(); n != 0 {
		t.Errorf("%d readers are left", n)
	}
}

func TestWhoCannotBeSentToIsDropped(t *testing.T) {
	h := quiet(100)
	running(t, h)
	broken := newSpout(func(int) (int, error) { return 0, errors.New("broken pipe") })
	sound := newSpout(everything)
	join(t, h, broken, time.Time{})
	join(t, h, sound, time.Time{})
	tell(h, 1, told(1, 1))
	<-broken.closed
	tell(h, 2, told(2, 1))
	sound.until(t, "1 2 ")
	if n := h.Readers(); n != 1 {
		t.Errorf("%d readers, want 1", n)
	}
}

func TestAStreamEndsWhenItMust(t *testing.T) {
	h := quiet(100)
	running(t, h)
	s := newSpout(everything)
	join(t, h, s, time.Now().Add(10*time.Millisecond))
	if whole := <-s.closed; !whole {
		t.Error("it was closed as if in the middle of a message")
	}
	tell(h, 1, told(1, 1))
	other := newSpout(everything)
	join(t, h, other, time.Time{})
	tell(h, 2, told(2, 1))
	other.until(t, "2 ")
	if s.got.Len() > 0 {
		t.Errorf("got %q after its end", s.got.String())
	}
}

func TestAfterTheEndNobodyIsTaken(t *testing.T) {
	h := quiet(100)
	h.Dismiss()
	s := newSpout(everything)
	join(t, h, s, time.Time{})
	if whole := <-s.closed; !whole || h.Readers() != 0 {
		t.Errorf("whole %t, %d readers", whole, h.Readers())
	}
}

// TestASilentStreamIsPingedAndAskedAfter turns the hub's ticks by hand.
func TestASilentStreamIsPingedAndAskedAfter(t *testing.T) {
	h := quiet(100)
	s := newSpout(everything)
	join(t, h, s, time.Time{})
	for range 2*pingTicks + 1 {
		h.audience.look(1)
	}
	if got := s.got.String(); got != "ping ping " {
		t.Errorf("got %q in twice the time of a ping", got)
	}
	// What else it gets puts no ping off.
	for seq := range uint64(pingTicks) {
		tell(h, seq+1, told(seq+1, 1))
		h.wake()
		h.audience.send()
		h.audience.look(1)
	}
	if got := strings.Count(s.got.String(), "ping "); got != 3 {
		t.Errorf("%d pings in three times that time", got)
	}
	s.mu.Lock()
	s.gone = true
	s.mu.Unlock()
	for range goneTicks {
		h.audience.look(1)
	}
	select {
	case <-s.closed:
	default:
		t.Error("nobody noticed that it had gone")
	}
	if n := h.Readers() + h.audience.size() + len(h.audience.shares[0].members); n != 0 {
		t.Errorf("%d traces are left", n)
	}
}

// TestASilentStreamIsPingedThoughTheOthersTakeLong: a look that comes late counts
// for those that it is late for, and what others get is no ping.
func TestASilentStreamIsPingedThoughTheOthersTakeLong(t *testing.T) {
	h := quiet(100)
	s := newSpout(everything)
	h.mu.Lock()
	r := h.reader(h.next, []string{"somebody else"})
	h.mu.Unlock()
	h.Serve(r, filtered{s}, time.Time{})
	for seq := range uint64(5) {
		tell(h, seq+1, told(seq+1, 1))
		h.wake()
		h.audience.send()
		h.audience.look(pingTicks / 3)
	}
	if got := s.got.String(); got != "ping " {
		t.Errorf("got %q in the time of a ping and two thirds", got)
	}
}

// filtered is a spout that wants nothing of what comes.
type filtered struct{ *spout }

func (filtered) Text(Piece) []byte { return nil }

// TestComingAndGoingAtOnce has readers come, end and be dropped from all sides
// while changes flow: the race detector watches, and nobody must be left.
func TestComingAndGoingAtOnce(t *testing.T) {
	h := quiet(64)
	running(t, h)
	stop := make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for seq := uint64(1); ; seq++ {
			select {
			case <-stop:
				return
			default:
				tell(h, seq, told(seq, 1))
			}
		}
	})
	for range 300 {
		readers.Go(func() {
			s := newSpout(func(n int) (int, error) {
				if rand.IntN(20) == 0 {
					return 0, errors.New("gone")
				}
				return rand.IntN(n + 1), nil
			})
			join(t, h, s, time.Now().Add(time.Duration(rand.IntN(20))*time.Millisecond))
			<-s.closed
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
	if n := h.Readers() + h.audience.size(); n != 0 {
		t.Errorf("%d readers are left", n)
	}
}
