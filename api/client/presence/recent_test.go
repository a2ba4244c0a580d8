package presence

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/api/client"
)

var began = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// A user is to be sent exactly when he has not been within the last while, whenever generations change.
func TestAUserIsSentOnceWithinEvery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const every = 10 * time.Second
		r := newRecent(every, 1000)
		sent := map[string]time.Time{}
		now := began
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 7000).Draw(t, "ms")) * time.Millisecond)
			user := fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "user"))
			last, seen := sent[user]
			due := !seen || now.Sub(last) >= every
			if got := r.see(user, now); (got == fresh) != due {
				t.Fatalf("at %s user %s was %d", now.Sub(began), user, got)
			}
			if due {
				sent[user] = now
				r.take()
			}
		}
	})
}

func TestMemoryIsBoundedAndRoomComesBack(t *testing.T) {
	const users = 10 * parts
	r := newRecent(time.Minute, users)
	see := func(now time.Time) (taken, dropped int) {
		for i := range 20 * users {
			if r.see(fmt.Sprint("user-", i), now) == noRoom {
				dropped++
			}
		}
		return len(r.take()), dropped
	}
	if taken, dropped := see(began); taken != users || dropped != 19*users {
		t.Errorf("took %d, dropped %d", taken, dropped)
	}
	if taken, _ := see(began.Add(30 * time.Second)); taken != 0 {
		t.Errorf("took %d more within the same while", taken)
	}
	if taken, _ := see(began.Add(time.Minute)); taken != users {
		t.Errorf("took %d in the next while", taken)
	}
	for i := range r.parts {
		if n := len(r.parts[i].young) + len(r.parts[i].older); n > 2*users/parts {
			t.Errorf("part %d knows %d users", i, n)
		}
	}
}

func TestWhatIsNoUserIsNotSent(t *testing.T) {
	r := newRecent(time.Minute, 1000)
	if got := r.see("a\nb", began); got != noUser || r.waiting() != 0 {
		t.Errorf("got %d, and %d wait", got, r.waiting())
	}
}

func TestForgottenUsersCountAgain(t *testing.T) {
	r := newRecent(time.Minute, 1000)
	r.see("alice", began)
	r.forget(r.take())
	if got := r.see("alice", began.Add(time.Second)); got != fresh {
		t.Errorf("got %d", got)
	}
}

// What Touch adds to a request.
func BenchmarkTouch(b *testing.B) {
	c, err := client.New(client.Config{Server: "http://127.0.0.1:1"})
	if err != nil {
		b.Fatal(err)
	}
	beats, err := New(c, Options{User: func(r *http.Request) string { return r.Pattern }})
	if err != nil {
		b.Fatal(err)
	}
	h := beats.Touch(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	requests := make([]*http.Request, 4096)
	for i := range requests {
		requests[i] = httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		requests[i].Pattern = fmt.Sprint("user-", i)
		h.ServeHTTP(nil, requests[i])
	}
	b.Run("a user seen before", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			h.ServeHTTP(nil, requests[n%len(requests)])
		}
	})
	b.Run("on all cores", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for n := 0; pb.Next(); n++ {
				h.ServeHTTP(nil, requests[n%len(requests)])
			}
		})
	})
	b.Run("a user to be sent", func(b *testing.B) {
		b.ReportAllocs()
		now := time.Now()
		beats.now = func() time.Time { now = now.Add(10 * time.Millisecond); return now } // every user is due again
		for n := 0; b.Loop(); n++ {
			h.ServeHTTP(nil, requests[n%len(requests)])
			if n%batch == 0 {
				beats.recent.take()
			}
		}
	})
}

func TestARequestOfAKnownUserAllocatesNothing(t *testing.T) {
	r := newRecent(time.Minute, 1000)
	r.see("alice", began)
	if n := testing.AllocsPerRun(100, func() { r.see("alice", began) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
