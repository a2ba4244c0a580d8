package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api"
)

func TestMeShowsTheCaller(t *testing.T) {
	s := serve(t)
	s.do("GET", "/v1/me", alice).fails(404, "unknown_user")
	seq := s.do("POST", "/v1/login", alice).is(200).seq()
	a := s.do("GET", "/v1/me"+at(seq), alice).is(200)
	var p shown
	a.into(&p)
	if p.User != "alice" || p.Status != "online" || len(p.Sessions) != 1 || a.seq() < seq {
		t.Errorf("presence %+v at %d", p, a.seq())
	}
}

func TestPresenceObjectIsTheContracts(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 123456789, time.UTC)
	s := serve(t, func(c *api.Config) { c.Now = (&steps{at: now}).now; c.Auth = always("root") })
	s.do("POST", "/v1/events", root, asJSON(`{"type":"login","user":"alice","session":"web-1","device":"Firefox"}`)).is(202)
	seq := s.do("PUT", "/v1/users/alice/override", root, asJSON(`{"status":"busy","reason":"on call","for":"30m"}`)).is(200).seq()
	want := fmt.Sprintf(`{"user":"alice","status":"busy","observed":"online","since":"2026-11-23T08:00:00.123Z",`+
		`"last_seen":"2026-11-23T08:00:00.123Z","seq":%d,"sessions":[{"session":"web-1","device":"Firefox",`+
		`"since":"2026-11-23T08:00:00.123Z","last_seen":"2026-11-23T08:00:00.123Z","idle":false}],`+
		`"override":{"status":"busy","by":"root","reason":"on call","until":"2026-11-23T08:30:00.123Z"}}`+"\n", seq)
	if a := s.do("GET", "/v1/users/alice"+at(seq), root).is(200); string(a.body) != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
}

func TestSessionsAndOverrideAreShownToTheUserServiceAndAdmin(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/login", alice).is(200)
	seq := s.do("PUT", "/v1/users/alice/override", root, asJSON(`{"status":"busy"}`)).is(200).seq()
	for _, tt := range []struct {
		who, token string
		private    bool
	}{{"herself", alice, true}, {"service", writer, true}, {"admin", root, true}, {"reader", reader, false}} {
		for _, path := range []string{"/v1/users/alice", "/v1/users"} {
			if tt.who == "herself" && path == "/v1/users" {
				continue
			}
			body := s.do("GET", path+at(seq), tt.token).is(200).body
			if got := bytes.Contains(body, []byte(`"sessions"`)) && bytes.Contains(body, []byte(`"override"`)); got != tt.private {
				t.Errorf("%s at %s: %s", tt.who, path, body)
			}
		}
		body := s.do("POST", "/v1/users/query"+at(seq), tt.token, asJSON(`{"users":["alice"]}`)).is(200).body
		if got := bytes.Contains(body, []byte(`"sessions"`)); got != tt.private {
			t.Errorf("%s by query: %s", tt.who, body)
		}
	}
}

func TestUnknownIsNotOffline(t *testing.T) {
	s := serve(t)
	s.do("GET", "/v1/users/nobody", reader).fails(404, "unknown_user")
	seq := s.do("POST", "/v1/login", alice).is(200).seq()
	a := s.do("POST", "/v1/users/query"+at(seq), reader, asJSON(`{"users":["nobody","alice","nobody"]}`)).is(200)
	var got struct{ Users []map[string]any }
	a.into(&got)
	if len(got.Users) != 3 || got.Users[0]["status"] != "unknown" || len(got.Users[0]) != 2 || got.Users[0]["user"] != "nobody" ||
		got.Users[1]["status"] != "online" || got.Users[2]["status"] != "unknown" {
		t.Errorf("users %s", a.body)
	}
}

func TestListPagesThroughUsersInOrder(t *testing.T) {
	s := serve(t)
	var lines strings.Builder
	for i := range 25 {
		fmt.Fprintf(&lines, `{"type":"heartbeat","user":"u%02d","idle":%v}`+"\n", i, i%5 == 0)
	}
	seq := s.do("POST", "/v1/events", writer, asNDJSON(lines.String())).is(200).seq()
	type page struct {
		Users []shown
		Total int
		Next  string
	}
	var all []string
	for cursor := ""; ; {
		var p page
		s.do("GET", "/v1/users"+at(seq)+"&status=online&limit=7&cursor="+cursor, reader).is(200).into(&p)
		if p.Total != 20 {
			t.Errorf("total %d", p.Total)
		}
		for _, u := range p.Users {
			if u.Status != "online" {
				t.Errorf("%s is %s", u.User, u.Status)
			}
			all = append(all, u.User)
		}
		if cursor = p.Next; cursor == "" {
			break
		}
		if len(p.Users) != 7 {
			t.Errorf("a page of %d", len(p.Users))
		}
	}
	if len(all) != 20 || all[0] != "u01" || all[19] != "u24" {
		t.Errorf("users %v", all)
	}
	for status, n := range map[string]int{"away": 5, "busy": 0, "offline": 0} {
		var p page
		a := s.do("GET", "/v1/users?status="+status, reader).is(200)
		a.into(&p)
		if p.Total != n || len(p.Users) != n || p.Users == nil || p.Next != "" {
			t.Errorf("%s: %s", status, a.body)
		}
	}
	var p page
	s.do("GET", "/v1/users/", reader).is(200).into(&p)
	if p.Total != 25 || len(p.Users) != 25 {
		t.Errorf("all: %d of %d", len(p.Users), p.Total)
	}
}

