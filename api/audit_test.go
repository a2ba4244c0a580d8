package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// entry is an event of the audit.
type entry struct {
	Seq                       uint64
	Nth                       *uint32
	ID, Type, User, Session   string
	At                        time.Time
	Actor, Reason, Change     string
	Undecodable               bool
	Subject, Error, LastField string
	Data                      []byte
}

type auditPage struct {
	Events []entry
	Next   uint64 `json:"next_after_seq"`
}

func (s *service) audit(query string) (p auditPage) {
	s.t.Helper()
	a := s.do("GET", "/v1/events"+query, root).is(200)
	a.into(&p)
	if p.Events == nil {
		s.t.Errorf("%s", a.body)
	}
	return p
}

// entries reads the audit as lines.
func (s *service) entries(query string) (all []entry) {
	s.t.Helper()
	a := s.do("GET", "/v1/events"+query, root, header("Accept", "application/x-ndjson")).is(200)
	if got := a.headers.Get("Content-Type"); got != "application/x-ndjson" {
		s.t.Errorf("content type %q", got)
	}
	for line := range bytes.SplitSeq(bytes.TrimSpace(a.body), []byte("\n")) {
		var e entry
		if len(line) == 0 {
			continue
		}
		if err := json.Unmarshal(line, &e); err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

// put puts data on a subject of the log, as nobody but a hand can.
func (s *service) put(subject, data string) uint64 {
	s.t.Helper()
	ack, err := s.journal.JetStream().Publish(s.t.Context(), subject, []byte(data))
	if err != nil {
		s.t.Fatal(err)
	}
	return ack.Sequence
}

// trim makes the hot stream begin at seq, once everything before it is copied.
func (s *service) trim(copied func() uint64, seq uint64) {
	s.t.Helper()
	journaltest.Until(s.t, "the copy", func() bool { return copied()+1 >= seq })
	hot, err := s.journal.JetStream().Stream(s.t.Context(), events.StreamHot)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := hot.Purge(s.t.Context(), jetstream.WithPurgeSequence(seq)); err != nil {
		s.t.Fatal(err)
	}
}

func TestAuditShowsTheEventsAsTheyAreStored(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/login", alice, asJSON(`{"session":"web-1","device":"Firefox"}`)).is(200)
	s.do("POST", "/v1/heartbeat", alice).is(204)
	seq := s.do("PUT", "/v1/users/alice/override", root, asJSON(`{"status":"busy","reason":"\"on\" call"}`)).is(200).seq()
	a := s.do("GET", "/v1/events"+at(seq), root).is(200)
	if a.seq() < seq {
		t.Errorf("the view stands at %d", a.seq())
	}
	var raw struct{ Events []json.RawMessage }
	a.into(&raw)
	if len(raw.Events) != 2 {
		t.Fatalf("%s", a.body)
	}
	m, err := s.journal.Message(t.Context(), seq)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`{"seq":%d,`, seq) + string(m.Data[1:]); string(raw.Events[1]) != want {
		t.Errorf("got  %s\nwant %s", raw.Events[1], want)
	}
	var p auditPage
	a.into(&p)
	if e := p.Events[0]; e.Type != "login" || e.User != "alice" || e.Session != "web-1" || e.Actor != "alice" || e.ID == "" || e.At.IsZero() {
		t.Errorf("%+v", e)
	}
	if e := p.Events[1]; e.Type != "override" || e.Actor != "root" || e.Reason != `"on" call` || e.Change != "set" || p.Next != 0 {
		t.Errorf("%+v", e)
	}
}

func TestAuditIsFiltered(t *testing.T) {
	s := serve(t)
	archive := s.archiving()
	first := s.tell(oclock(8, 0), "alice", events.Login)
	s.tell(oclock(9, 0), "bob", events.Login)
	third := s.tell(oclock(10, 0), "bob", events.Logout)
	last := s.tell(oclock(11, 0), "alice", events.Logout)
	for _, trimmed := range []bool{false, true} {
		if trimmed {
			s.trim(archive.Copied, third)
		}
		for query, want := range map[string]string{
			"":                        "alice login, bob login, bob logout, alice logout",
			"?user=alice":             "alice login, alice logout",
			"?type=login":             "alice login, bob login",
			"?type=login,logout":      "alice login, bob login, bob logout, alice logout",
			"?type=logout&type=login": "alice login, bob login, bob logout, alice logout",
			"?type=override":          "",
			"?user=bob&type=logout":   "bob logout",
			"?user=nobody":            "",
			"?limit=1&user=bob":       "bob login",
			"?from=" + when(oclock(9, 0)) + "&to=" + when(oclock(11, 0)): "bob login, bob logout",
			"?from=" + when(oclock(11, 1)):                               "",
			fmt.Sprintf("?after_seq=%d", first):                          "bob login, bob logout, alice logout",
			fmt.Sprintf("?after_seq=%d", last):                           "",
			fmt.Sprintf("?after_seq=%d", last+1000):                      "",
		} {
			for name, all := range map[string][]entry{"page": s.audit(query).Events, "lines": s.entries(query)} {
				var got []string
				for _, e := range all {
					got = append(got, e.User+" "+e.Type)
				}
				if strings.Join(got, ", ") != want {
					t.Errorf("%s of %q, trimmed %v: %v, want %s", name, query, trimmed, got, want)
				}
			}
		}
	}
}

func TestAuditComesInPages(t *testing.T) {
	s := serve(t)
	archive := s.archiving()
	var want []uint64
	for i := range 25 {
		want = append(want, s.tell(oclock(8, i), fmt.Sprintf("u%d", i%3), events.Login))
	}
	s.trim(archive.Copied, want[13])
	for _, query := range []string{"limit=4", "limit=5", "limit=25", "limit=26", ""} {
		var got []uint64
		for after := uint64(0); ; {
			p := s.audit(fmt.Sprintf("?after_seq=%d&%s", after, query))
			for _, e := range p.Events {
				got = append(got, e.Seq)
			}
			if after = p.Next; after == 0 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

func TestAuditUnfoldsHeartbeats(t *testing.T) {
	s := serve(t)
	seq := s.put(events.HeartbeatSubject, string(events.AppendBatch(nil, []events.Beat{
		{User: "alice", Session: "web", Actor: "alice", At: events.MillisOf(oclock(8, 0)), Idle: true, Every: 60},
		{User: "bob", Session: "default", Actor: "backend", At: events.MillisOf(oclock(8, 1)), Leaving: true},
		{User: "alice", Session: "default", Actor: "alice", At: events.MillisOf(oclock(8, 2))},
	})))
	next := s.tell(oclock(9, 0), "alice", events.Login)
	if got := s.audit("").Events; len(got) != 1 {
		t.Errorf("without being asked: %+v", got)
	}
	a := s.do("GET", "/v1/events?heartbeats=true&to="+when(oclock(8, 2)), root).is(200)
	if want := fmt.Sprintf(`{"events":[{"seq":%d,"nth":0,"type":"heartbeat","v":1,"user":"alice","session":"web","at":"2026-03-04T08:00:00.000Z","actor":"alice","idle":true,"every":60},`+
		`{"seq":%d,"nth":1,"type":"heartbeat","v":1,"user":"bob","session":"default","at":"2026-03-04T08:01:00.000Z","actor":"backend","leaving":true}]}`+"\n", seq, seq); string(a.body) != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	for query, want := range map[string]int{
		"?heartbeats=true": 4, "?heartbeats=true&user=alice": 3, "?type=heartbeat": 3, "?type=heartbeat&user=bob": 1,
		"?heartbeats=true&type=login": 1, "?heartbeats=false": 1, "?type=heartbeat,login&user=alice": 3,
	} {
		if got := s.audit(query).Events; len(got) != want {
			t.Errorf("%s: %+v", query, got)
		}
	}
	p := s.audit("?heartbeats=true&limit=1") // those of one message stay together
	if len(p.Events) != 3 || p.Next != seq {
		t.Errorf("%+v", p)
	}
	if p := s.audit(fmt.Sprintf("?heartbeats=true&limit=1&after_seq=%d", p.Next)); len(p.Events) != 1 || p.Events[0].Seq != next || p.Next != 0 {
		t.Errorf("%+v", p)
	}
}

func TestWhatCannotBeDecodedIsSeenAndSteppedOver(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.Registry = prometheus.NewRegistry() })
	archive := s.archiving()
	s.tell(oclock(8, 0), "alice", events.Login)
	strange := map[uint64]string{
		s.put("presence.user.alice.wink", `{"id":"1","type":"wink","v":1,"user":"alice","at":"2026-03-04T08:00:00Z","actor":"alice"}`):    "unknown event type",
		s.put("presence.user.alice.login", `{"id":"1","type":"login","v":99,"user":"alice","at":"2026-03-04T08:00:00Z","actor":"alice"}`): "newer version",
		s.put("presence.user.alice.logout", "\x00\xff\xfe random \n bytes"):                                                               "malformed",
		s.put("presence.user.alice.login", ""): "malformed",
		s.put("presence.user.bob.login", `{"id":"1","type":"login","v":1,"user":"alice","session":"s","at":"2026-03-04T08:00:00Z","actor":"a"}`): "another",
		s.put("presence.user.alice.online", strings.Repeat("x", 5000)):                                                                           "malformed",
		s.put("presence.user.no%zzsubject.at.all", "{}"):                                                                                         "malformed",
	}
	broken := s.put(events.HeartbeatSubject, "\xff\xff\xff")
	// As somebody else's program may write them: over lines, with fields that are not known, and with one that is ours.
	pretty := s.put("presence.user.carol.login", "{\n\"id\":\"1\",\"type\":\"login\",\"v\":1,\"user\":\"carol\",\"session\":\"s\",\"at\":\"2026-03-04T08:00:00Z\",\"actor\":\"a\"}")
	sly := s.put("presence.user.carol.logout", `{"seq":1,"id":"2","type":"logout","v":1,"user":"carol","session":"s","at":"2026-03-04T08:00:00Z","actor":"a"}`)
	last := s.tell(oclock(9, 0), "alice", events.Logout)

	check := func(all []entry) {
		t.Helper()
		found := 0
		for _, e := range all {
			why, ok := strange[e.Seq]
			if e.Undecodable != ok {
				t.Errorf("%+v", e)
			}
			if ok {
				found++
				if !strings.Contains(e.Error, why) || e.Subject == "" || len(e.Data) > 1024 {
					t.Errorf("%d: %s, want %s", e.Seq, e.Error, why)
				}
			}
		}
		if found != len(strange) || len(all) != len(strange)+4 || all[len(all)-1].Seq != last {
			t.Errorf("%d of %d entries are undecodable", found, len(all))
		}
	}
	check(s.audit("").Events)
	check(s.entries(""))
	for _, e := range s.audit("?user=carol").Events {
		if e.Seq != pretty && e.Seq != sly || e.User != "carol" {
			t.Errorf("%+v", e)
		}
	}
	if got := s.audit("?type=heartbeat").Events; len(got) != 1 || got[0].Seq != broken || !got[0].Undecodable {
		t.Errorf("%+v", got)
	}
	s.do("GET", "/v1/me"+at(last), alice).is(200)
	if page := string(s.do("GET", "/metrics", "").is(200).body); !strings.Contains(page, fmt.Sprintf("\nrollcall_undecodable_events_total %d\n", len(strange)+1)) {
		t.Errorf("not counted: %s", page)
	}
	s.trim(archive.Copied, last+1)
	check(s.entries(""))
}

func TestEveryReadingOfTheAuditIsLogged(t *testing.T) {
	s := serve(t)
	s.audit("?user=alice&type=login")
	s.entries("?after_seq=3")
	if got := strings.Count(s.logs.String(), `msg="the audit was read" actor=root`); got != 2 || !strings.Contains(s.logs.String(), "user=alice types=[login]") {
		t.Errorf("%s", s.logs)
	}
	s.do("GET", "/v1/events", alice).fails(403, "not_allowed")
	s.do("GET", "/v1/events", writer).fails(403, "not_allowed")
	if got := strings.Count(s.logs.String(), "the audit was read"); got != 2 {
		t.Errorf("%d readings logged", got)
	}
}

func TestAuditParametersAreChecked(t *testing.T) {
	s := serve(t)
	for _, query := range []string{
		"type=logn", "type=", "type=login,", "after_seq=-1", "after_seq=x", "limit=0", "limit=1001", "heartbeats=yes", "heartbeats=", "follow=true", "follow=1",
		"from=x", "to=x", "user=a&user=b", "from=" + when(oclock(2, 0)) + "&to=" + when(oclock(1, 0)), "at=" + when(oclock(1, 0)),
	} {
		s.do("GET", "/v1/events?"+query, root).fails(400, "invalid_parameter")
	}
	s.do("GET", "/v1/events?user=", root).fails(422, "invalid_user")
	s.do("GET", "/v1/events?user=%00", root).fails(422, "invalid_user")
	s.do("GET", "/v1/events", root, header("Accept", "text/html")).fails(406, "not_acceptable")
	s.do("HEAD", "/v1/events?follow=true", root, header("Accept", "application/x-ndjson")).is(200)
}

// followed is an answer that goes on.
type followed struct {
	t     testing.TB
	lines chan string // closed at its end
}

func (s *service) follow(token, query string) *followed {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/v1/events"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "application/x-ndjson")
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		s.t.Fatal(resp.Status)
	}
	f := &followed{t: s.t, lines: make(chan string)}
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(s.t.Context())
	go func() {
		defer close(done)
		defer close(f.lines)
		for b := bufio.NewScanner(resp.Body); b.Scan(); {
			select {
			case f.lines <- b.Text():
			case <-ctx.Done():
			}
		}
	}()
	s.t.Cleanup(func() { cancel(); resp.Body.Close(); <-done })
	return f
}

// next returns the next line that is not empty.
func (f *followed) next() string {
	f.t.Helper()
	for {
		select {
		case line, ok := <-f.lines:
			if line != "" || !ok {
				return line
			}
		case <-time.After(10 * time.Second):
			f.t.Fatal("nothing came")
		}
	}
}

func TestAuditIsFollowed(t *testing.T) {
	s := serve(t)
	s.tell(oclock(8, 0), "alice", events.Login)
	f := s.follow(root, "?follow=true&user=alice")
	if got := f.next(); !strings.Contains(got, `"type":"login"`) {
		t.Errorf("%s", got)
	}
	s.tell(oclock(8, 0), "bob", events.Login)
	s.tell(oclock(9, 0), "alice", events.Logout)
	if got := f.next(); !strings.Contains(got, `"type":"logout"`) || !strings.Contains(got, `"user":"alice"`) {
		t.Errorf("%s", got)
	}
	empty := s.follow(root, "?follow=true&type=override&after_seq=1000000")
	s.api.Drain()
	for _, f := range []*followed{f, empty} {
		if got := f.next(); got != "" {
			t.Errorf("after the end: %s", got)
		}
	}
}

func TestAFollowedAuditEndsWithItsToken(t *testing.T) {
	s := serve(t)
	// The leeway lies behind the token's end; this one is within it for two seconds more.
	short := minted(auth.MintClaims{User: "root", Scope: "presence:admin", TTL: 3 * time.Second, Now: time.Now().Add(-auth.Leeway)})
	if got := s.follow(short, "?follow=true").next(); got != "" {
		t.Errorf("%s", got)
	}
}
