package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// audited is a log with its archiver at work.
type audited struct {
	*journal.Journal
	t    testing.TB
	arch *journal.Archiver
}

func openAudited(t testing.TB) *audited {
	j := journaltest.Open(t, journal.Config{})
	a := &audited{Journal: j, t: t, arch: j.Archiver()}
	journaltest.Run(t, "the archiver", a.arch.Run)
	return a
}

// write appends n logins of ten users, each followed by a heartbeat, and
// returns the logins' sequences.
func (a *audited) write(n int) (logins []uint64) {
	a.t.Helper()
	var receipts []*journal.Receipt
	for i := range n {
		for _, typ := range []events.Type{events.Login, events.Heartbeat} {
			e := login(fmt.Sprintf("user-%d", i%10))
			e.Type = typ
			r, err := a.Submit(e, journal.Key{})
			if err != nil {
				a.t.Fatal(err)
			}
			receipts = append(receipts, r)
		}
	}
	for i, r := range receipts {
		ack, err := r.Wait(a.t.Context())
		if err != nil {
			a.t.Fatal(err)
		}
		if i%2 == 0 {
			logins = append(logins, ack.Seq)
		}
	}
	return logins
}

// trim makes the hot stream begin at seq, once everything before is copied.
func (a *audited) trim(seq uint64) {
	a.t.Helper()
	journaltest.Until(a.t, "the copy", func() bool { return a.arch.Copied()+1 >= seq })
	hot, err := a.JetStream().Stream(a.t.Context(), events.StreamHot)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := hot.Purge(a.t.Context(), jetstream.WithPurgeSequence(seq)); err != nil {
		a.t.Fatal(err)
	}
}

func (a *audited) read(q journal.AuditQuery) (seqs []uint64) {
	a.t.Helper()
	if err := a.Audit(a.t.Context(), q, func(batch []journal.Message) error {
		for _, m := range batch {
			seqs = append(seqs, m.Seq)
		}
		return nil
	}); err != nil {
		a.t.Fatal(err)
	}
	return seqs
}

func TestAuditIsTheSameWhereverTheHotStreamBegins(t *testing.T) {
	a := openAudited(t)
	want := a.write(1500)
	for _, at := range []int{0, 1, 700, 1400, 1499} {
		if at > 0 {
			a.trim(want[at])
		}
		for _, from := range []int{0, 1, 699, 700, 701, 1498, 1499} {
			q := journal.AuditQuery{After: want[from] - 1}
			if diff := cmp.Diff(want[from:], a.read(q)); diff != "" {
				t.Fatalf("hot from %d, read from %d: %s", at, from, diff)
			}
		}
		q := journal.AuditQuery{After: want[10], To: want[1000]}
		if diff := cmp.Diff(want[11:1001], a.read(q)); diff != "" {
			t.Fatalf("hot from %d, a part: %s", at, diff)
		}
	}
	a.trim(want[1499] + 1)
	if diff := cmp.Diff(want, a.read(journal.AuditQuery{})); diff != "" {
		t.Errorf("of the audit copy alone: %s", diff)
	}
	if got := a.read(journal.AuditQuery{After: want[1499] + 1000}); len(got) > 0 {
		t.Errorf("behind the end: %v", got)
	}
}

func TestAuditFindsItsBeginningOverPurgedGaps(t *testing.T) {
	a := openAudited(t)
	want := a.write(300)
	a.trim(want[299])
	if _, _, err := a.Erase(t.Context(), "user-3", "root"); err != nil {
		t.Fatal(err)
	}
	audit, err := a.JetStream().Stream(t.Context(), events.StreamAudit)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"user-4", "user-5"} {
		if err := audit.Purge(t.Context(), jetstream.WithPurgeSubject(events.UserFilter(user))); err != nil {
			t.Fatal(err)
		}
	}
	var kept []uint64
	for i, seq := range want {
		if n := i % 10; n < 3 || n > 5 {
			kept = append(kept, seq)
		}
	}
	for i, seq := range want {
		first, _ := slices.BinarySearch(kept, seq)
		got := a.read(journal.AuditQuery{After: seq - 1, To: want[299]})
		if diff := cmp.Diff(kept[first:], got); diff != "" {
			t.Fatalf("from the event %d: %s", i, diff)
		}
	}
}

