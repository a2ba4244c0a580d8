package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// entry is an event of the audit.
type entry struct {
	Seq                     uint64
	Nth                     *uint32
	ID, Type, User, Session string
	At                      time.Time
	Actor, Reason, Change   string
	Undecodable, Commit     bool
	Error                   string
	Data                    []byte
	Device                  string
}

// place is where e is in the log, as after_seq takes it.
func (e entry) place() string {
	p := events.Place{Seq: e.Seq}
	if e.Nth != nil {
		p.Nth = *e.Nth
	}
	return p.String()
}

type auditPage struct {
	Events []entry
	Next   string `json:"next_after_seq"`
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

// put puts a message into the log, as no node would, and returns its sequence.
func (s *service) put(data []byte) uint64 {
	s.t.Helper()
	ack, err := s.broker().Publish(s.t.Context(), events.LogSubject, data)
	if err != nil {
		s.t.Fatal(err)
	}
	return ack.Sequence
}

// pages reads the audit page by page, limit events each.
func (s *service) pages(query string, limit int) (all []entry) {
	s.t.Helper()
	for after := ""; ; {
		p := s.audit(fmt.Sprintf("?limit=%d%s%s", limit, query, after))
		all = append(all, p.Events...)
		if p.Next == "" {
			return all
		}
		if last := p.Events[len(p.Events)-1]; len(p.Events) != limit || p.Next != last.place() {
			s.t.Fatalf("%d events, the last at %s, and the next are after %s", len(p.Events), last.place(), p.Next)
		}
		after = "&after_seq=" + p.Next
	}
}

// trim makes the hot stream begin at seq, once everything before it is copied.
func (s *service) trim(copied func() uint64, seq uint64) {
	s.t.Helper()
	journaltest.Until(s.t, "the copy", func() bool { return copied()+1 >= seq })
	hot, err := s.broker().Stream(s.t.Context(), events.StreamHot)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := hot.Purge(s.t.Context(), jetstream.WithPurgeSequence(seq)); err != nil {
		s.t.Fatal(err)
	}
}

func TestAuditShowsTheEventsAsTheyAreStored(t *testing.T) {
	s := serve(t)
	archive := s.archiving()
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
	journaltest.Until(t, "the copy", func() bool { return archive.Copied() >= seq })
	stream, err := s.broker().Stream(t.Context(), events.StreamArchive)
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), "presence.user.alice.override")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`{"seq":%d,`, seq) + string(m.Data[1:]); string(raw.Events[1]) != want {
		t.Errorf("got  %s\nwant %s", raw.Events[1], want)
	}
	// With heartbeats, it comes out of the hot stream, and is the same.
	var hot struct{ Events []json.RawMessage }
	s.do("GET", "/v1/events?heartbeats=true", root).is(200).into(&hot)
	if len(hot.Events) != 3 || string(hot.Events[2]) != string(raw.Events[1]) {
		t.Errorf("got  %s\nwant %s", hot.Events, raw.Events)
	}
	var p auditPage
	a.into(&p)
	if e := p.Events[0]; e.Type != "login" || e.User != "alice" || e.Session != "web-1" || e.Actor != "alice" || e.ID == "" || e.At.IsZero() {
		t.Errorf("%+v", e)
	}
	if e := p.Events[1]; e.Type != "override" || e.Actor != "root" || e.Reason != `"on" call` || e.Change != "set" || p.Next != "" {
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
			fmt.Sprintf("?after_seq=%d.0", first):                        "bob login, bob logout, alice logout",
			fmt.Sprintf("?after_seq=%d.7&user=bob", third):               "",
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
		for after := "0"; after != ""; {
			p := s.audit(fmt.Sprintf("?after_seq=%s&%s", after, query))
			for _, e := range p.Events {
				got = append(got, e.Seq)
			}
			after = p.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

// crowded puts commits of many entries into the log: logins, heartbeats and logouts of alice, bob and carol. It returns
// the places of all, and of those that are no heartbeats.
func (s *service) crowded() (all, lasting []string) {
	s.t.Helper()
	for range 3 {
		var items []journal.Item
		for i := range 30 {
			e := events.Event{Type: []events.Type{events.Login, events.Heartbeat, events.Heartbeat, events.Logout}[i%4], User: []string{"alice", "bob", "carol"}[i%3],
				Session: "s", At: events.MillisOf(oclock(8, i))}
			e.Actor = e.User
			items = append(items, journal.Item{Event: e})
		}
		last := s.tellAll(items)
		if last.Nth != 29 {
			s.t.Fatalf("the last of 30 is at %s", last)
		}
		for i := range items {
			p := events.Place{Seq: last.Seq, Nth: uint32(i)}.String()
			if all = append(all, p); items[i].Event.Type != events.Heartbeat {
				lasting = append(lasting, p)
			}
		}
	}
	return all, lasting
}

func places(all []entry) (list []string) {
	for _, e := range all {
		list = append(list, e.place())
	}
	return list
}

// TestAuditComesInPagesThatEndWithinACommit reads commits of many entries one by one: each comes once.
func TestAuditComesInPagesThatEndWithinACommit(t *testing.T) {
	s := serve(t)
	archive := s.archiving()
	all, lasting := s.crowded()
	last := s.last()
	for _, trimmed := range []bool{false, true} {
		if trimmed {
			s.trim(archive.Copied, last+1)
			all = lasting
		}
		for _, limit := range []int{1, 7, 1000} {
			if diff := cmp.Diff(all, places(s.pages("&heartbeats=true", limit))); diff != "" {
				t.Errorf("trimmed %v, limit %d: %s", trimmed, limit, diff)
			}
			if diff := cmp.Diff(lasting, places(s.pages("", limit))); diff != "" {
				t.Errorf("trimmed %v, limit %d, without heartbeats: %s", trimmed, limit, diff)
			}
		}
		if got := places(s.pages("&user=bob", 1)); len(got) != 3*5 {
			t.Errorf("trimmed %v, of bob: %v", trimmed, got)
		}
	}
}

func TestAfterSeqIsAPlaceInTheLog(t *testing.T) {
	s := serve(t)
	archive := s.archiving()
	all, lasting := s.crowded()
	journaltest.Until(t, "the copy", func() bool { return archive.Copied() >= s.last() })
	for _, list := range []struct {
		query  string
		places []string
	}{{"&heartbeats=true", all}, {"", lasting}} {
		for i, after := range list.places {
			want := list.places[i+1:]
			if got := places(s.entries("?after_seq=" + after + list.query)); !slices.Equal(got, want) {
				t.Errorf("after %s: %v, want %v", after, got, want)
			}
			seq, _, _ := strings.Cut(after, ".") // after the whole commit
			want = slices.DeleteFunc(slices.Clone(want), func(p string) bool { return strings.HasPrefix(p, seq+".") })
			if got := places(s.entries("?after_seq=" + seq + list.query)); !slices.Equal(got, want) {
				t.Errorf("after %s: %v, want %v", seq, got, want)
			}
		}
	}
}

func TestAuditUnfoldsHeartbeats(t *testing.T) {
	s := serve(t)
	s.archiving()
	beats := []events.Beat{
		{User: "alice", Session: "web", Actor: "alice", At: events.MillisOf(oclock(8, 0)), Idle: true, Every: 60},
		{User: "bob", Session: "default", Actor: "backend", At: events.MillisOf(oclock(8, 1)), Leaving: true},
		{User: "alice", Session: "default", Actor: "alice", At: events.MillisOf(oclock(8, 2))},
	}
	commit := events.AppendCommit(nil, beats[0].At, "n", 0)
	for i := range beats {
		commit = events.AppendBeat(commit, &beats[i], beats[0].At)
	}
	seq := s.put(commit)
	next := s.tell(oclock(9, 0), "alice", events.Login)
	if got := s.audit("").Events; len(got) != 1 {
		t.Errorf("without being asked: %+v", got)
	}
	a := s.do("GET", "/v1/events?heartbeats=true&to="+when(oclock(8, 2)), root).is(200)
	if want := fmt.Sprintf(`{"events":[{"seq":%d,"type":"heartbeat","v":1,"user":"alice","session":"web","at":"2026-03-04T08:00:00.000Z","actor":"alice","idle":true,"every":60},`+
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
	p := s.audit("?heartbeats=true&limit=1") // a page ends within a commit, too
	if len(p.Events) != 1 || p.Next != fmt.Sprintf("%d.0", seq) {
		t.Errorf("%+v", p)
	}
	p = s.audit("?heartbeats=true&limit=2&after_seq=" + p.Next)
	if len(p.Events) != 2 || *p.Events[0].Nth != 1 || *p.Events[1].Nth != 2 || p.Next != fmt.Sprintf("%d.2", seq) {
		t.Errorf("%+v", p)
	}
	if p := s.audit("?heartbeats=true&limit=1&after_seq=" + p.Next); len(p.Events) != 1 || p.Events[0].Seq != next || p.Next != "" {
		t.Errorf("%+v", p)
	}
}

// raw is an entry of a commit, field by field, as a newer version or a broken disk might have it.
func raw(fields ...any) (body []byte) {
	for i := 0; i < len(fields); i += 2 {
		num := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			body = protowire.AppendVarint(protowire.AppendTag(body, num, protowire.VarintType), uint64(v))
		case string:
			body = protowire.AppendString(protowire.AppendTag(body, num, protowire.BytesType), v)
		}
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), body)
}

func TestWhatCannotBeDecodedIsSeenAndSteppedOver(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.Registry = prometheus.NewRegistry() })
	archive := s.archiving()
	s.tell(oclock(8, 0), "alice", events.Login)
	const user, typ, version, key, status = 1, 8, 9, 10, 15
	strange := map[string]string{} // place → why
	users := map[string]string{}   // place → who it is about
	commit := events.AppendCommit(nil, events.MillisOf(oclock(8, 0)), "newer", 0)
	note := func(nth int, of, why string) {
		p := events.Place{Seq: s.last() + 1, Nth: uint32(nth)}.String()
		strange[p], users[p] = why, of
	}
	for i, e := range []struct {
		user, why string
		data      []byte
	}{
		{"alice", "unknown event type", raw(user, "alice", typ, 77, 40, "what only a newer version knows")},
		{"alice", "newer version", raw(user, "alice", typ, 1, version, 99)},
		{"alice", "malformed", raw(user, "alice", typ, 3, status, 99)},
		{"alice", "malformed", raw(user, "alice", typ, 1, key, "short")},
		{"", "malformed", protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte("\xff\xff"))},
		{"", "malformed", raw(user, "a\x00b", typ, 1)},
		{"bob", "malformed", raw(user, "bob", typ, 4, 12, strings.Repeat("x", 5000))}, // an offline without a session
	} {
		note(i, e.user, e.why)
		commit = append(commit, e.data...)
	}
	s.put(commit)
	whole := s.put([]byte("\xff\xff\xff random \n bytes"))
	last := s.tell(oclock(9, 0), "alice", events.Logout)

	check := func(all []entry) {
		t.Helper()
		found := 0
		for _, e := range all {
			if e.Seq == whole {
				if !e.Undecodable || !e.Commit || e.User != "" || !strings.Contains(e.Error, "malformed") || string(e.Data) != "\xff\xff\xff random \n bytes" {
					t.Errorf("%+v", e)
				}
				continue
			}
			why, ok := strange[e.place()]
			if e.Undecodable != ok || e.Commit {
				t.Errorf("%+v", e)
			}
			if ok {
				found++
				if !strings.Contains(e.Error, why) || len(e.Data) == 0 || len(e.Data) > 1024 {
					t.Errorf("%s: %s, want %s", e.place(), e.Error, why)
				}
				if of := users[e.place()]; of != "" && e.User != of {
					t.Errorf("%s: it is about %q, want %q", e.place(), e.User, of)
				}
			}
		}
		if found != len(strange) || len(all) != len(strange)+3 || all[len(all)-1].Seq != last {
			t.Errorf("%d of %d entries are undecodable", found, len(all))
		}
	}
	check(s.audit("").Events)
	check(s.entries(""))
	check(s.entries("?heartbeats=true"))
	if got := s.audit("?user=bob").Events; len(got) != 1 || !got[0].Undecodable {
		t.Errorf("of bob: %+v", got)
	}
	s.do("GET", "/v1/me"+at(last), alice).is(200)
	if page := string(s.do("GET", "/metrics", "").is(200).body); !strings.Contains(page, fmt.Sprintf("\nrollcall_undecodable_events_total %d\n", len(strange)+1)) {
		t.Errorf("not counted: %s", page)
	}
	s.trim(archive.Copied, last+1)
	check(s.entries(""))
	check(s.entries("?heartbeats=true"))
	if got := s.audit("?user=bob").Events; len(got) != 1 || !got[0].Undecodable {
		t.Errorf("of bob: %+v", got)
	}
}

