package api_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// lines is the answer to a stream of events.
type lines struct {
	Accepted, Rejected int
	Seq                uint64
	Errors             []struct {
		Line         int
		Code, Detail string
	}
}

func (a *answer) lines() (l lines) {
	a.t.Helper()
	a.is(200).into(&l)
	if l.Seq != a.seq() || l.Errors == nil {
		a.t.Errorf("%s", a.body)
	}
	return l
}

func (l lines) codes() (s string) {
	for _, e := range l.Errors {
		s += fmt.Sprintf("%d:%s ", e.Line, e.Code)
	}
	return strings.TrimSpace(s)
}

func TestAServiceSendsEventsForAnybody(t *testing.T) {
	s := serve(t)
	a := s.do("POST", "/v1/events", writer, asJSON(`{"type":"login","user":"bob","session":"s","device":"d"}`)).is(202)
	if p := s.see("bob", a.seq()); p.Status != "online" || p.Sessions[0].Session != "s" || p.Sessions[0].Device != "d" {
		t.Errorf("presence %+v", p)
	}
	a = s.do("POST", "/v1/events", writer, asJSON(`{"type":"heartbeat","user":"bob","session":"s","idle":true,"every":60}`)).is(202)
	if p := s.see("bob", a.seq()); p.Status != "away" {
		t.Errorf("presence %+v", p)
	}
	a = s.do("POST", "/v1/events", writer, asJSON(`{"type":"logout","user":"bob","session":"s"}`)).is(202)
	if p := s.see("bob", a.seq()); p.Status != "offline" {
		t.Errorf("presence %+v", p)
	}
}

func TestTheActorIsAlwaysTheTokens(t *testing.T) {
	s := serve(t)
	for _, a := range []*answer{
		s.do("POST", "/v1/events", writer, asJSON(`{"type":"login","user":"bob"}`)).is(202),
		s.do("POST", "/v1/events", writer, asNDJSON(`{"type":"login","user":"carol"}`)).is(200),
	} {
		if e := s.committed(a.seq())[0]; e.Actor != "writer" {
			t.Errorf("event %+v", e)
		}
	}
	seq := s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf",
		string(events.AppendBatch(nil, []events.Beat{{User: "dave", Actor: "mallory", At: 1}})))).is(200).seq()
	if e := s.committed(seq)[0]; e.Actor != "writer" || e.At < 1e12 {
		t.Errorf("heartbeat %+v", e)
	}
}

func TestEventsAreChecked(t *testing.T) {
	s := serve(t)
	for body, code := range map[string]string{
		`{"type":"override","user":"bob"}`:                              "invalid_type",
		`{"user":"bob"}`:                                                "invalid_type",
		`{"type":"login"}`:                                              "invalid_user",
		`{"type":"login","user":""}`:                                    "invalid_user",
		`{"type":"login","user":"a\u0001"}`:                             "invalid_user",
		`{"type":"login","user":"a","session":""}`:                      "invalid_session",
		`{"type":"heartbeat","user":"a","every":361}`:                   "invalid_interval",
		`{"type":"login","user":"a","device":"\u0000"}`:                 "invalid_device",
		`{"type":"login","user":"` + long(129) + `"}`:                   "invalid_user",
		`{"type":"login","user":"a","session":"a\u007f"}`:               "invalid_session",
		`{"type":"heartbeat","user":"a","session":"` + long(129) + `"}`: "invalid_session",
	} {
		s.do("POST", "/v1/events", writer, asJSON(body)).fails(422, code)
		if got := s.do("POST", "/v1/events", writer, asNDJSON("\n"+body)).lines(); got.codes() != "2:"+code || got.Rejected != 1 {
			t.Errorf("%s: %+v", body, got)
		}
	}
	s.do("POST", "/v1/events", writer, asJSON("")).fails(400, "malformed_body")
	s.do("POST", "/v1/events", writer, bodyOf("", `{"type":"login","user":"a"}`)).fails(415, "unsupported_media_type")
}

func long(n int) string { return strings.Repeat("x", n) }

