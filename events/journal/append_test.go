package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// put appends e.
func put(t testing.TB, j *journal.Journal, e events.Event) events.Place {
	t.Helper()
	p, err := j.Append(t.Context(), e, noKey)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryCallerGetsTheirOwnPlaceInTheLog(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	const callers, each = 64, 20
	var (
		mu     sync.Mutex
		places = map[string]events.Place{} // user → acknowledged place; of a beat only the sequence is told
		wg     sync.WaitGroup
	)
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				user := fmt.Sprintf("u%d-%d", c, i)
				var p events.Place
				var err error
				if i%2 == 0 {
					p, err = j.Append(t.Context(), login(user), noKey)
				} else {
					p.Seq, err = j.Beat(t.Context(), beat(user))
				}
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				places[user] = p
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	logged := map[string]events.Place{}
	for _, f := range all(t, j) {
		if f.Event.Type == events.Heartbeat {
			f.Place.Nth = 0
		}
		logged[f.Event.User] = f.Place
	}
	if diff := cmp.Diff(places, logged); diff != "" {
		t.Errorf("acknowledged (-) and logged (+) differ:\n%s", diff)
	}
}

// TestAUsersEventsKeepTheirOrder over all types, alone and several at once.
func TestAUsersEventsKeepTheirOrder(t *testing.T) {
	j := journaltest.Open(t, journal.Config{MaxCommit: 4 << 10})
	const users, each = 8, 600
	want := make([][]string, users)
	var wg sync.WaitGroup
	for u := range users {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(u)))
			var receipts []*journal.Receipt
			submit := func(r *journal.Receipt, err error) {
				if err != nil {
					t.Error(err)
					return
				}
				receipts = append(receipts, r)
			}
			for i := 0; i < each; {
				switch rng.IntN(3) {
				case 0:
					e := nthEvent(u, i)
					want[u] = append(want[u], tell(&e))
					submit(j.Submit(e, noKey))
					i++
				case 1:
					var items []journal.Item
					for range 1 + rng.IntN(30) {
						e := nthEvent(u, i)
						want[u], items = append(want[u], tell(&e)), append(items, journal.Item{Event: e})
						i++
					}
					submit(j.SubmitAll(items))
				default:
					var beats []events.Beat
					for range 1 + rng.IntN(30) {
						b := beat(fmt.Sprint("user-", u))
						b.At += events.Millis(i)
						e := b.Event()
						want[u], beats = append(want[u], tell(&e)), append(beats, b)
						i++
					}
					submit(j.SubmitBeats(beats))
				}
			}
			var last events.Place
			for _, r := range receipts {
				n, err := r.Wait(t.Context())
				if err != nil {
					t.Error(err)
				}
				for i := range n {
					if p := r.Place(i); p.Seq == 0 || last != (events.Place{}) && !last.Before(p) {
						t.Errorf("%s comes after %s", p, last)
					} else {
						last = p
					}
				}
			}
		})
	}
	wg.Wait()
	got := make([][]string, users)
	for _, f := range all(t, j) {
		var u int
		if _, err := fmt.Sscanf(f.Event.User, "user-%d", &u); err != nil {
			t.Fatal(err)
		}
		got[u] = append(got[u], tell(&f.Event))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// nthEvent is the event i of a user, of the types in turn.
func nthEvent(user, i int) events.Event {
	e := login(fmt.Sprint("user-", user))
	e.At += events.Millis(i)
	switch i % 6 {
	case 0:
		e.Type = events.Heartbeat
	case 1:
		e.Type = events.Logout
	case 2:
		e.Type, e.Change, e.Status, e.Session = events.Override, events.OverrideSet, events.StatusBusy, ""
	case 3:
		e.Type, e.Cause, e.LastSeen, e.Judged = events.Offline, events.CauseTimeout, e.At, uint64(i)
	case 4:
		e.Type, e.By, e.Since = events.Online, uint64(i), e.At
	}
	return e
}

func tell(e *events.Event) string { return fmt.Sprintf("%s %d", e.Type, e.At) }

// TestWhatWaitsGoesInOneCommit, of every type.
func TestWhatWaitsGoesInOneCommit(t *testing.T) {
	j, err := journal.Open(t.Context(), journaltest.Connect(t, journaltest.Server(t, t.TempDir())), journal.Config{Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	var receipts []*journal.Receipt
	for i := range 300 { // Run does not yet
		r, err := j.Submit(nthEvent(i%7, i), noKey)
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	beats, err := j.SubmitBeats([]events.Beat{beat("a"), beat("b")})
	if err != nil {
		t.Fatal(err)
	}
	journaltest.Run(t, "the log", j.Run)
	for i, r := range append(receipts, beats) {
		if _, err := r.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p := r.Place(0); p != (events.Place{Seq: 1, Nth: uint32(i)}) {
			t.Errorf("the entry %d is at %s", i, p)
		}
	}
	if p := beats.Place(1); p != (events.Place{Seq: 1, Nth: 301}) {
		t.Errorf("the last beat is at %s", p)
	}
	if n := end(t, j); n != 1 {
		t.Errorf("%d commits", n)
	}
}

// TestSeveralCommitsGiveEveryItemItsPlace: what is too much for one commit.
func TestSeveralCommitsGiveEveryItemItsPlace(t *testing.T) {
	j := journaltest.Open(t, journal.Config{MaxCommit: 4 << 10, Quiet: true})
	var items []journal.Item
	for i := range 500 {
		e := nthEvent(i%10, i)
		if i%50 == 5 {
			e.Device = strings.Repeat("wide ", 1000) // by itself more than a commit should have
		}
		items = append(items, journal.Item{Event: e})
	}
	r, err := j.SubmitAll(items)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Wait(t.Context()); n != len(items) || err != nil {
		t.Fatalf("%d stored, %v", n, err)
	}
	logged := all(t, j)
	if len(logged) != len(items) || end(t, j) < 10 {
		t.Fatalf("%d entries in %d commits", len(logged), end(t, j))
	}
	for i, f := range logged {
		if f.Place != r.Place(i) || tell(&f.Event) != tell(&items[i].Event) {
			t.Errorf("item %d is told to be at %s; at %s there is %s", i, r.Place(i), f.Place, tell(&f.Event))
		}
	}
}

// full lets s take n messages more.
func full(t testing.TB, s jetstream.Stream, js jetstream.JetStream, n int64) {
	t.Helper()
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg := info.Config
	if cfg.MaxMsgs = -1; n >= 0 {
		cfg.MaxMsgs = int64(info.State.Msgs) + n
	}
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

func TestAFullLogSaysSo(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{})
	js, hot := streams(t, nc), stream(t, nc, events.StreamHot)
	full(t, hot, js, 5)
	var err error
	for range 100 {
		if _, err = j.Beat(t.Context(), beat("alice")); err != nil {
			break
		}
	}
	if !isErr(err, journal.ErrFull) || !journal.IsUnstored(err) {
		t.Fatalf("got %v", err)
	}
	if !isErr(j.Trouble(), journal.ErrFull) {
		t.Errorf("trouble is %v", j.Trouble())
	}
	full(t, hot, js, -1)
	if _, err := j.Beat(t.Context(), beat("alice")); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := j.Trouble(); err != nil {
		t.Errorf("trouble with room again: %v", err)
	}
}

// TestAStreamThatGetsFullInTheMiddleLeavesNoHole: some of what is given at once
// is in the log, from the first on, and everybody is told what is true.
func TestAStreamThatGetsFullInTheMiddleLeavesNoHole(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j, err := journal.Open(t.Context(), nc, journal.Config{MaxCommit: 4 << 10, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	js, hot := streams(t, nc), stream(t, nc, events.StreamHot)
	full(t, hot, js, 3)
	var items []journal.Item
	for i := range 1000 {
		items = append(items, journal.Item{Event: nthEvent(0, i)})
	}
	first, err := j.Submit(login("first"), noKey)
	if err != nil {
		t.Fatal(err)
	}
	bulk, err := j.SubmitAll(items)
	if err != nil {
		t.Fatal(err)
	}
	after, err := j.Submit(login("after"), noKey)
	if err != nil {
		t.Fatal(err)
	}
	journaltest.Run(t, "the log", j.Run)
	if n, err := first.Wait(t.Context()); n != 1 || err != nil {
		t.Errorf("the first: %d, %v", n, err)
	}
	stored, err := bulk.Wait(t.Context())
	if !isErr(err, journal.ErrFull) || stored == 0 || stored == len(items) {
		t.Errorf("the bulk: %d, %v", stored, err)
	}
	if n, err := after.Wait(t.Context()); n != 0 || !isErr(err, journal.ErrFull) {
		t.Errorf("after it: %d, %v", n, err)
	}
	logged := all(t, j)
	if len(logged) != 1+stored {
		t.Fatalf("%d in the log, and %d were told to be", len(logged), 1+stored)
	}
	for i, f := range logged[1:] {
		if f.Place != bulk.Place(i) || tell(&f.Event) != tell(&items[i].Event) {
			t.Fatalf("item %d at %s; at %s there is %s", i, bulk.Place(i), f.Place, tell(&f.Event))
		}
	}
	full(t, hot, js, -1)
	// Whoever goes on after what is surely stored has all of it, once.
	if n, err := j.AppendAll(t.Context(), items[stored:]); n != len(items)-stored || err != nil {
		t.Fatalf("the rest: %d, %v", n, err)
	}
	for i, f := range all(t, j)[1:] {
		if tell(&f.Event) != tell(&items[i].Event) {
			t.Fatalf("item %d is %s", i, tell(&f.Event))
		}
	}
}

// TestAServerThatStopsInTheMiddleLeavesNoHole: what was told to be stored is in
// the log, in order and without a hole, and what was told to be not is not. What
// was on its way may be either.
func TestAServerThatStopsInTheMiddleLeavesNoHole(t *testing.T) {
	dir := t.TempDir()
	s := journaltest.Server(t, dir)
	j := journaltest.On(t, journaltest.Connect(t, s), journal.Config{MaxCommit: 4 << 10, Quiet: true})
	const callers, each = 6, 4000
	stored, errs := make([]int, callers), make([]error, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			var items []journal.Item
			for i := range each {
				items = append(items, journal.Item{Event: nthEvent(c, i)})
			}
			stored[c], errs[c] = j.AppendAll(context.Background(), items)
		})
	}
	journaltest.Until(t, "some commits", func() bool { _, last, err := j.Bounds(t.Context()); return err != nil || last > 20 })
	s.Shutdown()
	s.WaitForShutdown()
	wg.Wait()
	again := journaltest.On(t, journaltest.Connect(t, journaltest.Server(t, dir)), journal.Config{Quiet: true})
	got := map[string]int{} // user → how many
	for _, f := range all(t, again) {
		var u int
		if _, err := fmt.Sscanf(f.Event.User, "user-%d", &u); err != nil {
			t.Fatal(err)
		}
		if e := nthEvent(u, got[f.Event.User]); tell(&e) != tell(&f.Event) {
			t.Fatalf("%s is followed by %s at %s", tell(&e), tell(&f.Event), f.Place)
		}
		got[f.Event.User]++
	}
	failed := 0
	for c := range callers {
		n := got[fmt.Sprint("user-", c)]
		if errs[c] != nil {
			failed++
		}
		switch {
		case n < stored[c]:
			t.Errorf("of caller %d %d are in the log, and %d were told to be", c, n, stored[c])
		case errs[c] == nil && stored[c] != each, errs[c] != nil && journal.IsUnstored(errs[c]) && n != stored[c]:
			t.Errorf("caller %d: %d stored, %d in the log, %v", c, stored[c], n, errs[c])
		}
	}
	if failed == 0 {
		t.Error("the server stopped too late to see anything")
	}
}

// TestAServerOfSmallMessagesGetsSmallerCommits: thousands of heartbeats at once
// are no reason to fail.
func TestAServerOfSmallMessagesGetsSmallerCommits(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir(), journaltest.MaxPayload(64<<10)))
	j := journaltest.On(t, nc, journal.Config{Quiet: true})
	var beats []events.Beat
	for i := range 8000 {
		beats = append(beats, beat(fmt.Sprintf("somebody-with-a-long-name-%d", i)))
	}
	r, err := j.SubmitBeats(beats)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Wait(t.Context()); n != len(beats) || err != nil {
		t.Fatalf("%d stored, %v", n, err)
	}
	checkBeats(t, j, r, beats)
	if n := end(t, j); n < 5 {
		t.Errorf("%d commits", n)
	}
}

// TestAStreamOfSmallMessagesGetsSmallerCommits: its bound is not to be seen on
// the connection, and is found out.
func TestAStreamOfSmallMessagesGetsSmallerCommits(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{Quiet: true})
	cfg := stream(t, nc, events.StreamHot).CachedInfo().Config
	cfg.MaxMsgSize = 16 << 10
	if _, err := streams(t, nc).UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	var beats []events.Beat
	for i := range 8000 {
		beats = append(beats, beat(fmt.Sprintf("user-%d", i)))
	}
	r, err := j.SubmitBeats(beats)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Wait(t.Context()); n != len(beats) || err != nil {
		t.Fatalf("%d stored, %v", n, err)
	}
	checkBeats(t, j, r, beats)
	e := login("alice")
	e.Device = strings.Repeat("x", 20<<10)
	if _, err := j.Append(t.Context(), e, noKey); !isErr(err, journal.ErrTooLarge) || !journal.IsUnstored(err) {
		t.Errorf("what fits into no message: %v", err)
	}
	put(t, j, login("bob"))
}

func checkBeats(t *testing.T, j *journal.Journal, r *journal.Receipt, beats []events.Beat) {
	t.Helper()
	logged := all(t, j)
	if len(logged) != len(beats) {
		t.Fatalf("%d in the log", len(logged))
	}
	for i, f := range logged {
		if f.Event.User != beats[i].User || f.Place != r.Place(i) {
			t.Fatalf("beat %d is told to be at %s; at %s there is %s", i, r.Place(i), f.Place, f.Event.User)
		}
	}
}

// TestAKeyGoesIntoTheLogWithItsEntry: a repeat is judged by those who read it.
func TestAKeyGoesIntoTheLogWithItsEntry(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	key := events.Key{ID: [16]byte{1}, Request: [16]byte{2}}
	hb := login("alice")
	hb.Type = events.Heartbeat
	for _, e := range []events.Event{login("alice"), login("alice"), hb} {
		if _, err := j.Append(t.Context(), e, key); err != nil {
			t.Fatal(err)
		}
	}
	logged := all(t, j)
	if len(logged) != 3 {
		t.Fatalf("%d entries", len(logged))
	}
	for _, f := range logged {
		if f.Key != key {
			t.Errorf("%s has the key %v", f.Place, f.Key)
		}
	}
}

// TestWhatCouldNotBeReadIsNotTaken, and refuses all that was given with it.
func TestWhatCouldNotBeReadIsNotTaken(t *testing.T) {
	j := journaltest.Open(t, journal.Config{Quiet: true})
	for name, spoil := range map[string]func(e *events.Event){
		"no user":              func(e *events.Event) { e.User = "" },
		"a user with control":  func(e *events.Event) { e.User = "a\n" },
		"no time":              func(e *events.Event) { e.At = 0 },
		"after the year 9999":  func(e *events.Event) { e.At = 253_402_300_800_000 },
		"unknown":              func(e *events.Event) { e.Type = "waved" },
		"a device of no text":  func(e *events.Event) { e.Device = "\xff" },
		"an actor of no text":  func(e *events.Event) { e.Actor = "\xff" },
		"a status of no table": func(e *events.Event) { e.Status = "asleep" },
	} {
		e := login("alice")
		spoil(&e)
		if _, err := j.Append(t.Context(), e, noKey); !errors.Is(err, events.ErrMalformed) && !errors.Is(err, events.ErrUnknownType) {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := j.AppendAll(t.Context(), []journal.Item{{Event: login("bob")}, {Event: e}}); n != 0 || err == nil {
			t.Errorf("%s, with another: %d, %v", name, n, err)
		}
	}
	latest := login("zoë")
	latest.At = 253_402_300_799_999
	put(t, j, latest)
	if logged := all(t, j); len(logged) != 1 || logged[0].Event.At != latest.At {
		t.Errorf("in the log: %+v", logged)
	}
}

func TestMoreThanTheQueueHoldsIsShed(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	metrics := journal.NewMetrics()
	j, err := journal.Open(t.Context(), nc, journal.Config{QueueLimit: 12, Metrics: metrics}) // Run does not yet
	if err != nil {
		t.Fatal(err)
	}
	hb := login("alice")
	hb.Type = events.Heartbeat
	for range 9 {
		if _, err := j.Submit(hb, noKey); err != nil {
			t.Fatal(err)
		}
	}
	// Several at once leave a quarter for those who bring one.
	if _, err := j.SubmitBeats([]events.Beat{beat("a")}); !isErr(err, journal.ErrOverloaded) {
		t.Errorf("several: %v", err)
	}
	for range 3 {
		if _, err := j.Submit(hb, noKey); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Submit(hb, noKey); !isErr(err, journal.ErrOverloaded) || !journal.IsUnstored(err) {
		t.Fatalf("got %v", err)
	}
	if n := testutil.ToFloat64(metrics.Shed); n != 2 {
		t.Errorf("%v were counted as shed", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Run(ctx); err != nil { // what waits is still committed
		t.Fatal(err)
	}
	if n := len(all(t, j)); n != 12 {
		t.Errorf("%d in the log", n)
	}
	if _, err := j.Submit(hb, noKey); !isErr(err, journal.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestHostileIDsStayInTheirSubject of the archive.
func TestHostileIDsStayInTheirSubject(t *testing.T) {
	a := openAudited(t)
	users := []string{"*", ">", "a.b", "../x", "$JS.API.STREAM.DELETE.PRESENCE", " ", "ü😀", "~unreadable", "presence.log"}
	var last events.Place
	for _, u := range users {
		last = put(t, a.Journal, login(u))
	}
	a.copied(last.Seq)
	for _, u := range users {
		got := a.records(journal.AuditQuery{User: u})
		if len(got) != 1 || got[0].Event.User != u || got[0].Err != nil {
			t.Errorf("%q addresses %+v", u, got)
		}
	}
	if got := a.records(journal.AuditQuery{}); len(got) != len(users) || !slices.ContainsFunc(got, func(r journal.Record) bool { return r.Event.User == ">" }) {
		t.Errorf("%d in all", len(got))
	}
}
