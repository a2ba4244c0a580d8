package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/api/client"
)

func TestStatusIsPrintedInEveryForm(t *testing.T) {
	node := newContractNode(t, 2)
	for format, want := range map[string]string{
		"table": "USER       STATUS  OBSERVED  SINCE                     LAST SEEN                 SESSIONS  OVERRIDE\n" +
			"user-0001  away    away      2026-11-23T08:00:00.123Z  2026-11-23T08:00:00.123Z  1\n",
		"csv": "user,status,observed,since,last_seen,sessions,override\n" +
			"user-0001,away,away,2026-11-23T08:00:00.123Z,2026-11-23T08:00:00.123Z,1,\n",
		"ndjson": `{"user":"user-0001","status":"away","observed":"away","since":"2026-11-23T08:00:00.123Z","last_seen":"2026-11-23T08:00:00.123Z","seq":2,` +
			`"sessions":[{"session":"web","since":"2026-11-23T08:00:00.123Z","last_seen":"2026-11-23T08:00:00.123Z","idle":true}]}` + "\n",
	} {
		s := node.rollcall(t, "status", "user-0001", "-o", format).wants(t, exitFine)
		if diff := cmp.Diff(want, s.stdout); diff != "" || s.stderr != "" {
			t.Errorf("%s: %s%s", format, diff, s.stderr)
		}
	}
	var got client.Presence
	if err := json.Unmarshal([]byte(node.rollcall(t, "status", "user-0001", "-o", "json").stdout), &got); err != nil || got.User != "user-0001" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestUnknownUserIsANo(t *testing.T) {
	s := newContractNode(t, 1).rollcall(t, "status", "carol", "-o", "json").wants(t, exitNo, `the log has never named "carol"`)
	if s.stdout != "" {
		t.Errorf("it printed %q", s.stdout)
	}
}

func TestRefusedTokensAreToldApart(t *testing.T) {
	node := newContractNode(t, 1)
	for token, test := range map[string]struct {
		code int
		want string
	}{
		"":        {exitUse, "wants a token: give one with --token or ROLLCALL_TOKEN"},
		"expired": {exitNo, "the token has expired"},
		"forged":  {exitNo, "refuses the token: `rollcall token inspect` tells why"},
		"alices":  {exitNo, "the token may not do that"},
	} {
		rollcall(t, "stats", "--server", node.URL, "--token", token).wants(t, test.code, test.want)
	}
}

func TestTokenMayBeInAFile(t *testing.T) {
	node := newContractNode(t, 1)
	c := call{env: []string{"ROLLCALL_TOKEN_FILE=" + writeFile(t, "token", adminToken+"\n")}}
	c.rollcall(t, "stats", "--server", node.URL).wants(t, exitFine)
}

func TestOnlineListsAllPages(t *testing.T) {
	node := newContractNode(t, 4100)
	s := node.rollcall(t, "online", "-o", "csv").wants(t, exitFine)
	rows, err := csv.NewReader(strings.NewReader(s.stdout)).ReadAll()
	if err != nil || len(rows) != 1+2050 || rows[1][0] != "user-0000" || rows[2050][0] != "user-4098" {
		t.Errorf("got %d rows, %v", len(rows), err)
	}
	if diff := cmp.Diff([]string{"1000", "1000", "1000"}, node.limits); diff != "" {
		t.Error(diff)
	}
}

func TestOnlineStopsAtItsLimit(t *testing.T) {
	node := newContractNode(t, 2500)
	for limit, asked := range map[int][]string{1: {"1"}, 999: {"999"}, 1001: {"1000", "1000"}, 3000: {"1000", "1000", "1000"}} {
		node.limits = nil
		s := node.rollcall(t, "online", "--status", "all", "--limit", fmt.Sprint(limit), "-o", "ndjson").wants(t, exitFine)
		if n := strings.Count(s.stdout, "\n"); n != min(limit, 2500) {
			t.Errorf("got %d users, want %d", n, limit)
		}
		if diff := cmp.Diff(asked, node.limits); diff != "" {
			t.Error(diff)
		}
		if said := strings.Contains(s.stderr, fmt.Sprintf("%d of 2500 users", limit)); said != (limit < 2500) {
			t.Errorf("limit %d: it said %q", limit, s.stderr)
		}
	}
}

func TestOnlineAsksForAStatus(t *testing.T) {
	node := newContractNode(t, 3)
	for status, want := range map[string]int{"online": 2, "away": 1, "busy": 0, "all": 3} {
		var got []client.Presence
		s := node.rollcall(t, "online", "--status", status, "-o", "json").wants(t, exitFine)
		if err := json.Unmarshal([]byte(s.stdout), &got); err != nil || len(got) != want {
			t.Errorf("%s: got %d users, %v: %s", status, len(got), err, s.stdout)
		}
	}
}

func TestNobodyIsAnEmptyList(t *testing.T) {
	node := newContractNode(t, 0)
	for format, want := range map[string]string{"json": "[]\n", "ndjson": "", "csv": "user,status,observed,since,last_seen,sessions,override\n"} {
		if s := node.rollcall(t, "online", "-o", format).wants(t, exitFine); s.stdout != want {
			t.Errorf("%s: got %q", format, s.stdout)
		}
	}
}

func TestStatsAreCounted(t *testing.T) {
	s := newContractNode(t, 15).rollcall(t, "stats", "-o", "csv").wants(t, exitFine)
	if want := "users,online,away,busy,offline,sessions,seq,lag_seconds\n15,1,2,3,4,5,6,0.5\n"; s.stdout != want {
		t.Errorf("got %q", s.stdout)
	}
}

func TestOverrideIsSetAndCleared(t *testing.T) {
	node := newContractNode(t, 1)
	s := node.rollcall(t, "override", "set", "user-0000", "BUSY", "--reason", "on call", "--for", "30m", "-o", "json").wants(t, exitFine)
	var got client.Presence
	if err := json.Unmarshal([]byte(s.stdout), &got); err != nil {
		t.Fatal(err)
	}
	want := &client.Override{Status: client.StatusBusy, By: "root", Reason: "on call", Until: firstSeen.Add(30 * 60e9)}
	if diff := cmp.Diff(want, got.Override); diff != "" || got.Status != client.StatusBusy {
		t.Errorf("got %s: %s", got.Status, diff)
	}
	s = node.rollcall(t, "status", "user-0000").wants(t, exitFine)
	if !strings.Contains(s.stdout, "busy by root until 2026-11-23T08:30:00.123Z: on call") {
		t.Errorf("got %s", s.stdout)
	}
	node.rollcall(t, "override", "clear", "user-0000").wants(t, exitFine)
	node.rollcall(t, "override", "clear", "user-0000").wants(t, exitNo, `"user-0000" has no override to clear`)
	node.rollcall(t, "override", "set", "user-0000", "offline", "--until", "2027-01-01T00:00:00+01:00").wants(t, exitFine)
}

func TestCheckOfflineListsAndEmits(t *testing.T) {
	node := newContractNode(t, 0)
	node.overdue = []map[string]any{{"user": "alice", "session": "web-1", "last_seen": firstSeen, "due_since": firstSeen.Add(120e9)}}
	s := node.rollcall(t, "check-offline").wants(t, exitFine)
	if !strings.Contains(s.stdout, "alice  web-1    2026-11-23T08:00:00.123Z  2026-11-23T08:02:00.123Z\n") {
		t.Errorf("got %s", s.stdout)
	}
	if s := node.rollcall(t, "check-offline", "--emit", "-o", "ndjson").wants(t, exitFine); s.stdout != `{"emitted":1}`+"\n" {
		t.Errorf("got %s", s.stdout)
	}
}

func TestWhatOthersWroteCannotSteerTheTerminal(t *testing.T) {
	node := newContractNode(t, 1)
	node.users[0]["override"] = map[string]any{"status": "busy", "by": "root", "reason": "\x1b[2Jgone\u202e"}
	if s := node.rollcall(t, "status", "user-0000"); strings.ContainsAny(s.stdout, "\x1b\u202e") || !strings.Contains(s.stdout, "gone") {
		t.Errorf("got %q", s.stdout)
	}
}

func TestRemarksAreOnStandardErrorOnly(t *testing.T) {
	node := newContractNode(t, 5)
	s := node.rollcall(t, "online", "--limit", "1", "-o", "ndjson").wants(t, exitFine, "1 of 3 users")
	var got client.Presence
	if err := json.Unmarshal([]byte(s.stdout), &got); err != nil {
		t.Errorf("%v: %q", err, s.stdout)
	}
}