// TestForgettingEndsWhereItIsTold: what a user does after his erasure stays, and
// so does everybody else.
func TestForgettingEndsWhereItIsTold(t *testing.T) {
	a := openAudited(t)
	want := a.write(30)
	if _, _, err := a.Erase(t.Context(), "user-3", "root"); err != nil {
		t.Fatal(err)
	}
	add := func(e events.Event) uint64 {
		ack, err := a.Append(t.Context(), e, journal.Key{})
		if err != nil {
			t.Fatal(err)
		}
		return ack.Seq
	}
	late := events.Event{Type: events.Offline, User: "user-3", Session: "s", Actor: events.ServiceActor, At: 1,
		Cause: events.CauseTimeout, LastSeen: 1, Judged: 1}
	first := add(late)
	other := add(login("user-30"))
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
	var kept []uint64
	for i, seq := range want {
		if i%10 != 3 {
			kept = slices.Concat(kept, []uint64{seq})
		}
	}
	kept = slices.Concat(kept, []uint64{first - 1, other, again})
	if diff := cmp.Diff(kept, a.read(journal.AuditQuery{})); diff != "" {
		t.Errorf("hot: %s", diff)
	}
	a.trim(again + 1)
	if diff := cmp.Diff(kept, a.read(journal.AuditQuery{})); diff != "" {
		t.Errorf("the copy: %s", diff)
	}
}

func TestAuditTakesNoHarmFromATrimUnderWay(t *testing.T) {
	a := openAudited(t)
	want := a.write(3000)
	var got []uint64
	if err := a.Audit(t.Context(), journal.AuditQuery{}, func(batch []journal.Message) error {
		if len(got) == 0 {
			a.trim(want[2500])
		}
		for _, m := range batch {
			got = append(got, m.Seq)
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
	if err := a.Audit(t.Context(), journal.AuditQuery{User: "user-1"}, func(batch []journal.Message) error {
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
	var odds []uint64
	for _, typ := range []events.Type{events.Login, events.Logout, events.Login} {
		odd.Type = typ
		ack, err := a.Append(t.Context(), odd, journal.Key{})
		if err != nil {
			t.Fatal(err)
		}
		odds = append(odds, ack.Seq)
	}
	for _, trimmed := range []bool{false, true} {
		if trimmed {
			a.trim(odds[1])
		}
		for name, test := range map[string]struct {
			q    journal.AuditQuery
			want []uint64
		}{
			"one user":           {journal.AuditQuery{User: "odd.>*"}, odds},
			"one type":           {journal.AuditQuery{Types: []events.Type{events.Logout}}, odds[1:2]},
			"a user and a type":  {journal.AuditQuery{User: "odd.>*", Types: []events.Type{events.Login}}, []uint64{odds[0], odds[2]}},
			"a user and types":   {journal.AuditQuery{User: "odd.>*", Types: []events.Type{events.Logout, events.Login}}, odds},
			"nobody":             {journal.AuditQuery{User: "odd"}, nil},
			"types of nobody":    {journal.AuditQuery{User: "odd", Types: []events.Type{events.Logout, events.Login}}, nil},
			"a type that is not": {journal.AuditQuery{Types: []events.Type{events.Override, events.Offline}}, nil},
			"behind the last":    {journal.AuditQuery{User: "odd.>*", After: odds[2]}, nil},
		} {
			if diff := cmp.Diff(test.want, a.read(test.q)); diff != "" {
				t.Errorf("%s, trimmed %v: %s", name, trimmed, diff)
			}
		}
	}
}

func TestAuditUnfoldsNothingButGivesTheBatches(t *testing.T) {
	a := openAudited(t)
	logins := a.write(50)
	for name, q := range map[string]journal.AuditQuery{
		"all": {Heartbeats: true}, "alone": {Types: []events.Type{events.Heartbeat}}, "with a user": {User: "user-1", Heartbeats: true},
	} {
		beats, others := 0, 0
		var b events.Batch
		if err := a.Audit(t.Context(), q, func(batch []journal.Message) error {
			for _, m := range batch {
				if m.Subject != events.HeartbeatSubject {
					others++
					continue
				}
				if err := b.Decode(m.Data); err != nil {
					return err
				}
				beats += len(b.Beats)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"all": len(logins), "alone": 0, "with a user": 5}[name]
		if beats != 50 || others != want {
			t.Errorf("%s: %d beats and %d others", name, beats, others)
		}
	}
}

func TestAuditEndsWithTheReadersError(t *testing.T) {
	a := openAudited(t)
	a.write(500)
	enough := errors.New("enough")
	calls := 0
	err := a.Audit(t.Context(), journal.AuditQuery{}, func(batch []journal.Message) error {
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
	a.trim(want[100])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan uint64, 1000)
	done := make(chan error, 1)
	go func() {
		done <- a.Audit(ctx, journal.AuditQuery{User: "user-7", Follow: true}, func(batch []journal.Message) error {
			for _, m := range batch {
				seen <- m.Seq
			}
			return nil
		})
	}()
	for i := 7; i < 200; i += 10 {
		if got := <-seen; got != want[i] {
			t.Fatalf("%d, want %d", got, want[i])
		}
	}
	more := a.write(10)
	if got := <-seen; got != more[7] {
		t.Errorf("live: %d, want %d", got, more[7])
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAuditBeginsEarlyRatherThanLate(t *testing.T) {
	a := openAudited(t)
	want := a.write(100)
	a.trim(want[50])
	now, err := a.Message(t.Context(), want[60])
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
