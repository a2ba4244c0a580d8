package loadgen

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stage is a server whose live streams say what the test wants.
type stage struct {
	mu    sync.Mutex
	lines []chan string // of each stream; closed: the stream ends
}

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer the-token" || r.URL.Path != StreamPath {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	say := make(chan string, 100)
	s.mu.Lock()
	s.lines = append(s.lines, say)
	s.mu.Unlock()
	fmt.Fprint(w, "event: snapshot\nid: 1\ndata: {}\n\n")
	for {
		_ = http.NewResponseController(w).Flush()
		select {
		case text, ok := <-say:
			if !ok {
				return
			}
			fmt.Fprint(w, text)
		case <-r.Context().Done():
			return
		}
	}
}

// received runs so many readers, says to each what tell returns for it, "" to
// end it, and returns what they got up to last.
func (s *stage) received(t *testing.T, readers int, last uint64, tell func(i int) []string) Received {
	t.Helper()
	url := serverOf(t, s)
	in, ask := io.Pipe()
	answers, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Readers{URL: url, Count: readers}.Serve(t.Context(), in, out) }()
	heard := bufio.NewReader(answers)
	fmt.Fprintln(ask, "the-token")
	if line, err := heard.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for i, say := range s.lines {
		for _, text := range tell(i) {
			if text == "" {
				close(say)
			} else {
				say <- text
			}
		}
	}
	fmt.Fprintln(ask, last)
	var got Received
	if err := json.NewDecoder(heard).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return got
}

func status(seq int) string {
	return fmt.Sprintf("event: status\nid: %d\ndata: {\"since\":%q}\n\n", seq, time.Now().UTC().Format(time.RFC3339Nano))
}

func TestReadersSayWhatTheyGot(t *testing.T) {
	s := new(stage)
	got := s.received(t, 3, 3, func(int) []string { return []string{status(2), status(3)} })
	if got.Readers != 3 || got.Cut != 0 || got.Behind != 0 || got.Fewest != 2 || got.Most != 2 || !got.Same || got.Bytes == 0 {
		t.Errorf("got %+v", got)
	}
	if got.LateMax <= 0 || got.LateMax > time.Minute {
		t.Errorf("the latest came %s late", got.LateMax)
	}
	if err := (StreamReport{Changes: 2, Received: got}).Lost(); err != nil {
		t.Error(err)
	}
	if err := (StreamReport{Changes: 3, Received: got}).Lost(); !errors.Is(err, ErrLost) {
		t.Errorf("a change that nobody got gives %v", err)
	}
}

func TestAReaderWhoMissedSomethingIsSeen(t *testing.T) {
	for name, tell := range map[string]func(i int) []string{
		"one missed": func(i int) []string { return []string{status(2), status(3), status(4)}[min(i, 1):] },
		"another":    func(i int) []string { return []string{status(2 + min(i, 1)), status(4)} },
		"cut": func(i int) []string {
			if i == 0 {
				return []string{status(2), ""}
			}
			return []string{status(2), status(4)}
		},
		"out of order": func(i int) []string {
			if i == 0 {
				return []string{status(4), status(2)}
			}
			return []string{status(2), status(4)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := new(stage).received(t, 2, 4, tell)
			if err := (StreamReport{Changes: 2, Received: got}).Lost(); !errors.Is(err, ErrLost) {
				t.Errorf("%+v gives %v, want ErrLost", got, err)
			}
		})
	}
}

func TestReadersThatAreRefusedSaySo(t *testing.T) {
	url := serverOf(t, new(stage))
	err := Readers{URL: url, Count: 2}.Serve(t.Context(), strings.NewReader("another-token\n"), io.Discard)
	if !errors.Is(err, ErrStream) || !strings.Contains(err.Error(), "403") {
		t.Errorf("got %v, want an ErrStream with the status", err)
	}
}

// TestChangesAreCountedWhenTheyAreAcknowledged, and everybody logs in before anybody logs out.
func TestChangesAreCountedWhenTheyAreAcknowledged(t *testing.T) {
	var taken atomic.Int64
	on := map[string]bool{}
	url := serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		for lines := bufio.NewScanner(r.Body); lines.Scan(); n++ {
			var e struct{ Type, User string }
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil || on[e.User] == (e.Type == "login") {
				t.Errorf("%s changes nothing: %v", lines.Text(), err)
			}
			on[e.User] = e.Type == "login"
		}
		fmt.Fprintf(w, `{"accepted":%d,"seq":%d}`, n, taken.Add(int64(n)))
	}))
	c := changer{url: url}
	for _, n := range []int{10, changeUsers, 3 * changeUsers / 2} {
		if err := c.send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	if c.done != taken.Load() || c.last != uint64(taken.Load()) {
		t.Errorf("counted %d to %d, want %d", c.done, c.last, taken.Load())
	}
	refuses := changer{url: serverOf(t, refuseEvery(1))}
	if err := refuses.send(t.Context(), 1); !errors.Is(err, ErrChange) || refuses.done != 0 {
		t.Errorf("got %v and %d changes, want ErrChange and none", err, refuses.done)
	}
}

func TestSlowerHeartbeatsAreHeldAgainstWhatIsWanted(t *testing.T) {
	r := StreamReport{Alone: Result{P50: 1000, P99: 3000}, Beside: Result{P50: 1500, P99: 9000}}
	if p50, p99 := r.Slowed(); p50 != 1.5 || p99 != 3 {
		t.Errorf("%v and %v times", p50, p99)
	}
	if err := r.Above(2.9); !errors.Is(err, ErrSlowed) {
		t.Errorf("got %v, want ErrSlowed", err)
	}
	if err := errors.Join(r.Above(3), r.Above(0)); err != nil {
		t.Error(err)
	}
}
