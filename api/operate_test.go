package api_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/events/timeouts"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

// operating does what a test tells it.
type operating struct {
	verify  func(ctx context.Context, report func(mirror.Progress)) ([]mirror.Comparison, error)
	rebuild func(ctx context.Context, which string) error
}

func (o *operating) Verify(ctx context.Context, report func(mirror.Progress)) ([]mirror.Comparison, error) {
	return o.verify(ctx, report)
}

func (o *operating) Rebuild(ctx context.Context, which string, _ func(mirror.Progress)) error {
	return o.rebuild(ctx, which)
}

func operated(o *operating) func(*api.Config) { return func(c *api.Config) { c.Operator = o } }

func TestVerifyTellsHowFarItIsAndWhatItFound(t *testing.T) {
	s := serve(t, operated(&operating{verify: func(_ context.Context, report func(mirror.Progress)) ([]mirror.Comparison, error) {
		report(mirror.Progress{Seq: 0, To: 20, Events: 0, Took: 250 * time.Millisecond})
		report(mirror.Progress{Seq: 20, To: 20, Events: 33, Took: time.Second})
		return []mirror.Comparison{{View: "current", Seq: 20, Users: 3, Equal: false, Digest: "a", Live: "b", Differs: "bob"}}, nil
	}}))
	want := `{"seq":0,"to":20,"events":0,"seconds":0.25}
{"seq":20,"to":20,"events":33,"seconds":1}
{"done":true,"views":[{"view":"current","seq":20,"users":3,"equal":false,"digest":"a","live":"b","differs":"bob"}]}
`
	if a := s.do("POST", "/v1/verify", root).is(200); string(a.body) != want || a.headers.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
}

