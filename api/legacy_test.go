package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api"
)

// The calls as the clients of the old system make them: with and without a trailing slash, with whatever body.

func bothWays(t *testing.T, fn func(t *testing.T, slash string)) {
	t.Run("with a slash", func(t *testing.T) { fn(t, "/") })
	t.Run("without", func(t *testing.T) { fn(t, "") })
}

func TestOldClientsBeat(t *testing.T) {
	bothWays(t, func(t *testing.T, slash string) {
		s := serve(t)
		for name, change := range map[string]with{
			"nothing": func(*http.Request) {}, "empty JSON": asJSON(`{}`), "a form": bodyOf("application/x-www-form-urlencoded", "a=b"),
			"other JSON": asJSON(`{"whatever":1}`), "a JSON header without a body": header("Content-Type", "application/json"),
		} {
			m := s.do("POST", "/api/users/heartbeat"+slash, alice, change).is(200).json()
			seen, err := time.Parse(time.RFC3339, fmt.Sprint(m["last_seen"]))
			if m["status"] != "online" || err != nil || len(m) != 2 || time.Since(seen) > time.Minute {
				t.Errorf("%s: %v", name, m)
			}
		}
	})
}

func TestOldBeatTellsTheEffectiveStatus(t *testing.T) {
	s := serve(t)
	for override, want := range map[string]string{"offline": "offline", "away": "online", "busy": "online"} {
		s.do("PUT", "/v1/users/alice/override", root, asJSON(`{"status":"`+override+`"}`)).is(200)
		if m := s.do("POST", "/api/users/heartbeat/", alice).is(200).json(); m["status"] != want {
			t.Errorf("under %s: %v", override, m)
		}
	}
}

func TestOldLoginAndLogoutDoWhatTheyDidToPresence(t *testing.T) {
	bothWays(t, func(t *testing.T, slash string) {
		s := serve(t)
		if a := s.do("POST", "/api/users/login"+slash, alice, asJSON(`{"username":"alice","password":"x"}`)).is(200); string(a.body) != `{"status":"online"}`+"\n" {
			t.Errorf("login %s", a.body)
		}
		s.do("POST", "/v1/login", alice, asJSON(`{"session":"another"}`)).is(200)
		if a := s.do("POST", "/api/users/logout"+slash, alice).is(200); string(a.body) != `{"status":"offline"}`+"\n" {
			t.Errorf("logout %s", a.body)
		}
	})
}

func TestOldAdminListsWhoIsOnline(t *testing.T) {
	bothWays(t, func(t *testing.T, slash string) {
		s := serve(t)
		if m := s.do("GET", "/api/users/admin/users/online"+slash, root).is(200).json(); m["count"] != 0.0 || m["users"] == nil {
			t.Errorf("nobody: %v", m)
		}
		var b string
		for i := range 1200 {
			b += fmt.Sprintf(`{"type":"heartbeat","user":"%04d","idle":%v}`+"\n", i, i%2 == 0)
		}
		seq := s.do("POST", "/v1/events", writer, asNDJSON(b+`{"type":"login","user":"gone"}`+"\n"+`{"type":"logout","user":"gone"}`)).is(200).seq()
		seq = max(seq, s.do("PUT", "/v1/users/zed/override", root, asJSON(`{"status":"busy"}`)).is(200).seq())
		s.do("GET", "/v1/stats"+at(seq), root).is(200)
		var got struct {
			Count int
			Users []struct {
				ID       any
				Status   string  `json:"online_status"`
				LastSeen *string `json:"last_seen"`
			}
		}
		s.do("GET", "/api/users/admin/users/online"+slash, root).is(200).into(&got)
		if got.Count != 1201 || len(got.Users) != 1201 || got.Users[0].ID != "0000" || got.Users[1200].ID != "zed" || got.Users[1200].LastSeen != nil {
			t.Fatalf("%d users", got.Count)
		}
		for _, u := range got.Users {
			if u.Status != "online" {
				t.Errorf("%+v", u)
			}
		}
	})
}

func TestOldAdminLooksAtAUser(t *testing.T) {
	bothWays(t, func(t *testing.T, slash string) {
		s := serve(t)
		if a := s.do("GET", "/api/users/admin/users/7/online-status"+slash, root).is(200); string(a.body) != `{"id":7,"online_status":"offline","last_seen":null}`+"\n" {
			t.Errorf("never seen: %s", a.body)
		}
		s.do("POST", "/api/users/heartbeat/", token("7", "")).is(200)
		if m := s.do("GET", "/api/users/admin/users/7/online-status"+slash, root).is(200).json(); m["online_status"] != "online" || m["last_seen"] == nil {
			t.Errorf("%v", m)
		}
	})
}

