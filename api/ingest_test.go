package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/auth"
)

func TestLoginBeginsASessionAndSaysWhere(t *testing.T) {
	s := serve(t)
	a := s.do("POST", "/v1/login", alice, asJSON(`{"session":"web-1","device":"Firefox"}`)).is(200)
	m := a.json()
	if m["user"] != "alice" || m["session"] != "web-1" || m["heartbeat_seconds"] != 30.0 || m["timeout_seconds"] != 120.0 {
		t.Errorf("answer %s", a.body)
	}
	if uint64(m["seq"].(float64)) != a.seq() || a.seq() == 0 {
		t.Errorf("seq %v in the body, %d in the header", m["seq"], a.seq())
	}
	p := s.see("alice", a.seq())
	if p.Status != "online" || p.Observed != "online" || p.Seq != a.seq() || len(p.Sessions) != 1 ||
		p.Sessions[0].Session != "web-1" || p.Sessions[0].Device != "Firefox" {
		t.Errorf("presence %+v", p)
	}
}

func TestLoginNeedsNoBody(t *testing.T) {
	s := serve(t)
	if m := s.do("POST", "/v1/login", alice).is(200).json(); m["session"] != "default" {
		t.Errorf("session %v", m["session"])
	}
}

func TestSessionComesFromBodyThenHeaderThenTokenThenDefault(t *testing.T) {
	s := serve(t)
	claims := minted(auth.MintClaims{User: "alice", Session: "claim"})
	for _, tt := range []struct {
		want, token string
		changes     []with
	}{
		{"body", claims, []with{asJSON(`{"session":"body"}`), header("Rollcall-Session", "header")}},
		{"header", claims, []with{asJSON(`{}`), header("Rollcall-Session", "header")}},
		{"header", claims, []with{asJSON(`{"session":null}`), header("Rollcall-Session", "header")}},
		{"claim", claims, nil},
		{"default", alice, nil},
		{"héader", alice, []with{header("Rollcall-Session", "héader")}},
	} {
		login := s.do("POST", "/v1/login", tt.token, tt.changes...).is(200)
		if got := login.json()["session"]; got != tt.want {
			t.Errorf("login: session %v, want %s", got, tt.want)
		}
		s.do("POST", "/v1/logout", tt.token, asJSON(`{"all":true}`)).is(200)
		beat := s.do("POST", "/v1/heartbeat", tt.token, tt.changes...).is(204)
		if p := s.see("alice", beat.seq()); len(p.Sessions) != 1 || p.Sessions[0].Session != tt.want {
			t.Errorf("heartbeat: sessions %+v, want %s", p.Sessions, tt.want)
		}
		out := s.do("POST", "/v1/logout", tt.token, tt.changes...).is(200)
		if p := s.see("alice", out.seq()); len(p.Sessions) != 0 {
			t.Errorf("logout left %+v of %s", p.Sessions, tt.want)
		}
	}
}

func TestInvalidSessionsAreRefused(t *testing.T) {
	s := serve(t)
	for name, change := range map[string]with{
		"empty":               asJSON(`{"session":""}`),
		"129 bytes":           asJSON(`{"session":"` + strings.Repeat("x", 129) + `"}`),
		"a control character": asJSON(`{"session":"a\u0000"}`),
		"header of 129 bytes": header("Rollcall-Session", strings.Repeat("x", 129)),
		"header twice":        func(r *http.Request) { r.Header["Rollcall-Session"] = []string{"a", "b"} },
		"header empty":        header("Rollcall-Session", ""),
		"header not UTF-8":    header("Rollcall-Session", "a\xff"),
	} {
		for _, path := range []string{"/v1/login", "/v1/heartbeat", "/v1/logout"} {
			t.Run(name+path, func(t *testing.T) {
				s := s.in(t)
				s.do("POST", path, alice, change).fails(422, "invalid_session")
			})
		}
	}
}

func TestHeartbeatTellsTheIntervals(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.Heartbeat, c.Timeout = 10*time.Second, time.Minute })
	a := s.do("POST", "/v1/heartbeat", alice).is(204)
	if h := a.headers; h.Get("Rollcall-Heartbeat") != "10" || h.Get("Rollcall-Timeout") != "60" || a.seq() == 0 || len(a.body) > 0 {
		t.Errorf("headers %v", a.headers)
	}
}

func TestHeartbeatWithoutBodyMayBeChunked(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/heartbeat", alice, func(r *http.Request) {
		r.Body, r.ContentLength = http.NoBody, -1
		r.TransferEncoding = []string{"chunked"}
	}).is(204)
}

func TestHeartbeatCarriesIdleEveryAndLeaving(t *testing.T) {
	s := serve(t)
	a := s.do("POST", "/v1/heartbeat", alice, asJSON(`{"session":"tab","idle":true,"every":60}`)).is(204)
	if p := s.see("alice", a.seq()); p.Status != "away" || !p.Sessions[0].Idle {
		t.Errorf("presence %+v", p)
	}
	u, _, err := s.view.User("alice")
	if err != nil || u.Sessions[0].Every != 60 || u.Sessions[0].Leaving {
		t.Errorf("session %+v, %v", u.Sessions, err)
	}
	a = s.do("POST", "/v1/heartbeat", alice, asJSON(`{"session":"tab","leaving":true}`)).is(204)
	s.see("alice", a.seq())
	if u, _, err = s.view.User("alice"); err != nil || !u.Sessions[0].Leaving || u.Sessions[0].Idle {
		t.Errorf("session %+v, %v", u.Sessions, err)
	}
}

