package current

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
)

// folded is a view without a log, to which a test tells what is in it.
type folded struct {
	*View
	t   *testing.T
	seq uint64
}

func newFolded(t *testing.T) *folded {
	t.Helper()
	v, err := Open(Config{Path: filepath.Join(t.TempDir(), "current.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return &folded{View: v, t: t}
}

func (f *folded) tell(typ events.Type, users ...string) {
	f.t.Helper()
	var batch []projections.Old
	for _, user := range users {
		f.seq++
		e := events.Event{V: events.Version, Type: typ, User: user, Session: "s", Actor: user, At: events.MillisOf(time.Now())}
		batch = append(batch, projections.Old{Record: &journal.Record{Place: events.Place{Seq: f.seq}, Time: e.At, Event: e}})
	}
	if err := f.ApplyOld(batch); err != nil {
		f.t.Fatal(err)
	}
}

func named(prefix string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s%05d", prefix, i))
	}
	return ids
}

// TestAListFindsTheFewAmongTheMany in stretches: those who are offline, in the file
// alone, between those who are not.
func TestAListFindsTheFewAmongTheMany(t *testing.T) {
	f := newFolded(t)
	f.tell(events.Login, named("u", 5*stretch)...)
	few := []string{"u00000", fmt.Sprintf("u%05d", stretch-1), fmt.Sprintf("u%05d", stretch), fmt.Sprintf("u%05d", 5*stretch-1)}
	f.tell(events.Logout, few...)
	if err := f.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 2, 3, 4, 1000} {
		var got []string
		pages := 0
		for q := (Query{Status: events.StatusOffline, Limit: limit}); ; {
			page, err := f.List(q)
			if err != nil {
				t.Fatal(err)
			}
			for i := range page.Users {
				got = append(got, page.Users[i].ID)
			}
			if page.Total != len(few) || len(page.Users) > limit {
				t.Errorf("limit %d: %d users of %d", limit, len(page.Users), page.Total)
			}
			if pages++; !page.More || pages > 10 {
				break
			}
			q.After = page.Last
		}
		if !slices.Equal(got, few) || pages != (len(few)+limit-1)/limit {
			t.Errorf("limit %d: %v in %d pages", limit, got, pages)
		}
	}
	page, err := f.List(Query{Limit: 5000})
	if err != nil || len(page.Users) != 5*stretch || page.More {
		t.Errorf("all: %d, more %t, %v", len(page.Users), page.More, err)
	}
}

// TestAListLetsOthersHaveTheLock: in each stretch it looks at so many users at most.
func TestAListLetsOthersHaveTheLock(t *testing.T) {
	f := newFolded(t)
	f.tell(events.Login, named("u", 3*stretch)...)
	f.tell(events.Logout, "u00000")
	if err := f.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	q := Query{Status: events.StatusOffline, Limit: 10}
	var page Page
	done, err := f.list(q, &page, true)
	if err != nil || done || page.Last > fmt.Sprintf("u%05d", stretch) {
		t.Errorf("it came to %s: done %t, %v", page.Last, done, err)
	}
	// Who changes between two stretches is seen once, as they are then.
	f.tell(events.Logout, fmt.Sprintf("u%05d", 2*stretch))
	for range 5 {
		if done, err = f.list(q, &page, false); done || err != nil {
			break
		}
	}
	if !done || err != nil || len(page.Users) != 2 {
		t.Errorf("%d users, done %t, %v", len(page.Users), done, err)
	}
}

// TestASnapshotIsOfOneMoment though it is taken in stretches: whoever changes
// meanwhile is in it as they are at its end, once or not at all.
func TestASnapshotIsOfOneMoment(t *testing.T) {
	f := newFolded(t)
	f.tell(events.Login, named("u", 3*stretch)...)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			typ := events.Login
			if i%2 == 0 {
				typ = events.Logout
			}
			f.tell(typ, fmt.Sprintf("u%05d", (i/2*7)%(3*stretch)), fmt.Sprintf("new-%05d", i/2%50))
		}
	}()
	for range 50 {
		err := f.Present(nil, func(present []events.User, seq uint64) {
			want := map[string]bool{}
			for id, u := range f.fold.Users { // the view rests
				if u.Status() != events.StatusOffline {
					want[id] = true
				}
			}
			for i := range present {
				u := &present[i]
				if !want[u.ID] || u.Status() != f.fold.Users[u.ID].Status() || u.Shown != f.fold.Users[u.ID].Shown {
					t.Errorf("%s is there twice, or is not so: %v", u.ID, u.Shown)
				}
				delete(want, u.ID)
			}
			if len(want) > 0 || seq != f.fold.Seq {
				t.Errorf("%d are missing", len(want))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-ended
	if len(f.taps) != 0 {
		t.Errorf("%d taps are left", len(f.taps))
	}
}