func TestABadLineIsRejectedAlone(t *testing.T) {
	s := serve(t)
	got := s.do("POST", "/v1/events", writer, asNDJSON(strings.Join([]string{
		`{"type":"login","user":"a"}`,
		`not json`,
		``,
		`{"type":"login","user":"b"} {}`,
		`{"type":"login","user":"c","extra":1}`,
		`{"type":"login","user":"d","user":"e"}`,
		`{"Type":"login","user":"f"}`,
		"   ",
		`{"type":"login","user":"` + long(1<<20) + `"}`,
		`{"type":"offline","user":"g"}`,
		`[]`,
		"{\"type\":\"login\",\"user\":\"\xff\"}",
		"{\"type\":\"logout\",\"user\":\"a\"}\r",
		`{"type":"heartbeat","user":"h","leaving":true}`,
		`{"type":"heartbeat","user":"i"}`,
	}, "\n"))).lines()
	want := "2:malformed_body 4:malformed_body 5:unknown_field 6:malformed_body 7:unknown_field 9:body_too_large " +
		"10:invalid_type 11:malformed_body 12:malformed_body"
	if got.Accepted != 4 || got.Rejected != 9 || got.codes() != want {
		t.Errorf("got  %+v\nwant %s", got, want)
	}
	if p := s.see("a", got.Seq); p.Status != "offline" {
		t.Errorf("the logout on line 13 did not count: %+v", p)
	}
	s.do("GET", "/v1/users/h", reader).fails(404, "unknown_user") // a page that closes brings nobody to life
	if p := s.see("i", got.Seq); p.Status != "online" {
		t.Errorf("presence %+v", p)
	}
}

func TestLinesKeepTheirOrderInTheLog(t *testing.T) {
	s := serve(t)
	var b strings.Builder
	const users, rounds = 50, 100
	for i := range rounds {
		for u := range users {
			fmt.Fprintf(&b, `{"type":"login","user":"u%d","device":"%d"}`+"\n", u, i)
		}
	}
	got := s.do("POST", "/v1/events", writer, asNDJSON(b.String())).lines()
	if got.Accepted != users*rounds || got.Rejected != 0 {
		t.Fatalf("%+v", got)
	}
	for u := range users {
		if p := s.see(fmt.Sprint("u", u), got.Seq); p.Sessions[0].Device != fmt.Sprint(rounds-1) {
			t.Errorf("u%d ended with %s", u, p.Sessions[0].Device)
		}
	}
	if last := s.last(); got.Seq > last {
		t.Errorf("seq %d of %d", got.Seq, last)
	}
}

