package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api"
)

func TestOverrideHidesTheObservedStatusUntilItIsCleared(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/login", alice).is(200)
	a := s.do("PUT", "/v1/users/alice/override", root, asJSON(`{"status":"busy","reason":"on call"}`)).is(200)
	var p shown
	a.into(&p)
	if p.Status != "busy" || p.Observed != "online" || p.Seq != a.seq() || p.Override.By != "root" || p.Override.Reason != "on call" || p.Override.Until != nil {
		t.Errorf("presence %s", a.body)
	}
	a = s.do("DELETE", "/v1/users/alice/override", root).is(200)
	p = shown{}
	a.into(&p)
	if p.Status != "online" || p.Override != nil || p.Seq != a.seq() {
		t.Errorf("presence %s", a.body)
	}
	s.do("DELETE", "/v1/users/alice/override", root).fails(404, "no_override")
	s.do("DELETE", "/v1/users/nobody/override", root).fails(404, "no_override")
}

func TestOverrideMakesAnUnknownUserKnown(t *testing.T) {
	s := serve(t)
	a := s.do("PUT", "/v1/users/new/override", root, asJSON(`{"status":"away"}`)).is(200)
	var p shown
	a.into(&p)
	if p.Status != "away" || p.Observed != "offline" || p.LastSeen != nil {
		t.Errorf("presence %s", a.body)
	}
}

func TestOverrideEndsWhenItIsTold(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	s := serve(t, func(c *api.Config) { c.Now = (&steps{at: now}).now; c.Auth = always("root") })
	for body, want := range map[string]time.Time{
		`{"status":"busy","for":"30m"}`:                         now.Add(30 * time.Minute),
		`{"status":"busy","for":"1.5s"}`:                        now.Add(1500 * time.Millisecond),
		`{"status":"busy","until":"2026-11-23T10:00:00+01:00"}`: now.Add(time.Hour),
		`{"status":"busy","until":"9999-12-31T23:59:59Z"}`:      time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		`{"status":"busy","until":"2026-11-23T08:00:00.002Z"}`:  now.Add(2 * time.Millisecond),
		fmt.Sprintf(`{"status":"busy","for":"%dh"}`, 10*365*24): now.Add(10 * 365 * 24 * time.Hour),
	} {
		a := s.do("PUT", "/v1/users/alice/override", root, asJSON(body)).is(200)
		var p shown
		a.into(&p)
		if p.Override.Until == nil || !p.Override.Until.Equal(want) {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	for _, end := range []string{
		`"for":""`, `"for":"soon"`, `"for":"0s"`, `"for":"-5m"`, `"for":"1ns"`, `"for":"87601h"`, `"for":"30m","until":"2027-01-01T00:00:00Z"`,
		`"until":""`, `"until":"tomorrow"`, `"until":"2026-11-23T08:00:00Z"`, `"until":"2020-01-01T00:00:00Z"`, `"until":"2027-01-01"`,
		`"until":"9999-12-31T23:59:59-05:00"`, `"until":"9999-12-31T23:59:59.999-00:01"`, `"until":"10000-01-01T00:00:00Z"`,
	} {
		s.do("PUT", "/v1/users/alice/override", root, asJSON(`{"status":"busy",`+end+`}`)).fails(422, "invalid_until")
	}
}

// The same end at the old path, and the other times that a request may give.
func TestTimesBeyondFourDigitsOfAYearAreRefused(t *testing.T) {
	s := serve(t)
	for _, body := range []string{`{"status":"online","until":"9999-12-31T23:59:59-05:00"}`, `{"status":"online","until":"9999-12-31T20:00:00-12:00"}`} {
		s.do("POST", "/api/users/admin/users/alice/set-online-status/", root, asJSON(body)).fails(422, "invalid_until")
	}
	for _, query := range []string{"/v1/events?from=9999-12-31T23:59:59-05:00", "/v1/events?to=9999-12-31T23:59:59-05:00", "/v1/users/alice?at=9999-12-31T23:59:59-05:00",
		"/v1/events?from=0000-01-01T00:00:00%2B05:00"} {
		s.do("GET", query, root).fails(400, "invalid_parameter")
	}
	if s.last() != 0 {
		t.Error("something that was refused is in the log")
	}
}

func TestOverridesAreChecked(t *testing.T) {
	s := serve(t)
	put := func(body string) *answer {
		return s.do("PUT", "/v1/users/alice/override", root, asJSON(body))
	}
	put(`{"status":"here"}`).fails(422, "invalid_status")
	put(`{"status":""}`).fails(422, "invalid_status")
	put(`{}`).fails(422, "invalid_status")
	put(`{"status":"busy","reason":"a\nb"}`).fails(422, "invalid_reason")
	put(`{"status":"busy","reason":"`+strings.Repeat("x", 513)+`"}`).fails(422, "invalid_reason")
	put(`{"status":"busy","reason":"` + strings.Repeat("x", 512) + `"}`).is(200)
	s.do("PUT", "/v1/users/alice/override", root).fails(400, "malformed_body")
	if last := s.last(); s.see("alice", last).Seq != last {
		t.Errorf("something that was refused is in the log, which stands at %d", last)
	}
}