func TestRebuildTakesAView(t *testing.T) {
	var asked []string
	fail := error(nil)
	s := serve(t, operated(&operating{rebuild: func(_ context.Context, which string) error {
		asked = append(asked, which)
		return fail
	}}))
	for _, query := range []string{"", "?view=", "?view=current", "?view=history"} {
		if a := s.do("POST", "/v1/rebuild"+query, root).is(200); string(a.body) != `{"done":true}`+"\n" {
			t.Errorf("%s", a.body)
		}
	}
	if got := strings.Join(asked, ","); got != ",,current,history" {
		t.Errorf("asked for %s", got)
	}
	fail = errors.New("open /var/lib/secret: no such file")
	a := s.do("POST", "/v1/rebuild", root).is(200)
	if bytes.Contains(a.body, []byte("secret")) || a.json()["done"] != true || a.json()["error"] == "" || !strings.Contains(s.logs.String(), "secret") {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/v1/rebuild?view=past", root).fails(400, "invalid_parameter")
}

func TestOneWorksAtATimeAndOnlyWhileTheNodeStays(t *testing.T) {
	began := make(chan struct{})
	s := serve(t, operated(&operating{verify: func(ctx context.Context, _ func(mirror.Progress)) ([]mirror.Comparison, error) {
		close(began)
		<-ctx.Done()
		return nil, ctx.Err()
	}}))
	first := make(chan *answer, 1)
	go func() { first <- s.do("POST", "/v1/verify", root) }()
	<-began
	s.do("POST", "/v1/verify", root).fails(409, "in_progress")
	s.do("POST", "/v1/rebuild", root).fails(409, "in_progress")
	s.api.Drain()
	if a := <-first; a.status != 200 || a.json()["error"] != "The node is shutting down." {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.do("POST", "/v1/verify", root).fails(503, "shutting_down")
}

func TestOperatingIsAnAdmins(t *testing.T) {
	s := serve(t, operated(&operating{}), judging(nil, nil))
	for _, token := range []string{alice, reader, writer} {
		for _, request := range []string{"POST /v1/verify", "POST /v1/rebuild", "GET /v1/overdue", "POST /v1/overdue", "DELETE /v1/users/alice"} {
			method, path, _ := strings.Cut(request, " ")
			s.do(method, path, token).fails(403, "not_allowed")
		}
	}
	bare := serve(t)
	for _, request := range []string{"POST /v1/verify", "POST /v1/rebuild", "GET /v1/overdue", "POST /v1/overdue"} {
		method, path, _ := strings.Cut(request, " ")
		bare.do(method, path, root).fails(404, "not_found")
	}
}

// judge says what a test tells it.
type judge struct {
	found []timeouts.Overdue
	err   error
}

func (j *judge) Overdue(context.Context) ([]timeouts.Overdue, error) { return j.found, j.err }
func (j *judge) Emit(context.Context) (int, error)                   { return len(j.found), j.err }

func judging(found []timeouts.Overdue, err error) func(*api.Config) {
	return func(c *api.Config) { c.Timeouts = &judge{found, err} }
}

func TestOverdueSessionsAreListedAndWrittenDown(t *testing.T) {
	s := serve(t, judging([]timeouts.Overdue{{User: "alice", Session: "web", LastSeen: events.MillisOf(oclock(8, 0)), Since: events.MillisOf(oclock(8, 2))}}, nil))
	want := `{"overdue":[{"user":"alice","session":"web","last_seen":"2026-03-04T08:00:00.000Z","due_since":"2026-03-04T08:02:00.000Z"}]}` + "\n"
	if a := s.do("GET", "/v1/overdue", root).is(200); string(a.body) != want {
		t.Errorf("%s", a.body)
	}
	if a := s.do("POST", "/v1/overdue", root).is(200); string(a.body) != `{"emitted":1}`+"\n" {
		t.Errorf("%s", a.body)
	}
	nobody := serve(t, judging(nil, nil))
	if a := nobody.do("GET", "/v1/overdue", root).is(200); string(a.body) != `{"overdue":[]}`+"\n" {
		t.Errorf("%s", a.body)
	}
	gone := serve(t, judging(nil, journal.ErrUnavailable))
	gone.do("GET", "/v1/overdue", root).fails(503, "log_unavailable")
	gone.do("POST", "/v1/overdue", root).fails(503, "log_unavailable")
}

func TestErasureLeavesNothingBehind(t *testing.T) {
	s := serve(t, keeping(t))
	s.archiving()
	s.aDay()
	s.do("DELETE", "/v1/users/nobody", root).fails(404, "unknown_user")
	seq := s.last()
	a := s.do("DELETE", "/v1/users/bob"+at(seq), root).is(200)
	var got struct {
		User   string
		Erased int `json:"events_erased"`
		Seq    uint64
	}
	a.into(&got)
	if got.User != "bob" || got.Erased != 4 || got.Seq <= seq || a.seq() != got.Seq {
		t.Errorf("%s", a.body)
	}
	for _, path := range []string{"/v1/users/bob", "/v1/users/bob/history", "/v1/users/bob?at=" + when(oclock(9, 0))} {
		s.do("GET", path, root).fails(404, "unknown_user")
	}
	if left := s.entries("?user=bob"); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
	all := s.entries("")
	if last := all[len(all)-1]; len(all) != 5 || last.Type != "erased" || last.User != "" || last.Actor != "root" {
		t.Errorf("the audit: %+v", all)
	}
	s.do("DELETE", "/v1/users/bob", root).fails(404, "unknown_user")
	s.do("GET", "/v1/users/alice", root).is(200)
}

// faltering is a log whose first erasure breaks off after the event that begins it.
type faltering struct {
	*journal.Journal
	broken bool
}

func (f *faltering) Erase(ctx context.Context, user, actor string) (events.Place, int, error) {
	if f.broken {
		return f.Journal.Erase(ctx, user, actor)
	}
	f.broken = true
	e := events.Event{Type: events.Erased, Actor: actor, At: 1, Salt: "00"}
	e.Hash = events.HashID(e.Salt, user)
	at, err := f.Append(ctx, e, events.Key{})
	return at, 0, errors.Join(journal.ErrSlow, err)
}

func TestAnErasureThatBrokeOffCanBeRepeated(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.Log = &faltering{Journal: c.Log.(*journal.Journal)} })
	s.archiving()
	seq := s.tell(oclock(8, 0), "bob", events.Login)
	s.do("DELETE", "/v1/users/bob"+at(seq), root).fails(503, "log_slow")
	s.do("GET", "/v1/users/bob"+at(s.last()), root).fails(404, "unknown_user")
	journaltest.Until(t, "the copy", func() bool { return len(s.entries("?user=bob")) == 1 })
	if a := s.do("DELETE", "/v1/users/bob", root).is(200); a.json()["events_erased"] != 1.0 {
		t.Errorf("%s", a.body)
	}
	s.do("DELETE", "/v1/users/bob", root).fails(404, "unknown_user")
}