// TestWhatOthersHaveArchivedIsShown as somebody else's program may have written it: over lines, with fields that are not
// known, and with one that is ours.
func TestWhatOthersHaveArchivedIsShown(t *testing.T) {
	s := serve(t)
	seq := s.tellAll([]journal.Item{
		{Event: events.Event{Type: events.Login, User: "carol", Session: "s", Actor: "a", At: events.MillisOf(oclock(8, 0))}},
		{Event: events.Event{Type: events.Logout, User: "carol", Session: "s", Actor: "a", At: events.MillisOf(oclock(8, 0))}},
		{Event: events.Event{Type: events.Login, User: "carol", Session: "t", Actor: "a", At: events.MillisOf(oclock(8, 0))}},
	}).Seq
	for nth, m := range []struct{ subject, data string }{
		{"presence.user.carol.login", "{\n\"id\":\"1\",\"type\":\"login\",\"v\":1,\"user\":\"carol\",\"session\":\"s\",\"at\":\"2026-03-04T08:00:00Z\",\"actor\":\"a\"}"},
		{"presence.user.carol.logout", `{"seq":1,"id":"2","type":"logout","v":1,"user":"carol","session":"s","at":"2026-03-04T08:00:00Z","actor":"a"}`},
		{"presence.user.carol.login", `{"nth":9,"id":"3","type":"login","v":1,"user":"carol","session":"t","at":"2026-03-04T08:00:00Z","actor":"a"}`},
		{"presence.user.bob.login", `{"id":"4","type":"login","v":1,"user":"carol","session":"t","at":"2026-03-04T08:00:00Z","actor":"a"}`},
	} {
		msg := nats.NewMsg(m.subject)
		msg.Data = []byte(m.data)
		msg.Header.Set(events.OriginSeqHeader, strconv.FormatUint(seq, 10))
		msg.Header.Set(events.OriginNthHeader, strconv.Itoa(nth))
		msg.Header.Set(events.OriginTimeHeader, strconv.FormatInt(day.UnixMilli(), 10))
		if _, err := s.broker().PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	for name, all := range map[string][]entry{"page": s.audit("").Events, "lines": s.entries("")} {
		if len(all) != 4 || all[0].Type != "login" || all[1].ID != "2" || all[2].ID != "3" {
			t.Errorf("%s: %+v", name, all)
		}
		for i, e := range all {
			if e.place() != (events.Place{Seq: seq, Nth: uint32(i)}).String() || e.Undecodable != (i == 3) || i < 3 && e.User != "carol" {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if last := all[len(all)-1]; !strings.Contains(last.Error, "another") {
			t.Errorf("%s: %+v", name, last)
		}
	}
}

func TestEveryReadingOfTheAuditIsLogged(t *testing.T) {
	s := serve(t)
	s.archiving()
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
		"type=logn", "type=", "type=login,", "after_seq=-1", "after_seq=x", "after_seq=", "after_seq=1.", "after_seq=.1", "after_seq=1.2.3", "after_seq=1.-2", "after_seq=%2B1",
		"after_seq=1e3", "after_seq=9223372036854775808", "after_seq=1.2147483648", "limit=0", "limit=1001", "heartbeats=yes", "heartbeats=", "follow=true", "follow=1",
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
	s.archiving()
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
	s.archiving()
	// The leeway lies after the token's end; this one is within it for two seconds more.
	short := minted(auth.MintClaims{User: "root", Scope: "presence:admin", TTL: 3 * time.Second, Now: time.Now().Add(-auth.Leeway)})
	if got := s.follow(short, "?follow=true").next(); got != "" {
		t.Errorf("%s", got)
	}
}