func TestParametersAreChecked(t *testing.T) {
	s := serve(t)
	for _, path := range []string{
		"/v1/users?status=here", "/v1/users?status=", "/v1/users?limit=0", "/v1/users?limit=1001", "/v1/users?limit=x", "/v1/users?limit=-1",
		"/v1/users?cursor=%21", "/v1/users?cursor=_w", "/v1/users?stauts=online", "/v1/users?Status=online",
		"/v1/users?status=online&status=away", "/v1/users?limit=%zz", "/v1/users?a;b", "/v1/users?min_seq=x", "/v1/users?min_seq=-1",
		"/v1/users/alice?at=now", "/v1/me?x", "/v1/stats?min_seq=1.5", "/v1/me?min_seq=",
	} {
		a := s.do("GET", path, reader).fails(400, "invalid_parameter")
		if strings.Contains(path, "%zz") || strings.Contains(path, ";") {
			continue
		}
		if errs, _ := a.json()["errors"].([]any); len(errs) != 1 || !strings.HasPrefix(errs[0].(map[string]any)["location"].(string), "query.") {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	s.do("POST", "/v1/heartbeat?token=x", alice).fails(400, "invalid_parameter")
}

func TestMinSeqWaitsForTheViewAndNoLonger(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.Patience = 20 * time.Millisecond })
	seq := s.do("POST", "/v1/login", alice).is(200).seq()
	if got := s.do("GET", "/v1/me"+at(seq), alice).is(200).seq(); got < seq {
		t.Errorf("the view stands at %d, wanted %d", got, seq)
	}
	for _, path := range []string{"/v1/me", "/v1/users/alice", "/v1/users", "/v1/stats"} {
		if a := s.do("GET", path+at(seq+1000), root).fails(503, "view_behind"); a.headers.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	s.do("POST", "/v1/users/query"+at(seq+1000), root, asJSON(`{"users":[]}`)).fails(503, "view_behind")
}

func TestQueryIsBounded(t *testing.T) {
	s := serve(t)
	ids := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprint("u", i)
		}
		data, err := json.Marshal(map[string]any{"users": list})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	s.do("POST", "/v1/users/query", reader, asJSON(ids(1000))).is(200)
	s.do("POST", "/v1/users/query", reader, asJSON(ids(1001))).fails(422, "too_many_users")
	s.do("POST", "/v1/users/query", reader, asJSON(`{"users":[]}`)).is(200)
	s.do("POST", "/v1/users/query", reader, asJSON(`{"users":["a",""]}`)).fails(422, "invalid_user")
	s.do("POST", "/v1/users/query", reader, asJSON(`{}`)).fails(400, "malformed_body")
	s.do("POST", "/v1/users/query", reader, asJSON(`{"users":null}`)).fails(400, "malformed_body")
	s.do("POST", "/v1/users/query", reader, asJSON(`{"users":[1]}`)).fails(400, "malformed_body")
	s.do("POST", "/v1/users/query", reader).fails(400, "malformed_body")
}

func TestStatsCount(t *testing.T) {
	s := serve(t)
	for _, line := range []string{
		`{"type":"login","user":"a","session":"1"}`, `{"type":"login","user":"a","session":"2"}`,
		`{"type":"heartbeat","user":"b","idle":true}`, `{"type":"login","user":"c"}`, `{"type":"logout","user":"c"}`,
	} {
		s.do("POST", "/v1/events", writer, asJSON(line)).is(202)
	}
	seq := s.do("PUT", "/v1/users/d/override", root, asJSON(`{"status":"busy"}`)).is(200).seq()
	a := s.do("GET", "/v1/stats"+at(seq), reader).is(200)
	var got struct {
		Users, Online, Away, Busy, Offline, Sessions int
		Seq                                          uint64
		Lag                                          *float64 `json:"lag_seconds"`
	}
	a.into(&got)
	if got.Users != 4 || got.Online != 1 || got.Away != 1 || got.Busy != 1 || got.Offline != 1 || got.Sessions != 3 ||
		got.Seq != a.seq() || got.Lag == nil {
		t.Errorf("stats %s", a.body)
	}
}

func TestEveryAnswerIsKeptFromCachesAndSniffers(t *testing.T) {
	s := serve(t)
	for _, a := range []*answer{
		s.do("POST", "/v1/login", alice), s.do("POST", "/v1/heartbeat", alice), s.do("GET", "/v1/me", alice),
		s.do("GET", "/v1/me", ""), s.do("GET", "/nothing", ""), s.do("GET", "/openapi.json", ""), s.do("GET", "/livez", ""),
	} {
		if a.headers.Get("Cache-Control") != "no-store" || a.headers.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", a.what, a.headers)
		}
	}
}
