package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

func TestAuditIsTheSameWhereverTheHotStreamBegins(t *testing.T) {
	a := openAudited(t)
	want := a.write(1500)
	for _, at := range []int{0, 1, 700, 1400, 1499} {
		if at > 0 {
			a.cut(want[at].Seq)
		}
		for _, from := range []int{0, 1, 699, 700, 701, 1498, 1499} {
			q := journal.AuditQuery{After: before(want[from])}
			if diff := cmp.Diff(want[from:], a.read(q)); diff != "" {
				t.Fatalf("hot from %d, read from %d: %s", at, from, diff)
			}
		}
		q := journal.AuditQuery{After: want[10], To: want[1000].Seq}
		if diff := cmp.Diff(upTo(want[11:], want[1000].Seq), a.read(q)); diff != "" {
			t.Fatalf("hot from %d, a part: %s", at, diff)
		}
	}
	a.cut(want[1499].Seq + 1)
	if diff := cmp.Diff(want, a.read(journal.AuditQuery{})); diff != "" {
		t.Errorf("of the archive alone: %s", diff)
	}
	if got := a.read(journal.AuditQuery{After: events.Place{Seq: want[1499].Seq + 1000}}); len(got) > 0 {
		t.Errorf("after the end: %v", got)
	}
}

func TestAuditFindsItsBeginningOverPurgedGaps(t *testing.T) {
	a := openAudited(t)
	want := a.write(300)
	a.cut(want[299].Seq)
	if _, _, err := a.Erase(t.Context(), "user-3", "root"); err != nil {
		t.Fatal(err)
	}
	inArchive := stream(t, a.nc, events.StreamArchive)
	for _, user := range []string{"user-4", "user-5"} {
		if err := inArchive.Purge(t.Context(), jetstream.WithPurgeSubject(events.UserFilter(user))); err != nil {
			t.Fatal(err)
		}
	}
	var kept []events.Place
	for i, p := range want {
		if n := i % 10; n < 3 || n > 5 {
			kept = append(kept, p)
		}
	}
	for i, p := range want {
		first, _ := slices.BinarySearchFunc(kept, p, events.Place.Compare)
		got := a.read(journal.AuditQuery{After: before(p), To: want[299].Seq})
		if diff := cmp.Diff(kept[first:], got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("from the event %d: %s", i, diff)
		}
	}
}