func TestIntervalsOutOfRangeAreRefused(t *testing.T) {
	s := serve(t)
	for _, every := range []string{"0", "-1", "361", "1.5", "1e2", `"60"`, "true", "[60]", "99999999999999999999"} {
		s.do("POST", "/v1/heartbeat", alice, asJSON(`{"every":`+every+`}`)).fails(422, "invalid_interval")
	}
	for _, every := range []string{"1", "360", "null"} {
		s.do("POST", "/v1/heartbeat", alice, asJSON(`{"every":`+every+`}`)).is(204)
	}
}

func TestLogoutEndsItsSessionOnly(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/login", alice, asJSON(`{"session":"a"}`)).is(200)
	s.do("POST", "/v1/login", alice, asJSON(`{"session":"b"}`)).is(200)
	a := s.do("POST", "/v1/logout", alice, asJSON(`{"session":"a"}`)).is(200)
	if p := s.see("alice", a.seq()); p.Status != "online" || len(p.Sessions) != 1 || p.Sessions[0].Session != "b" {
		t.Errorf("presence %+v", p)
	}
	a = s.do("POST", "/v1/logout", alice, asJSON(`{"all":true}`)).is(200)
	if p := s.see("alice", a.seq()); p.Status != "offline" || p.Sessions == nil || len(p.Sessions) != 0 {
		t.Errorf("presence %+v", p)
	}
	s.do("POST", "/v1/logout", alice, asJSON(`{"all":true,"session":"a"}`)).fails(422, "invalid_session")
}

func TestLogoutNeverMovesLastSeenBackwards(t *testing.T) {
	clock := &steps{at: time.Now().Add(-time.Minute)}
	s := serve(t, func(c *api.Config) { c.Now, c.Auth = clock.now, always("alice") })
	for name, send := range map[string]func() *answer{
		"logout": func() *answer { return s.do("POST", "/v1/logout", alice).is(200) },
		"event": func() *answer {
			return s.do("POST", "/v1/events", alice, asJSON(`{"type":"logout","user":"alice"}`)).is(202)
		},
		"legacy": func() *answer { return s.do("POST", "/api/users/logout/", alice).is(200) },
	} {
		before := s.see("alice", s.do("POST", "/v1/heartbeat", alice).is(204).seq())
		clock.pass(-5 * time.Second) // another node, whose clock is behind
		after := s.see("alice", send().seq())
		if after.Status != "offline" || after.LastSeen.Before(*before.LastSeen) {
			t.Errorf("%s: last seen went from %v to %v", name, before.LastSeen, after.LastSeen)
		}
		clock.pass(10 * time.Second)
	}
}

func TestDevicesAreBounded(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/login", alice, asJSON(`{"device":"`+strings.Repeat("x", 256)+`"}`)).is(200)
	s.do("POST", "/v1/login", alice, asJSON(`{"device":"a\nb"}`)).fails(422, "invalid_device")
}

func TestClientAddressIsRecordedOnlyWhereConfigured(t *testing.T) {
	for _, want := range []bool{false, true} {
		s := serve(t, func(c *api.Config) { c.ClientAddress = want })
		e := s.committed(s.do("POST", "/v1/login", alice).is(200).seq())[0]
		if (e.Client == "127.0.0.1") != want || e.Actor != "alice" {
			t.Errorf("wanted %v: event %+v", want, e)
		}
		e = s.committed(s.do("POST", "/v1/events", writer, asJSON(`{"type":"login","user":"bob"}`)).is(202).seq())[0]
		if e.Client != "" || e.Actor != "writer" {
			t.Errorf("a service's address was recorded as the user's: %+v", e)
		}
	}
}

// Browsers within applications have long names: what is too long is cut at a character.
func TestALongDeviceIsCut(t *testing.T) {
	s := serve(t)
	for name, want := range map[string]string{
		strings.Repeat("x", 267):      strings.Repeat("x", 256),
		strings.Repeat("ü", 200):      strings.Repeat("ü", 128),
		strings.Repeat("名", 100):      strings.Repeat("名", 85),
		"x" + strings.Repeat("😀", 70): "x" + strings.Repeat("😀", 63),
	} {
		device := func(seq uint64, user string) string {
			t.Helper()
			return s.see(user, seq).Sessions[0].Device
		}
		if got := device(s.do("POST", "/v1/login", alice, asJSON(`{"device":"`+name+`"}`)).is(200).seq(), "alice"); got != want {
			t.Errorf("login: %d bytes %q", len(got), got)
		}
		event := `{"type":"login","user":"bob","device":"` + name + `"}`
		if got := device(s.do("POST", "/v1/events", writer, asJSON(event)).is(202).seq(), "bob"); got != want {
			t.Errorf("event: %d bytes %q", len(got), got)
		}
		lines := strings.ReplaceAll(event, "bob", "carol") + "\n"
		if got := device(s.do("POST", "/v1/events", writer, asNDJSON(lines)).is(200).seq(), "carol"); got != want {
			t.Errorf("line: %d bytes %q", len(got), got)
		}
	}
	s.do("POST", "/v1/login", alice, asJSON(`{"device":"`+strings.Repeat("x", 300)+`\n"}`)).fails(422, "invalid_device")
}
