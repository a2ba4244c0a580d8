package past

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// imported appends text, whose times are all of one day: 09:30:00 stands for
// 2021-01-31T09:30:00Z.
func imported(t testing.TB, cfg Config, text string) Result {
	t.Helper()
	result, err := Append(t.Context(), cfg, day(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func day(t testing.TB, text string) *File {
	t.Helper()
	var b strings.Builder
	b.WriteString("at,user,event,session\n")
	for row := range strings.Lines(text) {
		if row = strings.TrimSpace(row); row != "" {
			b.WriteString("2021-01-31T" + row[:8] + "Z" + row[8:] + strings.Repeat(",", 3-strings.Count(row, ",")) + "\n")
		}
	}
	return read(t, b.String())
}

func TestALogoutOfSomebodyNotOnlineChangesNothing(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	result := imported(t, Config{Log: j}, `
		09:00:00,alice,leave
		09:01:00,bob,leave
		09:02:00,bob,leave
		09:03:00,alice,join
		09:04:00,alice,leave,web
		09:05:00,alice,leave
		09:06:00,alice,leave`)
	f := fold(t, j, 1)
	if diff := cmp.Diff(Result{Rows: 7, Events: 3, Ignored: 4, LastSeq: f.places[2].Seq}, result); diff != "" {
		t.Error(diff)
	}
	bob := f.users["bob"]
	if !bob.Known() || bob.Status() != events.StatusOffline || bob.LastSeen() != 0 || bob.Shown.Since != at(t, "2021-01-31T09:01:00Z") {
		t.Errorf("bob, of whom only leaves are told: %+v", bob)
	}
	want := []step{{at(t, "2021-01-31T09:03:00Z"), true}, {at(t, "2021-01-31T09:05:00Z"), false}}
	if diff := cmp.Diff(want, f.outcome().Steps["alice"]); diff != "" {
		t.Error(diff)
	}
}

func TestEachIsTheActorOfHisOwnPast(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	imported(t, Config{Log: j, Timeout: time.Minute}, `
		09:00:00,alice,say
		09:00:10,bob,join
		09:00:20,bob,leave`)
	f := fold(t, j, 1)
	var actors []string
	for _, c := range f.changes {
		actors = append(actors, c.To.Actor)
	}
	if diff := cmp.Diff([]string{"alice", "bob", "bob", events.ServiceActor}, actors); diff != "" {
		t.Error(diff)
	}
}

func TestASignOfLifeAtTheDeadlineComesInTime(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	result := imported(t, Config{Log: j, Timeout: time.Minute}, `
		09:00:00,alice,login
		09:01:00,alice,heartbeat
		09:00:00,bob,heartbeat
		09:01:00,bob,logout
		09:00:30,carol,heartbeat
		09:01:30,carol,login
		09:02:31,carol,heartbeat`)
	f := fold(t, j, 1)
	off := f.said(events.Offline)
	var got []string
	for _, e := range off {
		got = append(got, e.User+" "+e.At.String())
		if e.LastSeen != e.At-60_000 || e.Cause != events.CauseTimeout || e.Session != events.DefaultSession {
			t.Errorf("%+v", e)
		}
	}
	want := []string{"alice 2021-01-31T09:02:00.000Z", "carol 2021-01-31T09:02:30.000Z", "carol 2021-01-31T09:03:31.000Z"}
	if diff := cmp.Diff(want, got); diff != "" || result.Timeouts != 3 {
		t.Errorf("%+v: %s", result, diff)
	}
	f.ordered(t)
}

func TestWhoFellSilentAtOnceEndsInTheOrderOfHisLastSignOfLife(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	imported(t, Config{Log: j, Timeout: time.Minute}, `
		08:59:59,f,say
		09:00:00,e,say
		09:00:00,a,say
		09:00:00,d,say
		09:00:00,f,say
		09:00:00,b,say
		09:00:00,e,say
		09:00:00,c,say`)
	var got []string
	for _, e := range fold(t, j, 1).said(events.Offline) {
		got = append(got, e.User)
	}
	if diff := cmp.Diff([]string{"a", "d", "f", "b", "e", "c"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNobodyIsTimedOutWhoseDeadlineIsToCome(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	now := at(t, "2021-01-31T09:02:00Z")
	imported(t, Config{Log: j, Timeout: time.Minute, Now: now.Time, pause: atOnce}, `
		09:00:59,alice,login
		09:01:00,bob,login
		09:01:01,carol,login`)
	if off := fold(t, j, 1).said(events.Offline); len(off) != 1 || off[0].User != "alice" {
		t.Errorf("offline: %+v", off)
	}
}

func TestAnEndNamesTheSignOfLifeThatItWasJudgedBy(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	imported(t, Config{Log: j, Timeout: time.Minute}, `
		09:00:00,alice,login
		09:00:01,bob,say
		09:00:02,bob,say
		09:00:03,bob,say
		09:10:00,dave,join`)
	f := fold(t, j, 1)
	if len(f.outcome().Live) != 0 {
		t.Errorf("an end was void: %v", f.outcome().Live)
	}
	for i, e := range f.events {
		if e.Type == events.Offline && (e.Judged == 0 || !e.JudgedPlace().Before(f.places[i])) {
			t.Errorf("%s's end at %s was judged by %s", e.User, f.places[i], e.JudgedPlace())
		}
	}
	if e := f.said(events.Offline)[0]; e.User != "alice" || e.JudgedPlace() != f.places[0] {
		t.Errorf("alice's login is at %s: %+v", f.places[0], e)
	}
	// Of three beats in one commit the last one counts.
	if e := f.said(events.Offline)[1]; e.User != "bob" || e.JudgedPlace() != (events.Place{Seq: f.places[0].Seq, Nth: 3}) {
		t.Errorf("bob's last beat is the fourth entry of %d: %+v", f.places[0].Seq, e)
	}
}

// TestAUserTableCanBeAppendedAgain, when the first attempt broke off: it says
// nothing that it has not said.
func TestAUserTableCanBeAppendedAgain(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	const table = "id,last_seen\n17,2026-01-05 10:11:12\n19,2026-01-04 10:11:12\n"
	want := map[string]events.Millis{"17": at(t, "2026-01-05T10:11:12Z"), "19": at(t, "2026-01-04T10:11:12Z")}
	var since map[string]events.Millis
	for range 2 {
		if _, err := Append(t.Context(), Config{Log: j}, read(t, table)); err != nil {
			t.Fatal(err)
		}
		f := fold(t, j, 1)
		if diff := cmp.Diff(want, f.outcome().Seen); diff != "" || len(f.changes) != 0 {
			t.Errorf("%d changes; last seen %s", len(f.changes), diff)
		}
		shown := map[string]events.Millis{}
		for id, u := range f.users {
			shown[id] = u.Shown.Since
		}
		if since != nil && !maps.Equal(since, shown) {
			t.Errorf("offline since %v, at first %v", shown, since)
		}
		since = shown
	}
}

func TestAUserTableBecomesTheStartingLastSeen(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	f := read(t, "id,online_status,last_seen\n17,online,2026-01-05 10:11:12.123456+00:00\n18,offline,\n19,offline,2026-01-04 10:11:12\n")
	result, err := Append(t.Context(), Config{Log: j, Timeout: time.Minute}, f)
	if err != nil {
		t.Fatal(err)
	}
	if result.Events != 2 || result.Ignored != 1 || result.Timeouts != 0 {
		t.Errorf("%+v", result)
	}
	got := fold(t, j, 1)
	want := map[string]events.Millis{"17": at(t, "2026-01-05T10:11:12.123Z"), "19": at(t, "2026-01-04T10:11:12Z")}
	if diff := cmp.Diff(want, got.outcome().Seen); diff != "" || len(got.changes) != 0 {
		t.Errorf("%d changes; last seen %s", len(got.changes), diff)
	}
	for id := range want {
		if u := got.users[id]; !u.Known() || u.Status() != events.StatusOffline || u.Shown.Actor != events.ServiceActor {
			t.Errorf("%+v", u)
		}
	}
}

// live is who has sessions, as a view would tell it.
func (f *folded) live() iter.Seq[*events.User] { return maps.Values(f.users) }

func TestASecondFileGoesOnWhereTheFirstOneEnded(t *testing.T) {
	first := "09:00:00,alice,join\n09:00:00,bob,join\n09:00:00,carol,say\n09:00:00,dave,join,web\n"
	second := "09:00:30,alice,leave\n09:00:40,bob,say\n09:02:00,bob,leave\n09:02:01,erin,leave\n"
	for _, timeout := range []time.Duration{0, time.Minute} {
		j, together := journaltest.Open(t, journal.Config{}), journaltest.Open(t, journal.Config{})
		imported(t, Config{Log: j}, first) // the sessions stay
		imported(t, Config{Log: j, Timeout: timeout, Live: fold(t, j, 1).live()}, second)
		imported(t, Config{Log: together, Timeout: timeout}, first+second)
		if diff := cmp.Diff(fold(t, together, 1).outcome(), fold(t, j, 1).outcome()); diff != "" {
			t.Errorf("timeout %v: in one file (-) and in two (+):\n%s", timeout, diff)
		}
	}
}

func TestASessionOfTheLogHasTheTimeThatItDeclared(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	seen := at(t, "2021-01-31T09:00:00Z")
	b := events.Event{Type: events.Heartbeat, User: "alice", Session: "s", Actor: "alice", At: seen, Every: 120}
	ack, err := j.Append(t.Context(), b, events.Key{})
	if err != nil {
		t.Fatal(err)
	}
	imported(t, Config{Log: j, Timeout: time.Minute, Live: fold(t, j, 1).live()}, "09:10:00,bob,join\n")
	e := fold(t, j, 1).said(events.Offline)[0]
	if e.User != "alice" || e.At != seen+300_000 || e.LastSeen != seen || e.JudgedPlace() != ack {
		t.Errorf("%+v; the beat is at %s", e, ack)
	}
}

func TestMoreThanCanBeOnTheirWayAtOnce(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	const rows = 3 * inFlight * chunkSize
	text := "at,user,event\n" + strings.Repeat("2021-01-31T09:00:00Z,alice,join\n", rows)
	result, err := Append(t.Context(), Config{Log: j}, read(t, text))
	if err != nil || result.Events != rows || result.LastSeq == 0 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestABeatThatChangesAStatusKeepsItsPlace among all that its file tells.
func TestABeatThatChangesAStatusKeepsItsPlace(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	for _, b := range []events.Event{
		{Type: events.Heartbeat, User: "alice", Session: "s", Actor: "alice", At: 1000},
		{Type: events.Heartbeat, User: "bob", Session: "s", Actor: "bob", At: 1000, Idle: true},
	} {
		if _, err := j.Append(t.Context(), b, events.Key{}); err != nil {
			t.Fatal(err)
		}
	}
	_, end, err := j.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	result := imported(t, Config{Log: j, Live: fold(t, j, 1).live()}, `
		09:00:00,alice,say,s
		09:00:01,carol,join
		09:00:02,alice,say,s
		09:00:03,bob,say,s
		09:00:04,bob,say,s
		09:00:05,carol,say
		09:00:06,carol,leave
		09:00:07,carol,say
		09:00:08,carol,say`)
	if result.Beats != 7 || result.Events != 2 {
		t.Errorf("%+v", result)
	}
	f := fold(t, j, 1)
	f.ordered(t)
	var got []string
	for _, c := range f.changes {
		if c.To.Seq > end {
			got = append(got, c.User+c.To.Since.Time().Format(" 05 ")+string(c.To.Status))
		}
	}
	if diff := cmp.Diff([]string{"carol 01 online", "bob 03 online", "carol 06 offline", "carol 07 online"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAShortQueueIsWaitedFor(t *testing.T) {
	j := journaltest.Open(t, journal.Config{QueueLimit: 2 * chunkSize})
	var b strings.Builder
	b.WriteString("at,user,event\n")
	for range 3000 {
		b.WriteString("2021-01-31T09:00:00Z,alice,join\n2021-01-31T09:00:00Z,alice,say\n2021-01-31T09:00:00Z,alice,leave\n")
	}
	result, err := Append(t.Context(), Config{Log: j}, read(t, b.String()))
	if err != nil || result.Events != 6000 || result.Beats != 3000 {
		t.Errorf("%+v, %v", result, err)
	}
	if n := len(fold(t, j, 1).changes); n != 6000 {
		t.Errorf("%d changes", n)
	}
}

// failing is a log that fails from the n-th chunk on.
type failing struct {
	Log
	n   int
	err error
}

func (l *failing) SubmitAll(items []journal.Item) (*journal.Receipt, error) {
	if l.n--; l.n < 0 {
		return nil, l.err
	}
	return l.Log.SubmitAll(items)
}

func TestALogThatFailsEndsTheImportWithTheLine(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	l := &failing{Log: j, n: 2, err: journal.ErrFull}
	text := "at,user,event\n" + strings.Repeat("2021-01-31T09:00:00Z,alice,join\n", 3*chunkSize)
	result, err := Append(t.Context(), Config{Log: l}, read(t, text))
	line := fmt.Sprintf("line %d:", 2*chunkSize+2)
	if !errors.Is(err, journal.ErrFull) || !strings.Contains(err.Error(), line) || result.Events != 2*chunkSize {
		t.Errorf("%+v, %v; want %s", result, err, line)
	}
	if n := len(fold(t, j, 1).events); n != result.Events {
		t.Errorf("%d events in the log, %d are said to be", n, result.Events)
	}
	l = &failing{Log: j, err: journal.ErrOverloaded}
	if _, err = Append(t.Context(), Config{Log: l}, day(t, "10:00:00,alice,join\n")); !errors.Is(err, journal.ErrOverloaded) {
		t.Errorf("a queue that others fill: %v", err)
	}
}

// TestALogThatIsFullInTheMiddleOfAChunk: what is said to be in the log is, and
// the line named is that of the first row that is not.
func TestALogThatIsFullInTheMiddleOfAChunk(t *testing.T) {
	nc := journaltest.Connect(t, journaltest.Server(t, t.TempDir()))
	j := journaltest.On(t, nc, journal.Config{MaxCommit: 4096, Quiet: true})
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), events.StreamHot)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxMsgs = 2
	if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	text := "at,user,event\n" + strings.Repeat("2021-01-31T09:00:00Z,alice,join\n", chunkSize)
	result, err := Append(t.Context(), Config{Log: j}, read(t, text))
	line := fmt.Sprintf("line %d:", result.Events+2)
	if !errors.Is(err, journal.ErrFull) || !strings.Contains(err.Error(), line) || result.Events == 0 || result.Events == chunkSize || result.LastSeq != 2 {
		t.Errorf("%+v, %v; want %s", result, err, line)
	}
	if n := len(fold(t, j, 1).events); n != result.Events {
		t.Errorf("%d events in the log, %d are said to be", n, result.Events)
	}
}

func TestAStoppedImportSaysSo(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Append(ctx, Config{Log: j}, day(t, "09:00:00,alice,join\n")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	now := at(t, "2021-01-31T09:00:01Z")
	stop := func(ctx context.Context, d time.Duration) error {
		cancel()
		return pause(ctx, d)
	}
	if _, err := Append(ctx, Config{Log: j, Now: now.Time, pause: stop}, day(t, "09:00:00,alice,join\n")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if f := fold(t, j, 1); len(f.events) != 0 {
		t.Errorf("appended: %+v", f.events)
	}
}

func TestWhatHappenedJustNowKeepsItsTime(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	seen := time.Now().Add(-settling*time.Millisecond + 700*time.Millisecond).UTC()
	f := read(t, "at,user,event\n"+seen.Format(time.RFC3339Nano)+",alice,login\n")
	if _, err := Append(t.Context(), Config{Log: j}, f); err != nil {
		t.Fatal(err)
	}
	if got := fold(t, j, 1).users["alice"].Shown.Since; got != events.MillisOf(seen) {
		t.Errorf("online since %v, want %v", got, seen)
	}
}

func TestProgressGoesFromNothingToAll(t *testing.T) {
	j := journaltest.Open(t, journal.Config{})
	text := "at,user,event\n" + strings.Repeat("2021-01-31T09:00:00Z,alice,say\n", 2*reportEvery+1)
	var done []int
	cfg := Config{Log: j, Report: func(d, total int) {
		if done = append(done, d); total != 2*reportEvery+1 {
			t.Errorf("of %d", total)
		}
	}}
	if _, err := Append(t.Context(), cfg, read(t, text)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{0, reportEvery, 2 * reportEvery, 2*reportEvery + 1}, done); diff != "" {
		t.Error(diff)
	}
}

func TestATimeoutIsASecondAtLeast(t *testing.T) {
	for _, timeout := range []time.Duration{-time.Minute, time.Millisecond} {
		if _, err := Append(t.Context(), Config{Timeout: timeout}, day(t, "09:00:00,alice,join\n")); err == nil {
			t.Errorf("%v: no error", timeout)
		}
	}
}