// TestForgettingEndsWhereItIsTold: what a user does after their erasure stays, and
// so does everybody else.
func TestForgettingEndsWhereItIsTold(t *testing.T) {
	a := openAudited(t)
	want := a.write(30)
	erased, _, err := a.Erase(t.Context(), "user-3", "root")
	if err != nil {
		t.Fatal(err)
	}
	add := func(e events.Event) events.Place { return put(t, a.Journal, e) }
	late := events.Event{Type: events.Offline, User: "user-3", Session: "s", Actor: events.ServiceActor, At: 1,
		Cause: events.CauseTimeout, LastSeen: 1, Judged: 1}
	add(late)
	other := add(login("user-30"))
	late.Judged++
	stray := add(late)
	again := add(login("user-3"))
	var nodes sync.WaitGroup // which all do the same
	for range 3 {
		nodes.Go(func() {
			if err := a.Forget(t.Context(), "user-3", stray); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	if err := a.Forget(t.Context(), "user-3", stray); err != nil {
		t.Error(err)
	}
	var kept []events.Place
	for i, p := range want {
		if i%10 != 3 {
			kept = append(kept, p)
		}
	}
	kept = append(kept, erased, other, again)
	if diff := cmp.Diff(kept, a.read(journal.AuditQuery{})); diff != "" {
		t.Errorf("hot: %s", diff)
	}
	a.cut(again.Seq + 1)
	if diff := cmp.Diff(kept, a.read(journal.AuditQuery{})); diff != "" {
		t.Errorf("the archive: %s", diff)
	}
}

func TestAuditTakesNoHarmFromATrimUnderWay(t *testing.T) {
	a := openAudited(t)
	want := a.write(3000)
	var got []events.Place
	if err := a.Audit(t.Context(), journal.AuditQuery{}, func(batch []journal.Record) error {
		if len(got) == 0 {
			a.cut(want[2500].Seq)
		}
		for _, r := range batch {
			got = append(got, r.Place)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAuditEndsAlthoughWhatIsLeftIsPurged(t *testing.T) {
	a := openAudited(t)
	want := a.write(1000)
	n := 0
	if err := a.Audit(t.Context(), journal.AuditQuery{User: "user-1"}, func(batch []journal.Record) error {
		if n == 0 {
			if _, _, err := a.Erase(t.Context(), "user-1", "root"); err != nil {
				return err
			}
		}
		n += len(batch)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n > len(want)/10 {
		t.Errorf("%d events of one who has a hundred", n)
	}
}

func TestAuditFilters(t *testing.T) {
	a := openAudited(t)
	a.write(40)
	odd := login("odd.>*")
	var odds []events.Place
	for _, typ := range []events.Type{events.Login, events.Logout, events.Login} {
		odd.Type = typ
		odds = append(odds, put(t, a.Journal, odd))
	}
	for _, trimmed := range []bool{false, true} {
		if trimmed {
			a.cut(odds[1].Seq)
		}
		for name, test := range map[string]struct {
			q    journal.AuditQuery
			want []events.Place
		}{
			"one user":           {journal.AuditQuery{User: "odd.>*"}, odds},
			"one type":           {journal.AuditQuery{Types: []events.Type{events.Logout}}, odds[1:2]},
			"a user and a type":  {journal.AuditQuery{User: "odd.>*", Types: []events.Type{events.Login}}, []events.Place{odds[0], odds[2]}},
			"a user and types":   {journal.AuditQuery{User: "odd.>*", Types: []events.Type{events.Logout, events.Login}}, odds},
			"nobody":             {journal.AuditQuery{User: "odd"}, nil},
			"types of nobody":    {journal.AuditQuery{User: "odd", Types: []events.Type{events.Logout, events.Login}}, nil},
			"a type that is not": {journal.AuditQuery{Types: []events.Type{events.Override, events.Offline}}, nil},
			"after the last":     {journal.AuditQuery{User: "odd.>*", After: odds[2]}, nil},
		} {
			if diff := cmp.Diff(test.want, a.read(test.q)); diff != "" {
				t.Errorf("%s, trimmed %v: %s", name, trimmed, diff)
			}
		}
	}
}

func TestAuditGivesHeartbeatsWhereTheyAreAskedFor(t *testing.T) {
	a := openAudited(t)
	logins := a.write(50)
	for _, trimmed := range []bool{false, true} {
		left := 50
		if trimmed {
			a.cut(logins[20].Seq)
			left = 0
			for _, f := range all(t, a.Journal) {
				if f.Event.Type == events.Heartbeat {
					left++
				}
			}
		}
		for name, test := range map[string]struct {
			q             journal.AuditQuery
			beats, others int
		}{
			"all":         {journal.AuditQuery{Heartbeats: true}, left, 50},
			"alone":       {journal.AuditQuery{Types: []events.Type{events.Heartbeat}}, left, 0},
			"with a type": {journal.AuditQuery{Types: []events.Type{events.Heartbeat, events.Login}}, left, 50},
			"with a user": {journal.AuditQuery{User: "user-1", Heartbeats: true}, left / 10, 5},
			"none":        {journal.AuditQuery{}, 0, 50},
		} {
			beats, others := 0, 0
			for _, r := range a.records(test.q) {
				switch {
				case r.Err != nil:
					t.Error(r.Err)
				case r.Event.Type == events.Heartbeat && r.Event.ID == "" && r.Event.Session == "s":
					beats++
				case r.Event.ID == events.IDAt(r.Moment()):
					others++
				}
			}
			if others != test.others || beats != test.beats && (!trimmed || name != "with a user") {
				t.Errorf("%s, trimmed %v: %d beats and %d others, want %d and %d", name, trimmed, beats, others, test.beats, test.others)
			}
		}
	}
}

func TestAuditEndsWithTheReadersError(t *testing.T) {
	a := openAudited(t)
	a.write(500)
	enough := errors.New("enough")
	calls := 0
	err := a.Audit(t.Context(), journal.AuditQuery{}, func(batch []journal.Record) error {
		calls++
		if len(batch) > 128 {
			t.Errorf("the first batch has %d", len(batch))
		}
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestAuditFollows(t *testing.T) {
	a := openAudited(t)
	want := a.write(200)
	a.cut(want[100].Seq)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan events.Place, 1000)
	done := make(chan error, 1)
	go func() {
		done <- a.Audit(ctx, journal.AuditQuery{User: "user-7", Follow: true}, func(batch []journal.Record) error {
			for _, r := range batch {
				seen <- r.Place
			}
			return nil
		})
	}()
	for i := 7; i < 200; i += 10 {
		if got := <-seen; got != want[i] {
			t.Fatalf("%s, want %s", got, want[i])
		}
	}
	more := a.write(10)
	if got := <-seen; got != more[7] {
		t.Errorf("live: %s, want %s", got, more[7])
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAuditBeginsEarlyRatherThanLate(t *testing.T) {
	a := openAudited(t)
	want := a.write(100)
	a.cut(want[50].Seq)
	now, err := a.Message(t.Context(), max(want[60].Seq, want[50].Seq))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, a.read(journal.AuditQuery{Since: now.Time})); diff != "" {
		t.Errorf("since a moment ago: %s", diff)
	}
	if got := a.read(journal.AuditQuery{Since: now.Time + 2*3_600_000}); len(got) > 0 {
		t.Errorf("since two hours from now: %v", got)
	}
}

// before is a place after which p is the first one that can come.
func before(p events.Place) events.Place {
	if p.Nth > 0 {
		return events.Place{Seq: p.Seq, Nth: p.Nth - 1}
	}
	return events.EndOf(p.Seq - 1)
}

func upTo(places []events.Place, seq uint64) (kept []events.Place) {
	for _, p := range places {
		if p.Seq <= seq {
			kept = append(kept, p)
		}
	}
	return kept
}

// TestArchiveAndHotStreamReadAsOne: without a gap or a repeat, whatever has been
// trimmed, however far the archiver has got, and wherever a reader begins.
func TestArchiveAndHotStreamReadAsOne(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("log ", seed), func(t *testing.T) {
			t.Parallel()
			checkReadAsOne(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

func checkReadAsOne(t *testing.T, rng *rand.Rand) {
	a := openAudited(t)
	w := newWritten(t, a.nc)
	// Where the log may be trimmed: a repeat's first is not trimmed two minutes
	// before it.
	begins := []uint64{1}
	write := func(n int) {
		for range n {
			for range 4 {
				w.random(rng)
			}
			begins = append(begins, end(t, a.Journal)+1)
			w.epoch++
		}
	}
	write(10)
	erased := ""
	if rng.IntN(2) == 0 {
		erased = "u.2"
		at, _, err := a.Erase(t.Context(), erased, "root")
		if err != nil {
			t.Fatal(err)
		}
		w.records = slices.DeleteFunc(w.records, func(r told) bool { return r.User == erased })
		m := all1(t, a, at)
		w.records = append(w.records, tellRecord(&m))
	}
	write(5)
	a.copied(end(t, a.Journal))
	if rng.IntN(3) > 0 { // it lags behind from here on
		a.stop()
	}
	begins = slices.DeleteFunc(begins, func(seq uint64) bool { return seq > a.arch.Copied()+1 })
	write(5)
	first := begins[rng.IntN(16)]
	a.cut(first)
	w.records = slices.DeleteFunc(w.records, func(r told) bool { return r.Type == events.Heartbeat && !r.Failed && r.Place.Seq < first })
	last := end(t, a.Journal)
	var wg sync.WaitGroup
	for range 60 {
		q := randomQuery(rng, w, last)
		wg.Go(func() { compareAudit(t, a, w, q) })
		x := randomExcerpt(rng, w)
		wg.Go(func() { compareArchive(t, a, w, x) })
	}
	wg.Wait()
	compareAudit(t, a, w, journal.AuditQuery{Heartbeats: true})
}

// all1 is the record at p.
func all1(t *testing.T, a *audited, p events.Place) journal.Record {
	t.Helper()
	got := a.records(journal.AuditQuery{After: before(p), To: p.Seq})
	if len(got) != 1 || got[0].Place != p {
		t.Fatalf("at %s: %+v", p, got)
	}
	return got[0]
}

func randomTypes(rng *rand.Rand) []events.Type {
	types := []events.Type{events.Login, events.Logout, events.Override, events.Offline, events.Online, events.Erased}
	rng.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	return types[:rng.IntN(3)]
}

func randomPlace(rng *rand.Rand, w *written) events.Place {
	p := w.records[rng.IntN(len(w.records))].Place
	switch rng.IntN(5) {
	case 0:
		return before(p)
	case 1:
		return events.EndOf(p.Seq)
	case 2:
		return events.Place{Seq: p.Seq}
	case 3:
		return events.Place{}
	}
	return p
}

func randomQuery(rng *rand.Rand, w *written, last uint64) journal.AuditQuery {
	q := journal.AuditQuery{After: randomPlace(rng, w), Types: randomTypes(rng), Heartbeats: rng.IntN(2) == 0}
	if rng.IntN(3) == 0 {
		q.User = fmt.Sprint("u.", rng.IntN(7))
	}
	if rng.IntN(3) == 0 {
		q.To = 1 + rng.Uint64N(last+3)
	}
	return q
}

func compareAudit(t *testing.T, a *audited, w *written, q journal.AuditQuery) {
	var want, got []told
	for _, r := range w.records {
		if q.After.Before(r.Place) && (q.To == 0 || r.Place.Seq <= q.To) && (q.User == "" || r.User == q.User) && wanted(&r, q.Types, q.Heartbeats) {
			want = append(want, r)
		}
	}
	if err := a.Audit(t.Context(), q, func(batch []journal.Record) error {
		for i := range batch {
			got = append(got, tellRecord(&batch[i]))
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%+v (-want +got):\n%s", q, diff)
	}
}

// wanted: what cannot be read is of no type, and is told where none is asked for.
func wanted(r *told, types []events.Type, beats bool) bool {
	switch {
	case r.Failed:
		return len(types) == 0
	case r.Type == events.Heartbeat:
		return beats
	}
	return len(types) == 0 || slices.Contains(types, r.Type)
}

func randomExcerpt(rng *rand.Rand, w *written) journal.Excerpt {
	x := journal.Excerpt{From: randomPlace(rng, w), Types: randomTypes(rng), Unarchived: rng.IntN(2) == 0}
	if rng.IntN(3) == 0 && !x.Unarchived {
		x.To = randomPlace(rng, w)
	}
	return x
}

func compareArchive(t *testing.T, a *audited, w *written, x journal.Excerpt) {
	stop, err := a.ArchiveEnd(t.Context())
	if err != nil {
		t.Error(err)
	}
	if x.To != (events.Place{}) && x.To.Before(stop) {
		stop = x.To
	}
	var want, got []told
	for _, r := range w.archived() {
		if !r.Place.Before(x.From) && (x.Unarchived || !stop.Before(r.Place)) && wanted(&r, x.Types, false) {
			want = append(want, r)
		}
	}
	if err := a.Archive(t.Context(), x, func(batch []journal.Record) error {
		for i := range batch {
			got = append(got, tellRecord(&batch[i]))
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%+v (-want +got):\n%s", x, diff)
	}
}

// TestAnErasureHidesAtOnce: in the hot stream, heartbeats and all, before it is
// trimmed; and the archive has nothing of the user any more, readable or not.
func TestAnErasureHidesAtOnce(t *testing.T) {
	a := openAudited(t)
	w := newWritten(t, a.nc)
	w.put(login("alice"), beat("alice"), login("bob"), beat("bob"), unreadable("alice", 99), unreadable("bob", 99))
	w.put(beat("alice"), keyed{login("alice"), events.Key{ID: [16]byte{1}}})
	at, n, err := a.Erase(t.Context(), "alice", "root")
	if err != nil || n != 3 {
		t.Errorf("%d events erased, %v", n, err)
	}
	again := w.put(beat("alice"), login("alice"))
	a.copied(again)
	for _, q := range []journal.AuditQuery{{Heartbeats: true}, {}, {User: "alice", Heartbeats: true}, {User: "alice"}, {Types: []events.Type{events.Heartbeat}},
		{After: events.Place{Seq: 1, Nth: 1}, Heartbeats: true}} {
		for _, r := range a.records(q) {
			if r.Event.User == "alice" && r.Place.Before(at) {
				t.Errorf("%+v tells of %s at %s", q, r.Event.Type, r.Place)
			}
		}
		if q.User == "" && len(q.Types) == 0 {
			got := a.read(q)
			if !slices.Contains(got, at) || !slices.Contains(got, events.Place{Seq: 1, Nth: 5}) || !slices.Contains(got, events.Place{Seq: again, Nth: 1}) {
				t.Errorf("%+v: %v", q, got)
			}
		}
	}
	var subjects []string
	for _, m := range rawArchive(t, a.nc) {
		subjects = append(subjects, m.Subject)
	}
	if got := len(subjects); got != 4 || subjects[3] != "presence.user.alice.login" {
		t.Errorf("the archive has %v", subjects)
	}
}

// TestARepeatIsNoEventWhereTheHotStreamBegins: its first entry has been trimmed.
func TestARepeatIsNoEventWhereTheHotStreamBegins(t *testing.T) {
	a := openAudited(t)
	w := newWritten(t, a.nc)
	same := keyed{login("alice"), events.Key{ID: [16]byte{1}}}
	w.put(same)
	w.put(same, beat("bob"))
	a.copied(2)
	a.cut(2)
	for _, beats := range []bool{false, true} {
		if got := a.read(journal.AuditQuery{Heartbeats: beats}); slices.Contains(got, events.Place{Seq: 2}) {
			t.Errorf("heartbeats %v: %v", beats, got)
		}
	}
}