// TestLoginsAndHeartbeatsOfAnUploadKeepTheirOrder over all the commits that they take.
func TestLoginsAndHeartbeatsOfAnUploadKeepTheirOrder(t *testing.T) {
	s := serveLog(t, journal.Config{MaxCommit: 16 << 10})
	var b strings.Builder
	var want []string
	for i := range 1000 {
		fmt.Fprintf(&b, `{"type":"login","user":"alice","session":"%d"}
{"type":"heartbeat","user":"alice","session":"%d"}
{"type":"logout","user":"alice","session":"%d"}
`, i, i, i)
		want = append(want, fmt.Sprint("login ", i), fmt.Sprint("heartbeat ", i), fmt.Sprint("logout ", i))
	}
	if got := s.do("POST", "/v1/events", writer, asNDJSON(b.String())).lines(); got.Accepted != 3000 || got.Rejected != 0 {
		t.Fatalf("%+v", got)
	}
	var got []string
	for _, e := range s.entries("?heartbeats=true&user=alice") {
		got = append(got, e.Type+" "+e.Session)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if first := s.entries("?heartbeats=true")[0].Seq; s.last()-first < 3 {
		t.Errorf("all of them are in %d commits", s.last()-first+1)
	}
}

func TestAThousandHeartbeatsInOneRequest(t *testing.T) {
	s := serve(t)
	var beats []events.Beat
	var want []string
	for i := range 1000 {
		user := fmt.Sprintf("u%03d", i)
		beats = append(beats, events.Beat{User: user, Session: "s", Every: 60})
		want = append(want, user)
	}
	a := s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf", string(events.AppendBatch(nil, beats)))).is(200)
	if m := a.json(); m["accepted"] != 1000.0 || m["rejected"] != 0.0 || m["seq"] != float64(a.seq()) {
		t.Errorf("%s", a.body)
	}
	var got []string
	all := s.entries("?heartbeats=true")
	for _, e := range all {
		if got = append(got, e.User); e.Actor != "writer" || e.Type != "heartbeat" {
			t.Errorf("%+v", e)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if all[len(all)-1].Seq != a.seq() {
		t.Errorf("the last is at %s, told was %d", all[len(all)-1].place(), a.seq())
	}
	s.see("u999", a.seq())
	if n := s.view.Stats().Online; n != 1000 {
		t.Errorf("%d online", n)
	}
}

func TestOnlyTheFirstHundredErrorsAreTold(t *testing.T) {
	s := serve(t)
	got := s.do("POST", "/v1/events", writer, asNDJSON(strings.Repeat("x\n", 250)+`{"type":"login","user":"a"}`)).lines()
	if got.Accepted != 1 || got.Rejected != 250 || len(got.Errors) != 100 || got.Errors[99].Line != 100 {
		t.Errorf("%d accepted, %d rejected, %d told", got.Accepted, got.Rejected, len(got.Errors))
	}
}

func TestAnEmptyStreamIsFine(t *testing.T) {
	s := serve(t)
	if got := s.do("POST", "/v1/events", writer, asNDJSON("")).lines(); got.Accepted+got.Rejected != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAUserSendsLinesForItselfOnly(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.RateLimit = 4 }) // which a line that is refused counts for too
	got := s.do("POST", "/v1/events", alice, asNDJSON(`{"type":"login","user":"alice"}
{"type":"login","user":"bob"}
{"type":"heartbeat","user":"alice"}
{"type":"heartbeat","user":"alice"}
{"type":"heartbeat","user":"alice"}
{"type":"heartbeat","user":"alice"}`)).lines()
	if got.Accepted < 3 || !strings.HasPrefix(got.codes(), "2:not_allowed") || !strings.Contains(got.codes(), "rate_limited") {
		t.Errorf("%+v", got)
	}
	s.do("GET", "/v1/users/bob", reader).fails(404, "unknown_user")
}

func TestAStreamWithAKeyCanBeRepeated(t *testing.T) {
	s := serve(t)
	key := header("Idempotency-Key", "import-1")
	body := "{\"type\":\"login\",\"user\":\"a\"}\n{\"type\":\"heartbeat\",\"user\":\"a\"}\nbad\n{\"type\":\"logout\",\"user\":\"a\"}\n"
	first := s.do("POST", "/v1/events", writer, key, asNDJSON(body)).lines()
	stored := s.stored()
	again := s.do("POST", "/v1/events", writer, key, asNDJSON(body)).lines()
	if first.Accepted != 3 || again.Accepted != 3 || again.Seq != first.Seq || s.stored() != stored {
		t.Errorf("first %+v, again %+v, the log went from %d entries to %d", first, again, stored, s.stored())
	}
	again = s.do("POST", "/v1/events", writer, key, asNDJSON(body+`{"type":"login","user":"b"}`)).lines()
	if again.Accepted != 4 || s.stored() != stored+1 {
		t.Errorf("with one line more %+v, the log went from %d entries to %d", again, stored, s.stored())
	}
	other := s.do("POST", "/v1/events", writer, key, asNDJSON(strings.Replace(body, "login", "logout", 1))).lines()
	if other.codes() != "1:idempotency_conflict 3:malformed_body" {
		t.Errorf("%+v", other)
	}
}

func TestLinesAreTakenWhileTheyCome(t *testing.T) {
	s := serve(t)
	r, w := io.Pipe()
	done := make(chan *answer)
	go func() {
		done <- s.do("POST", "/v1/events", writer, func(r2 *http.Request) {
			r2.Body, r2.ContentLength = r, -1
			r2.Header.Set("Content-Type", "application/x-ndjson")
		})
	}()
	io.WriteString(w, `{"type":"login","user":"a"}`+"\n")
	journaltest.Until(t, "the first line to be in the view", func() bool {
		_, known, err := s.view.User("a")
		return known && err == nil
	})
	io.WriteString(w, `{"type":"login","user":"b"}`)
	w.Close()
	if got := (<-done).lines(); got.Accepted != 2 {
		t.Errorf("%+v", got)
	}
}

func TestALineIsTimedWhenItComes(t *testing.T) {
	clock := &steps{at: time.Now().Add(-time.Minute)} // a clock that runs ahead would not be believed
	s := serve(t, func(c *api.Config) { c.Now, c.Auth = clock.now, always("root") })
	r, w := io.Pipe()
	done := make(chan *answer)
	go func() {
		done <- s.do("POST", "/v1/events", root, asNDJSON(""), func(q *http.Request) { q.Body, q.ContentLength = r, -1 })
	}()
	io.WriteString(w, `{"type":"login","user":"a"}`+"\n")
	journaltest.Until(t, "the first line to be in the log", func() bool { return s.view.Seq() > 0 && s.view.Stats().Users == 1 })
	clock.pass(5 * time.Second)
	io.WriteString(w, `{"type":"login","user":"b"}`+"\n")
	w.Close()
	p := s.see("b", (<-done).lines().Seq)
	if got := clock.now().Sub(*p.LastSeen); got < 0 || got >= time.Millisecond {
		t.Errorf("the second line was timed %v before it came", got)
	}
}

func TestABatchOfHeartbeatsIsTakenBeatByBeat(t *testing.T) {
	s := serve(t)
	batch := events.AppendBatch(nil, []events.Beat{
		{User: "a"}, {User: "b", Session: "s", Idle: true, Every: 60}, {User: "c\x00"}, {User: ""}, {User: "d", Session: long(129)},
		{User: "e", Every: 361}, {User: "f\xff"},
	})
	a := s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf", string(batch))).is(200)
	m := a.json()
	if m["accepted"] != 2.0 || m["rejected"] != 5.0 || uint64(m["seq"].(float64)) != a.seq() {
		t.Errorf("%s", a.body)
	}
	if p := s.see("b", a.seq()); p.Status != "away" || p.Sessions[0].Session != "s" {
		t.Errorf("presence %+v", p)
	}
	m = s.do("POST", "/v1/heartbeats", alice, bodyOf("application/x-protobuf",
		string(events.AppendBatch(nil, []events.Beat{{User: "alice"}, {User: "bob"}})))).is(200).json()
	if m["accepted"] != 1.0 || m["rejected"] != 1.0 {
		t.Errorf("a user sent for another: %v", m)
	}
}

func TestALargeBatchIsTakenPieceByPiece(t *testing.T) {
	s := serve(t)
	var beats []events.Beat
	for i := range 20_000 {
		beats = append(beats, events.Beat{User: fmt.Sprintf("user-%05d", i), Session: "s"})
	}
	batch := events.AppendBatch(nil, beats)
	a := s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf", string(batch))).is(200)
	if m := a.json(); m["accepted"] != 20_000.0 || m["rejected"] != 0.0 {
		t.Errorf("%s", a.body)
	}
	s.see("user-19999", a.seq())
	if n := s.view.Stats().Online; n != 20_000 {
		t.Errorf("%d online", n)
	}
	// What comes before the break stays; the rest counts as one.
	m := s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf", string(batch)+"\x0a\xff")).is(200).json()
	if m["accepted"].(float64) < 10_000 || m["rejected"] != 1.0 {
		t.Errorf("%v", m)
	}
}

func TestABatchThatCannotBeReadIsRefusedWhole(t *testing.T) {
	s := serve(t)
	good := string(events.AppendBatch(nil, []events.Beat{{User: "a"}}))
	huge := string(protowire.AppendBytes(protowire.AppendTag(nil, 9, protowire.BytesType), make([]byte, 2<<20)))
	for name, body := range map[string]string{"text": "hello", "cut off": good[:len(good)-1], "broken at its end": good + "\x0a\xff"} {
		if a := s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf", body)); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf", huge)).fails(413, "body_too_large")
	s.do("POST", "/v1/heartbeats", writer, bodyOf("application/json", "{}")).fails(415, "unsupported_media_type")
	if m := s.do("POST", "/v1/heartbeats", writer, bodyOf("application/x-protobuf", "")).is(200).json(); m["accepted"] != 0.0 {
		t.Errorf("%v", m)
	}
	if _, known, err := s.view.User("a"); known || err != nil {
		t.Errorf("a part of a batch that was refused is in the log: %v", err)
	}
}

func TestAServiceEndsAllSessionsOfAUser(t *testing.T) {
	s := serve(t)
	for _, logout := range []func(body string) *answer{
		func(body string) *answer { return s.do("POST", "/v1/events", writer, asJSON(body)).is(202) },
		func(body string) *answer { return s.do("POST", "/v1/events", writer, asNDJSON(body+"\n")).is(200) },
	} {
		s.do("POST", "/v1/login", alice, asJSON(`{"session":"web-1"}`)).is(200)
		s.do("POST", "/v1/login", alice, asJSON(`{"session":"web-2"}`)).is(200)
		seq := logout(`{"type":"logout","user":"alice","all":true}`).seq()
		if p := s.see("alice", seq); p.Status != "offline" || len(p.Sessions) != 0 {
			t.Errorf("%+v", p)
		}
	}
	for _, body := range []string{`{"type":"login","user":"alice","all":true}`, `{"type":"heartbeat","user":"alice","all":true}`, `{"type":"logout","user":"alice","all":true,"session":"a"}`} {
		s.do("POST", "/v1/events", writer, asJSON(body)).fails(422, "invalid_session")
	}
	s.do("POST", "/v1/events", alice, asJSON(`{"type":"logout","user":"bob","all":true}`)).fails(403, "not_allowed")
}
