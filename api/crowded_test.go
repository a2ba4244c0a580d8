package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api"
)

func atMost(n int) func(*api.Config) { return func(c *api.Config) { c.MaxSessions = n } }

// sessions are the live ones of alice, in the order of their ids.
func (s *service) sessions() (ids []string) {
	s.t.Helper()
	for _, one := range s.see("alice", s.last()).Sessions {
		ids = append(ids, one.Session)
	}
	slices.Sort(ids)
	return ids
}

// TestTheOldestIdleSessionGivesWay to a login and to a beat, and the audit says by
// whom.
func TestTheOldestIdleSessionGivesWay(t *testing.T) {
	s := serve(t, atMost(3))
	for _, one := range []string{"a", "b", "c"} {
		s.do("POST", "/v1/login", alice, asJSON(`{"session":"`+one+`"}`)).is(200)
	}
	s.do("POST", "/v1/heartbeat", alice, asJSON(`{"session":"b","idle":true}`)).is(204)
	s.sessions() // so that the view knows
	s.do("POST", "/v1/login", alice, asJSON(`{"session":"d"}`)).is(200)
	if got := s.sessions(); !slices.Equal(got, []string{"a", "c", "d"}) {
		t.Fatalf("a login leaves %v", got)
	}
	s.do("POST", "/v1/heartbeat", alice, header("Rollcall-Session", "e")).is(204)
	if got := s.sessions(); !slices.Equal(got, []string{"c", "d", "e"}) {
		t.Fatalf("a beat leaves %v", got)
	}
	s.do("POST", "/v1/heartbeat", alice, header("Rollcall-Session", "e")).is(204) // which begins nothing
	s.do("POST", "/v1/heartbeat", alice, asJSON(`{"session":"x","leaving":true}`)).is(204)
	if got := s.sessions(); !slices.Equal(got, []string{"c", "d", "e"}) {
		t.Fatalf("what begins nothing leaves %v", got)
	}
	var ended []string
	for _, e := range s.entries("?type=logout") {
		ended = append(ended, e.Actor+" "+e.Session)
	}
	if !slices.Equal(ended, []string{"rollcall b", "rollcall a"}) {
		t.Errorf("the audit has %v", ended)
	}
}

// TestOneUploadCannotBeginMoreSessions than there may be, though the view shows
// none of them yet.
func TestOneUploadCannotBeginMoreSessions(t *testing.T) {
	for _, typ := range []string{"login", "heartbeat"} {
		s := serve(t, atMost(4))
		var lines strings.Builder
		for i := range 30 {
			fmt.Fprintf(&lines, `{"type":%q,"user":"alice","session":"s-%02d"}`+"\n", typ, i)
		}
		s.do("POST", "/v1/events", writer, asNDJSON(lines.String())).is(200)
		if got := s.sessions(); !slices.Equal(got, []string{"s-26", "s-27", "s-28", "s-29"}) {
			t.Errorf("%s: %v are live", typ, got)
		}
	}
}

func TestAUserHasAnyNumberOfSessionsWithoutALimit(t *testing.T) {
	s := serve(t)
	for i := range 70 {
		s.do("POST", "/v1/heartbeat", alice, header("Rollcall-Session", fmt.Sprint(i))).is(204)
	}
	if got := s.sessions(); len(got) != 70 {
		t.Errorf("%d are live", len(got))
	}
}
