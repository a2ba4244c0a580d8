package api_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
)

// keeping makes a service keep a history.
func keeping(t testing.TB) func(*api.Config) {
	return func(c *api.Config) {
		t.Helper()
		h, err := history.Open(history.Config{Path: filepath.Join(t.TempDir(), "history.db")})
		if err != nil {
			t.Fatal(err)
		}
		view := c.View.(*current.View)
		h.Attach(view)
		t.Cleanup(func() {
			h.Detach(view)
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		c.History = h
	}
}

// archiving keeps the audit copy of a service.
func (s *service) archiving() *journal.Archiver {
	s.t.Helper()
	a, err := s.journal.Archiver(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	journaltest.Run(s.t, "the archiver", a.Run)
	return a
}

// day is a day that has passed.
var day = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

func oclock(hour, minute int) time.Time {
	return day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

// tell appends an event as an import would: of the past.
func (s *service) tell(at time.Time, user string, typ events.Type, change ...func(*events.Event)) uint64 {
	s.t.Helper()
	e := events.Event{Type: typ, User: user, Session: "s", Actor: user, At: events.MillisOf(at)}
	for _, c := range change {
		c(&e)
	}
	place, err := s.journal.Append(s.t.Context(), e, events.Key{})
	if err != nil {
		s.t.Fatal(err)
	}
	return place.Seq
}

// tellAll appends items at once, and returns where the last one is.
func (s *service) tellAll(items []journal.Item) events.Place {
	s.t.Helper()
	r, err := s.journal.SubmitAll(items)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := r.Wait(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return r.Place(len(items) - 1)
}

// aDay is what alice and bob did; it returns the last sequence.
//
//	alice  online 8:00 to 12:00, offline, online 13:00 to 17:00
//	bob    online 9:00 to 9:30, busy by root until 10:00, online until 11:00
func (s *service) aDay() uint64 {
	s.tell(oclock(8, 0), "alice", events.Login)
	s.tell(oclock(9, 0), "bob", events.Login)
	s.tell(oclock(9, 30), "bob", events.Override, func(e *events.Event) {
		e.Session, e.Actor, e.Change, e.Status = "", "=root", events.OverrideSet, events.StatusBusy
	})
	s.tell(oclock(10, 0), "bob", events.Override, func(e *events.Event) {
		e.Session, e.Actor, e.Change = "", "=root", events.OverrideCleared
	})
	s.tell(oclock(11, 0), "bob", events.Logout)
	s.tell(oclock(12, 0), "alice", events.Logout)
	s.tell(oclock(13, 0), "alice", events.Login)
	return s.tell(oclock(17, 0), "alice", events.Logout)
}

func when(t time.Time) string { return url.QueryEscape(t.Format(time.RFC3339)) }

type pastInterval struct {
	Status, Cause, Actor string
	From                 time.Time
	To                   *time.Time
	Seq                  uint64
}

type pastPage struct {
	User          string
	Intervals     []pastInterval
	OnlineSeconds *int64 `json:"online_seconds"`
	Complete      *bool
	Next          string
}

// brief writes intervals as "online 08:00-12:00 login".
func brief(all []pastInterval) (lines []string) {
	for _, i := range all {
		to := "now"
		if i.To != nil {
			to = i.To.UTC().Format("15:04")
		}
		lines = append(lines, fmt.Sprintf("%s %s-%s %s %s", i.Status, i.From.UTC().Format("15:04"), to, i.Cause, i.Actor))
	}
	return lines
}

func TestHistoryShowsWhatAUserHasBeen(t *testing.T) {
	s := serve(t, keeping(t))
	seq := s.aDay()
	var p pastPage
	s.do("GET", "/v1/users/bob/history"+at(seq), root).is(200).into(&p)
	want := []string{"online 09:00-09:30 login bob", "busy 09:30-10:00 override =root", "online 10:00-11:00 override_cleared =root", "offline 11:00-now logout bob"}
	if got := brief(p.Intervals); strings.Join(got, "\n") != strings.Join(want, "\n") || p.User != "bob" || *p.OnlineSeconds != 5400 || !*p.Complete || p.Next != "" {
		t.Errorf("%+v\n%s", p, strings.Join(got, "\n"))
	}
	s.do("GET", "/v1/users/alice/history?from="+when(oclock(11, 0))+"&to="+when(oclock(14, 0)), root).is(200).into(&p)
	want = []string{"online 08:00-12:00 login alice", "offline 12:00-13:00 logout alice", "online 13:00-17:00 login alice"}
	if got := brief(p.Intervals); strings.Join(got, "\n") != strings.Join(want, "\n") || *p.OnlineSeconds != 7200 {
		t.Errorf("%+v\n%s", p, strings.Join(got, "\n"))
	}
	var none pastPage
	a := s.do("GET", "/v1/users/alice/history?to="+when(oclock(1, 0)), root).is(200)
	a.into(&none)
	if none.Intervals == nil || len(none.Intervals) > 0 || *none.OnlineSeconds != 0 {
		t.Errorf("%s", a.body)
	}
}

func TestHistoryComesInPages(t *testing.T) {
	s := serve(t, keeping(t))
	var last uint64
	for i := range 30 {
		s.tell(oclock(i/2, i%2*10), "alice", events.Login)
		last = s.tell(oclock(i/2, i%2*10+5), "alice", events.Logout)
	}
	var all []pastInterval
	for cursor := ""; ; {
		var p pastPage
		s.do("GET", "/v1/users/alice/history"+at(last)+"&limit=7&from="+when(oclock(1, 2))+"&cursor="+cursor, root).is(200).into(&p)
		if *p.OnlineSeconds != 27*300+3*60 {
			t.Errorf("online for %d s", *p.OnlineSeconds)
		}
		all = append(all, p.Intervals...)
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if len(all) != 28*2 {
		t.Errorf("%d intervals: %v", len(all), brief(all))
	}
	for i := 1; i < len(all); i++ {
		if !all[i].From.Equal(*all[i-1].To) {
			t.Errorf("%v does not follow %v", all[i], all[i-1])
		}
	}
	rows := s.rows("/v1/users/alice/history?from=" + when(oclock(1, 2)))
	if len(rows) != 1+len(all) || rows[1][1] != all[0].From.Format(events.TimeFormat) {
		t.Errorf("%d rows: %v", len(rows), rows)
	}
	if rows := s.rows("/v1/users/alice/history?limit=5"); len(rows) != 6 {
		t.Errorf("%d rows", len(rows))
	}
}

// rows reads a CSV answer.
func (s *service) rows(path string) [][]string {
	s.t.Helper()
	a := s.do("GET", path, root, header("Accept", "text/csv")).is(200)
	if got := a.headers.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		s.t.Errorf("content type %q", got)
	}
	rows, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	if err != nil {
		s.t.Fatal(err)
	}
	return rows
}

func TestHistoryOfThousandsOfIntervalsComesWholeAsCSV(t *testing.T) {
	s := serve(t, keeping(t))
	const n = 1300
	var items []journal.Item
	for i := range n {
		for k, typ := range []events.Type{events.Login, events.Logout} {
			at := events.MillisOf(day.Add(time.Duration(2*i+k) * time.Second))
			items = append(items, journal.Item{Event: events.Event{Type: typ, User: "alice", Session: "s", Actor: "alice", At: at}})
		}
	}
	rows := s.rows("/v1/users/alice/history" + at(s.tellAll(items).Seq))
	if len(rows) != 1+2*n {
		t.Fatalf("%d rows", len(rows))
	}
	for i := 2; i < len(rows); i++ {
		if rows[i][1] != rows[i-1][2] {
			t.Fatalf("row %d does not follow: %v %v", i, rows[i-1], rows[i])
		}
	}
}

func TestCSVHoldsNoFormula(t *testing.T) {
	s := serve(t, keeping(t))
	seq := s.aDay()
	rows := s.rows("/v1/users/bob/history" + at(seq))
	if strings.Join(rows[0], ",") != "status,from,to,cause,actor,seq" || rows[2][4] != "'=root" || rows[1][4] != "bob" || rows[4][2] != "" {
		t.Errorf("%v", rows)
	}
}

func TestHistoryIsAnAdminsAndOfSomebodyKnown(t *testing.T) {
	s := serve(t, keeping(t))
	s.aDay()
	for _, token := range []string{alice, reader, writer} {
		for _, path := range []string{"/v1/users/alice/history", "/v1/stats/concurrency", "/v1/users?at=" + when(oclock(9, 0)), "/v1/users/bob?at=" + when(oclock(9, 0))} {
			s.do("GET", path, token).fails(403, "not_allowed")
		}
	}
	s.do("GET", "/v1/users/nobody/history", root).fails(404, "unknown_user")
	for _, path := range []string{
		"/v1/users/alice/history?from=yesterday", "/v1/users/alice/history?to=2026-03-04", "/v1/users/alice/history?from=", "/v1/users/alice/history?limit=0",
		"/v1/users/alice/history?limit=1001", "/v1/users/alice/history?cursor=x", "/v1/users/alice/history?cursor=" + "MS4x", "/v1/users/alice/history?at=x",
		"/v1/users/alice/history?from=" + when(oclock(2, 0)) + "&to=" + when(oclock(1, 0)),
		"/v1/stats/concurrency?step=5", "/v1/stats/concurrency?step=0s", "/v1/stats/concurrency?step=-1m", "/v1/stats/concurrency?step=1ns",
		"/v1/stats/concurrency?step=1ms", "/v1/stats/concurrency?from=" + when(time.Unix(0, 0)),
		"/v1/users/alice?at=" + when(time.Now().Add(time.Hour)), "/v1/users?at=" + when(time.Now().Add(time.Hour)), "/v1/users?at=", "/v1/users/alice?at=0",
	} {
		s.do("GET", path, root).fails(400, "invalid_parameter")
	}
	s.do("GET", "/v1/users/alice/history", root, header("Accept", "text/html")).fails(406, "not_acceptable")
	bare := serve(t)
	seq := bare.do("POST", "/v1/login", alice).is(200).seq()
	for _, path := range []string{"/v1/users/alice/history", "/v1/stats/concurrency", "/v1/users", "/v1/users/alice"} {
		query := at(seq)
		if !strings.Contains(path, "history") && !strings.Contains(path, "stats") {
			query += "&at=" + when(oclock(1, 0))
		}
		bare.do("GET", path+query, root).fails(404, "not_found")
	}
}

func TestAUserAtAMoment(t *testing.T) {
	s := serve(t, keeping(t))
	s.archiving()
	s.aDay()
	seq := s.tell(oclock(18, 0), "carol", events.Override, func(e *events.Event) { // named, and never anything but offline
		e.Session, e.Actor, e.Change, e.Status = "", "root", events.OverrideSet, events.StatusOffline
	})
	for _, tt := range []struct {
		user         string
		at           time.Time
		status, seen string
	}{
		{"alice", oclock(8, 0), "online", "08:00"}, {"alice", oclock(11, 59), "online", "08:00"}, {"alice", oclock(12, 0), "offline", "12:00"},
		{"alice", oclock(12, 59), "offline", "12:00"}, {"alice", oclock(13, 0), "online", "13:00"}, {"alice", time.Now(), "offline", "17:00"},
		{"bob", oclock(9, 45), "busy", "09:00"}, {"bob", oclock(10, 0), "online", "09:00"}, {"carol", oclock(18, 0), "offline", ""},
	} {
		a := s.do("GET", "/v1/users/"+tt.user+at(seq)+"&at="+when(tt.at), root).is(200)
		var p shown
		a.into(&p)
		seen := ""
		if p.LastSeen != nil {
			seen = p.LastSeen.UTC().Format("15:04")
		}
		if p.User != tt.user || p.Status != tt.status || seen != tt.seen || p.Seq == 0 || a.json()["complete"] != true {
			t.Errorf("%s at %v: %s", tt.user, tt.at, a.body)
		}
	}
	s.do("GET", "/v1/users/alice?at="+when(oclock(7, 59)), root).fails(404, "unknown_user")
	s.do("GET", "/v1/users/carol?at="+when(oclock(17, 59)), root).fails(404, "unknown_user")
	s.do("GET", "/v1/users/nobody?at="+when(oclock(9, 0)), root).fails(404, "unknown_user")
	s.do("GET", "/v1/users/alice?at="+when(oclock(9, 0)), alice).is(200)
}

// TestAUserAtAMomentIsAsHeWas asks again for what was shown then, when everything else has happened since.
func TestAUserAtAMomentIsAsHeWas(t *testing.T) {
	s := serve(t, keeping(t))
	s.archiving()
	override := func(e *events.Event) {
		e.Session, e.Actor, e.Change, e.Status, e.Reason = "", "root", events.OverrideSet, events.StatusBusy, "on call"
	}
	session := func(id, device string) func(*events.Event) {
		return func(e *events.Event) { e.Session, e.Device = id, device }
	}
	type was struct {
		at   time.Time
		then map[string]any
	}
	var all []was
	for n, do := range []func(at time.Time) uint64{
		func(at time.Time) uint64 { return s.tell(at, "alice", events.Login, session("web", "Firefox")) },
		func(at time.Time) uint64 { return s.tell(at, "alice", events.Login, session("phone", "")) },
		func(at time.Time) uint64 { return s.tell(at, "alice", events.Override, override) },
		func(at time.Time) uint64 { return s.tell(at, "alice", events.Logout, session("web", "")) },
		func(at time.Time) uint64 {
			return s.tell(at, "alice", events.Offline, func(e *events.Event) {
				e.Session, e.Actor, e.Cause, e.LastSeen, e.Judged = "phone", events.ServiceActor, events.CauseTimeout, e.At, 1000
			})
		},
		func(at time.Time) uint64 {
			return s.tell(at, "alice", events.Override, func(e *events.Event) { e.Session, e.Actor, e.Change = "", "root", events.OverrideCleared })
		},
		func(at time.Time) uint64 { return s.tell(at, "alice", events.Login, session("web", "Chromium")) },
		func(at time.Time) uint64 {
			return s.tell(at, "alice", events.Logout, func(e *events.Event) { e.Session, e.All = "", true })
		},
	} {
		at := oclock(8+n, 0)
		seq := do(at)
		all = append(all, was{at, s.do("GET", fmt.Sprintf("/v1/users/alice?min_seq=%d", seq), root).is(200).json()})
	}
	for _, w := range all {
		for _, later := range []time.Duration{0, 59 * time.Minute} {
			got := s.do("GET", "/v1/users/alice?at="+when(w.at.Add(later)), root).is(200).json()
			if got["complete"] != true {
				t.Errorf("at %v: %v", w.at, got)
			}
			delete(got, "complete")
			if diff := cmp.Diff(w.then, got); diff != "" {
				t.Errorf("%v after %v: %s", later, w.at, diff)
			}
		}
	}
	// Who may not see sessions now may not see those of then: but the past is for admins and oneself anyway.
	if got := s.do("GET", "/v1/users/alice?at="+when(oclock(9, 0)), alice).is(200).json(); len(got["sessions"].([]any)) != 2 {
		t.Errorf("to herself: %v", got)
	}
}

func TestEverybodyAtAMoment(t *testing.T) {
	s := serve(t, keeping(t))
	seq := s.aDay()
	type page struct {
		Users    []shown
		Total    int
		Next     string
		Complete *bool
	}
	for _, tt := range []struct {
		at     time.Time
		status string
		want   string
	}{
		{oclock(7, 0), "", ""}, {oclock(8, 30), "", "alice:online"}, {oclock(9, 45), "", "alice:online bob:busy"}, {oclock(9, 45), "online", "alice:online"},
		{oclock(9, 45), "busy", "bob:busy"}, {oclock(12, 30), "", "alice:offline bob:offline"}, {oclock(12, 30), "offline", "alice:offline bob:offline"},
		{oclock(12, 30), "online", ""}, {oclock(14, 0), "online", "alice:online"},
	} {
		path := "/v1/users" + at(seq) + "&at=" + when(tt.at) + "&limit=1"
		if tt.status != "" {
			path += "&status=" + tt.status
		}
		var got []string
		for cursor := ""; ; {
			var p page
			s.do("GET", path+"&cursor="+cursor, root).is(200).into(&p)
			for _, u := range p.Users {
				got = append(got, u.User+":"+u.Status)
			}
			if p.Users == nil || p.Complete == nil || !*p.Complete || p.Total != len(strings.Fields(tt.want)) {
				t.Errorf("%s: %+v", path, p)
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", path, got, tt.want)
		}
	}
}

func TestWhatRetentionHasCutIsTold(t *testing.T) {
	var h *history.View
	s := serve(t, keeping(t), func(c *api.Config) { h = c.History })
	s.archiving()
	seq := s.aDay()
	s.do("GET", "/v1/me"+at(seq), alice).is(200)
	if err := h.Prune(oclock(12, 30)); err != nil {
		t.Fatal(err)
	}
	for path, complete := range map[string]bool{
		"/v1/users/alice?at=" + when(oclock(14, 0)): true, "/v1/users/alice?at=" + when(oclock(9, 0)): false,
		"/v1/users?at=" + when(oclock(14, 0)): true, "/v1/users?at=" + when(oclock(9, 0)): false,
		"/v1/users/alice/history":                                                          false,
		"/v1/users/alice/history?from=" + when(oclock(13, 0)):                              true,
		"/v1/stats/concurrency?from=" + when(oclock(13, 0)) + "&to=" + when(oclock(15, 0)): true,
		"/v1/stats/concurrency?from=" + when(oclock(9, 0)) + "&to=" + when(oclock(15, 0)):  false,
	} {
		if a := s.do("GET", path, root).is(200); a.json()["complete"] != complete {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

func TestConcurrencyCountsPeaks(t *testing.T) {
	s := serve(t, keeping(t))
	seq := s.aDay()
	a := s.do("GET", "/v1/stats/concurrency"+at(seq)+"&step=1h&from="+when(oclock(7, 0))+"&to="+when(oclock(18, 0)), root).is(200)
	var got struct {
		Points []struct {
			At           time.Time
			Online, Peak int
		}
		Complete bool
	}
	a.into(&got)
	var text []string
	for _, p := range got.Points {
		text = append(text, fmt.Sprintf("%s:%d/%d", p.At.UTC().Format("15"), p.Online, p.Peak))
	}
	if want := "07:0/0 08:1/1 09:2/2 10:2/2 11:1/1 12:0/0 13:1/1 14:1/1 15:1/1 16:1/1 17:0/0"; strings.Join(text, " ") != want || !got.Complete {
		t.Errorf("got  %v\nwant %s", text, want)
	}
	a = s.do("GET", "/v1/stats/concurrency", root).is(200)
	a.into(&got)
	if len(got.Points) != 288 || !got.Points[0].At.Before(time.Now().Add(-23*time.Hour)) {
		t.Errorf("%d points of a day up to now", len(got.Points))
	}
	empty := s.do("GET", "/v1/stats/concurrency?from="+when(oclock(7, 0))+"&to="+when(oclock(7, 0)), root).is(200)
	if !json.Valid(empty.body) || strings.Contains(string(empty.body), "null") {
		t.Errorf("%s", empty.body)
	}
}