func TestOldAdminSetsAStatusForOneTimeout(t *testing.T) {
	bothWays(t, func(t *testing.T, slash string) {
		clock := &steps{at: time.Now().Truncate(time.Millisecond)}
		s := serve(t, func(c *api.Config) { c.Now, c.Timeout = clock.now, 90*time.Second })
		set := func(body string) *answer {
			return s.do("POST", "/api/users/admin/users/7/set-online-status"+slash, root, asJSON(body))
		}
		for _, tt := range []struct {
			body, status string
			lasts        time.Duration
		}{
			{`{"status":"online"}`, "online", 90 * time.Second},
			{`{"status":"offline"}`, "offline", 90 * time.Second},
			{`{"status":"online","for":"1h"}`, "online", time.Hour},
			{`{"status":"online","until":"` + clock.now().Add(2*time.Hour).UTC().Format(time.RFC3339Nano) + `"}`, "online", 2 * time.Hour},
		} {
			a := set(tt.body).is(200)
			if want := `{"id":7,"online_status":"` + tt.status + `","last_seen":null}` + "\n"; string(a.body) != want {
				t.Errorf("%s: %s", tt.body, a.body)
			}
			p := s.see("7", a.seq())
			if p.Override == nil || !p.Override.Until.Equal(clock.now().Add(tt.lasts)) {
				t.Errorf("%s: %+v", tt.body, p.Override)
			}
		}
		set(`{"status":"busy"}`).fails(422, "invalid_status")
		set(`{"status":"online","for":"x"}`).fails(422, "invalid_until")
		set(`{"Status":"online"}`).fails(422, "invalid_status") // which is an unknown field, not the status
		set(`{"status":1}`).fails(400, "malformed_body")
		set(`[]`).fails(400, "malformed_body")
		set(`null`).fails(400, "malformed_body")
		set(``).fails(400, "malformed_body")
	})
}

// As the framework of the old system took them.
func TestOldAdminSendsFormsAndMore(t *testing.T) {
	s := serve(t)
	part := func(name, value string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	file := "--x\r\nContent-Disposition: form-data; name=\"status\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n"
	for name, tt := range map[string]struct {
		media, body, status string
	}{
		"a form":                    {"application/x-www-form-urlencoded", "status=online", "online"},
		"a form of more":            {"application/x-www-form-urlencoded; charset=UTF-8", "csrfmiddlewaretoken=x&status=offline&for=1h&a=1&a=2", "offline"},
		"a form twice":              {"application/x-www-form-urlencoded", "status=online&status=offline", "offline"},
		"parts":                     {"multipart/form-data; boundary=x", part("status", "online") + "--x--\r\n", "online"},
		"parts of more":             {"multipart/form-data; boundary=x", part("other", "1") + file + part("status", "offline") + part("for", "30m") + "--x--\r\n", "offline"},
		"JSON of more":              {"application/json", `{"status":"offline","user":{"id":[7]},"note":null}`, "offline"},
		"JSON twice":                {"application/json", `{"status":"online","status":"offline"}`, "offline"},
		"JSON with a short charset": {"application/json; charset=utf8", `{"status":"online"}`, "online"},
		"JSON without a type":       {"", `{"status":"online","until":null}`, "online"},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			a := s.do("POST", "/api/users/admin/users/7/set-online-status/", root, bodyOf(tt.media, tt.body)).is(200)
			if m := a.json(); m["online_status"] != tt.status || m["id"] != 7.0 {
				t.Errorf("%s", a.body)
			}
		})
	}
	for name, tt := range map[string]struct{ media, body, code string }{
		"a form without":    {"application/x-www-form-urlencoded", "a=b", "invalid_status"},
		"a form that is no": {"application/x-www-form-urlencoded", "status=%zz", "malformed_body"},
		"parts without":     {"multipart/form-data; boundary=x", part("a", "b") + "--x--\r\n", "invalid_status"},
		"only a file":       {"multipart/form-data; boundary=x", file + "--x--\r\n", "invalid_status"},
		"no boundary":       {"multipart/form-data", part("status", "online") + "--x--\r\n", "malformed_body"},
		"half of the parts": {"multipart/form-data; boundary=x", part("status", "online"), "malformed_body"},
		"another type":      {"text/plain", "status=online", "unsupported_media_type"},
		"too much":          {"application/x-www-form-urlencoded", "status=online&a=" + long(64<<10), "body_too_large"},
	} {
		a := s.do("POST", "/api/users/admin/users/7/set-online-status/", root, bodyOf(tt.media, tt.body))
		if a.json()["code"] != tt.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestOldIDsAreNumbersWhereTheyAreSome(t *testing.T) {
	s := serve(t)
	for id, want := range map[string]string{
		"7": "7", "0": "0", "1234567890": "1234567890", "9007199254740992": "9007199254740992",
		"9007199254740993": `"9007199254740993"`, "18446744073709551616": `"18446744073709551616"`,
		"007": `"007"`, "00": `"00"`, "-7": `"-7"`, "%2B7": `"+7"`, "7.0": `"7.0"`, "1e3": `"1e3"`, "1_0": `"1_0"`, "alice": `"alice"`, "%D9%A7": `"٧"`,
	} {
		a := s.do("GET", "/api/users/admin/users/"+id+"/online-status/", root).is(200)
		if got := string(a.body); got != `{"id":`+want+`,"online_status":"offline","last_seen":null}`+"\n" {
			t.Errorf("%s: %s", id, got)
		}
	}
	s.do("POST", "/api/users/heartbeat/", token("42", "")).is(200)
	if a := s.do("GET", "/api/users/admin/users/online/", root).is(200); !bytes.Contains(a.body, []byte(`"id":42,`)) {
		t.Errorf("%s", a.body)
	}
}
