package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/live"
)

// kept is a writer that nobody can take over, as net/http's is with HTTP/2: a
// deadline for writing that passes ends it, whether anything is written or not,
// and so does one for reading.
type kept struct {
	*httptest.ResponseRecorder
	mu          sync.Mutex
	text        strings.Builder
	write, read *time.Timer
	cut         context.CancelCauseFunc
}

func (k *kept) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(b)
}

func (k *kept) sent() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String()
}

func (k *kept) SetWriteDeadline(at time.Time) error { return k.bound(&k.write, at, "writing") }

func (k *kept) SetReadDeadline(at time.Time) error { return k.bound(&k.read, at, "reading") }

func (k *kept) bound(t **time.Timer, at time.Time, what string) error {
	if *t != nil {
		(*t).Stop()
	}
	if *t = nil; !at.IsZero() {
		*t = time.AfterFunc(time.Until(at), func() { k.cut(fmt.Errorf("the deadline for %s has passed", what)) })
	}
	return nil
}

// TestAStreamThatStaysWithTheServerIsPinged though others' changes come all the
// time, and outlives the server's deadlines.
func TestAStreamThatStaysWithTheServerIsPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, err := current.Open(current.Config{Path: filepath.Join(t.TempDir(), "current.db")})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		seq := uint64(0)
		login := func(user string) {
			t.Helper()
			seq++
			e := events.Event{V: events.Version, ID: fmt.Sprint(seq), Type: events.Login, User: user, Session: "s", Actor: user, At: events.MillisOf(time.Now())}
			if err := v.ApplyOld([]projections.Old{{Record: &journal.Record{Place: events.Place{Seq: seq}, Time: e.At, Event: e}}}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		hub := live.NewHub(v, EncodeChanges)
		ctx, cancel := context.WithCancelCause(t.Context())
		a := &API{cfg: Config{View: v, Live: hub}.withDefaults(), staying: t.Context()}
		a.share()
		k := &kept{ResponseRecorder: httptest.NewRecorder(), cut: cancel}
		_ = k.SetReadDeadline(time.Now().Add(5 * time.Second)) // as a server with a ReadTimeout does
		var parts sync.WaitGroup
		parts.Go(func() { _ = hub.Run(ctx) })
		synctest.Wait()
		parts.Go(func() {
			r := httptest.NewRequestWithContext(ctx, "GET", "/v1/stream?users=alice", nil)
			who := &auth.Principal{User: "reader", Roles: auth.RoleReader, Expires: time.Now().Add(time.Hour)}
			if status, err := a.watch(request{w: k, r: r, who: who, query: query{"users": "alice"}}); status != http.StatusOK || err != nil {
				t.Errorf("%d, %v", status, err)
			}
		})
		synctest.Wait()
		pass := func(d time.Duration) { <-time.After(d) } // on the bubble's clock: as soon as all others wait
		for i := range 13 {
			login(fmt.Sprintf("bob%d", i))
			pass(5 * time.Second)
		}
		login("alice")
		pass(time.Second)
		if err := context.Cause(ctx); err != nil {
			t.Error(err)
		}
		got := k.sent()
		if n := strings.Count(got, watchPingText); n != 4 {
			t.Errorf("%d pings in 65 s, want 4:\n%s", n, got)
		}
		if !strings.Contains(got, `"user":"alice","status":"online"`) || strings.Contains(got, "bob") {
			t.Errorf("got %s", got)
		}
		cancel(nil)
		parts.Wait()
	})
}
