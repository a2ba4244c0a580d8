package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

const admin = "presence:admin"

// asked runs a command as an admin that must succeed, and returns the columns of what it prints, by their names.
func (s served) asked(t *testing.T, args ...string) map[string][]string {
	t.Helper()
	said := s.as(t, "root", admin, append(args, "-o", "csv")...).wants(t, exitFine)
	rows, err := csv.NewReader(strings.NewReader(said.stdout)).ReadAll()
	if err != nil {
		t.Fatalf("%v: %s", err, said.stdout)
	}
	columns := map[string][]string{}
	for i, name := range rows[0] {
		columns[name] = []string{}
		for _, row := range rows[1:] {
			columns[name] = append(columns[name], row[i])
		}
	}
	return columns
}

// busyDay gives alice a login, an override for an hour that is cleared, and a logout.
func (s served) busyDay(t *testing.T) {
	t.Helper()
	s.login(t, "alice", "web-1")
	s.as(t, "root", admin, "override", "set", "alice", "busy", "--reason", "on call", "--for", "1h").wants(t, exitFine)
	s.as(t, "root", admin, "override", "clear", "alice").wants(t, exitFine)
	seq, err := s.client(t, "alice").Logout(t.Context(), client.Logout{All: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client(t, "alice").Me(t.Context(), client.MinSeq(seq)); err != nil {
		t.Fatal(err)
	}
}

func TestHistoryTellsWhatAUserWasAndWhy(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.busyDay(t)
	got := s.asked(t, "history", "alice", "--since", "1h")
	if diff := cmp.Diff([]string{"online", "busy", "online", "offline"}, got["status"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"login", "override", "override_cleared", "logout"}, got["cause"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"alice", "root", "root", "alice"}, got["actor"]); diff != "" {
		t.Error(diff)
	}
	if got["to"][3] != "" || got["to"][0] != got["from"][1] || got["duration"][0] == "" {
		t.Errorf("got %v", got)
	}
	s.as(t, "root", admin, "history", "alice").wants(t, exitFine, "rollcall: online for ")
	s.as(t, "root", admin, "history", "carol").wants(t, exitNo, `the log has never named "carol"`)
}

func TestAuditSaysInWordsWhatHappened(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.busyDay(t)
	s.login(t, "bob", "web-2")
	got := s.asked(t, "audit", "--user", "alice")
	if diff := cmp.Diff([]string{"login", "override", "override", "logout"}, got["type"]); diff != "" {
		t.Error(diff)
	}
	for i, want := range []string{"device test", "busy until 20", "cleared", "all sessions"} {
		if !strings.HasPrefix(got["details"][i], want) {
			t.Errorf("got %q, want %q", got["details"][i], want)
		}
	}
	if !strings.HasSuffix(got["details"][1], "Z: on call") || got["actor"][1] != "root" || got["session"][0] != "web-1" {
		t.Errorf("got %v", got)
	}
	if got := s.asked(t, "audit", "--type", "login,logout", "--after-seq", got["seq"][0]); len(got["type"]) != 2 {
		t.Errorf("got %v, want alice's logout and bob's login", got)
	}
	if got := s.asked(t, "audit", "--until", "1h"); len(got["type"]) != 0 {
		t.Errorf("got %v of an hour ago", got)
	}
	s.as(t, "alice", "", "audit").wants(t, exitNo, "the token may not do that: take one with the scope presence:admin, or with the claim")
}

func TestWhatTheNodeDoesNotTakeIsWrongUse(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.login(t, "alice", "web-1")
	for args, want := range map[string]string{
		"audit --type foo":                                     "the node takes no such --type: login, heartbeat, logout, override, offline, online or erased\n",
		"audit --follow --type foo":                            "the node takes no such --type: ",
		"who-was-online --at 2999-01-01T00:00:00Z":             "the node takes no such --at: not in the future\n",
		"concurrency --since 87600h --step 1s":                 "the node takes no such --step: ",
		"status " + strings.Repeat("x", 129):                   "the node takes no such USER: ",
		"override set alice busy --for 900000h":                "the node takes no such --for: ",
		"override set alice busy --until 2001-01-01T00:00:00Z": "the node takes no such --until: ",
	} {
		said := s.as(t, "root", admin, strings.Fields(args)...).wants(t, exitUse, "rollcall: "+want)
		if strings.Contains(said.stderr, ".;") || !strings.Contains(said.stderr, "\nrollcall: see `rollcall ") {
			t.Errorf("%s: it said %q", args, said.stderr)
		}
	}
}

func TestTimesThatCannotBeWrittenAreNotSent(t *testing.T) {
	const late = "9999-12-31T23:59:59-05:00"
	for _, args := range []string{"override set alice busy --until " + late, "audit --since " + late, "history alice --until " + late, "who-was-online --at " + late} {
		rollcall(t, append(strings.Fields(args), "--token", "x")...).wants(t, exitUse, `is "`+late+`": write a time`)
	}
}

func TestReadersAreToldWhichScopeTheyNeed(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.login(t, "bob", "web-1")
	for _, args := range []string{"status bob", "online", "stats", "watch", "online --watch"} {
		s.as(t, "alice", "", strings.Fields(args)...).wants(t, exitNo, "the token may not do that: take one with the scope presence:read, ")
	}
	for _, args := range []string{"history bob", "who-was-online --at 1s", "concurrency", "override clear bob", "erase bob --yes", "check-offline", "verify"} {
		s.as(t, "alice", "presence:read", strings.Fields(args)...).wants(t, exitNo, "the token may not do that: take one with the scope presence:admin, ")
	}
}

func TestFollowedAuditGoesOnUntilItIsInterrupted(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.login(t, "alice", "web-1")
	for format, want := range map[string]string{"table": "SEQ  ", "csv": "time,seq,type,", "ndjson": `{"seq":`} {
		ctx, cancel := context.WithCancel(t.Context())
		out, ended := &growing{}, make(chan int, 1)
		env := []string{"ROLLCALL_SERVER=" + s.url, "ROLLCALL_TOKEN=" + mint(t, "--sub", "root", "--scope", admin)}
		go func() {
			ended <- run(ctx, []string{"audit", "--follow", "-o", format}, strings.NewReader(""), out, io.Discard, env)
		}()
		eventually(t, "what was there already is printed", func() bool { return strings.Contains(out.String(), "alice") })
		user := "came-" + format
		s.login(t, user, "web-1")
		eventually(t, "what comes is printed", func() bool { return strings.Contains(out.String(), user) })
		cancel()
		if code := <-ended; code != exitFine || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d, %s", format, code, out)
		}
	}
}

func TestFollowedAuditThatTheNodeEndsSaysHowToGoOn(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	seq := s.login(t, "alice", "web-1")
	out := &growing{}
	ended := make(chan said, 1)
	env := []string{"ROLLCALL_SERVER=" + s.url, "ROLLCALL_TOKEN=" + mint(t, "--sub", "root", "--scope", admin)}
	go func() {
		var stderr bytes.Buffer
		code := run(t.Context(), []string{"audit", "--follow"}, strings.NewReader(""), out, &stderr, env)
		ended <- said{code, "", stderr.String()}
	}()
	eventually(t, "it follows", func() bool { return strings.Contains(out.String(), "alice") })
	s.stop()
	(<-ended).wants(t, exitNo, fmt.Sprintf("go on with --after-seq %d", seq))
}

func TestImportedPastIsServed(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.stop()
	call{stdin: oldDays}.rollcall(t, "import", "--data-dir", s.dataDir).wants(t, exitFine)
	s = serveNodeIn(t, s.dataDir, "--jwt-secret", testSecret, "--audit-retention", "876000h") // however late it is
	for at, want := range map[string][]string{
		"2026-01-05T09:05:00Z": {"alice"},
		"2026-01-05T09:12:00Z": {"alice", "bob"},
		"2026-01-05T09:30:00Z": {"bob"},
		"2026-01-05T08:00:00Z": {},
	} {
		if diff := cmp.Diff(want, s.asked(t, "who-was-online", "--at", at)["user"]); diff != "" {
			t.Errorf("%s: %s", at, diff)
		}
	}
	got := s.asked(t, "who-was-online", "--at", "2026-01-05T09:30:00Z", "--status", "all")
	if diff := cmp.Diff([]string{"alice", "bob"}, got["user"]); diff != "" {
		t.Error(diff)
	}
	points := s.asked(t, "concurrency", "--since", "2026-01-05T09:00:00Z", "--until", "2026-01-05T09:30:00Z", "--step", "10m")
	if diff := cmp.Diff([]string{"1", "2", "1"}, points["online"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1", "2", "1"}, points["peak"]); diff != "" {
		t.Error(diff)
	}
}

func TestRunningNodeVerifiesAndRebuildsItsViews(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.busyDay(t)
	if got := s.asked(t, "verify"); cmp.Diff([]string{"equal", "equal"}, got["result"]) != "" || cmp.Diff([]string{"1", "1"}, got["users"]) != "" {
		t.Errorf("got %v", got)
	}
	if got := s.asked(t, "rebuild", "history"); cmp.Diff([]string{"history"}, got["view"]) != "" || got["seq"][0] == "0" {
		t.Errorf("got %v", got)
	}
	if got := s.asked(t, "rebuild"); cmp.Diff([]string{"current", "history"}, got["view"]) != "" {
		t.Errorf("got %v", got)
	}
	if got := s.asked(t, "history", "alice"); len(got["status"]) != 4 {
		t.Errorf("got %v", got)
	}
	for _, command := range []string{"verify", "rebuild"} {
		s.as(t, "alice", "", command).wants(t, exitNo, "the token may not do that")
	}
}

func TestDifferencesAreNamed(t *testing.T) {
	err := differences([]mirror.Comparison{{View: "current", Equal: true}, {View: "history", Differs: "alice"}})
	if err == nil || !strings.Contains(err.Error(), `view history differs from the log, user "alice" first`) || strings.Contains(err.Error(), "current") {
		t.Errorf("got %v", err)
	}
}

func TestErasedUserIsUnknown(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.busyDay(t)
	var got client.Erased
	said := s.as(t, "root", admin, "erase", "alice", "--yes", "-o", "json").wants(t, exitFine)
	if err := json.Unmarshal([]byte(said.stdout), &got); err != nil || got.User != "alice" || got.Seq == 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, args := range []string{"status alice", "history alice", "erase alice --yes"} {
		s.as(t, "root", admin, strings.Fields(args)...).wants(t, exitNo, `the log has never named "alice"`)
	}
	if got := s.asked(t, "audit"); cmp.Diff([]string{"erased"}, got["type"]) != "" || !strings.HasPrefix(got["details"][0], "hash ") {
		t.Errorf("got %v", got)
	}
}

func TestOnlyYesIsYes(t *testing.T) {
	for answer, want := range map[string]bool{"yes\n": true, "YES \r\n": true, "yes": true, "y\n": false, "\n": false, "": false, "no\nyes\n": false} {
		if err := agreed(strings.NewReader(answer)); (err == nil) != want {
			t.Errorf("%q: got %v", answer, err)
		}
	}
}

func TestDoctorNamesEventsThatANodeCannotDecode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	inStore(t, dir, func(context.Context, *embedded.Deployment) error { return nil })
	places := strangeCommits(t, dir)
	s := serveNodeIn(t, dir, "--jwt-secret", testSecret)
	doctor, audit := s.asked(t, "doctor"), s.asked(t, "audit", "--user", "alice")
	for _, p := range places {
		if want := fmt.Sprintf("at %s: ", p); !strings.Contains(strings.Join(doctor["detail"], "\n"), want) {
			t.Errorf("got %v, want %s", doctor, want)
		}
	}
	if cmp.Diff([]string{"undecodable", "undecodable"}, audit["type"]) != "" || audit["user"][1] != "alice" || audit["seq"][1] != places[1].String() ||
		!strings.Contains(audit["details"][0], "unknown event type") || !strings.Contains(audit["details"][1], "newer version") {
		t.Errorf("got %v", audit)
	}
	if got := s.asked(t, "audit"); len(got["type"]) != 3 || got["type"][2] != "undecodable" || got["user"][2] != "" {
		t.Errorf("got %v", got)
	}
	// Whoever may not read the events gets to know what the node says about itself.
	s.as(t, "alice", "", "doctor").wants(t, exitFine)
}
