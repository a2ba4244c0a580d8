package main

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

// live runs a command that goes on until it is stopped, against s.
func (s served) live(t *testing.T, args ...string) (stdout, stderr *growing, stop func() int) {
	t.Helper()
	stdout, stderr = &growing{}, &growing{}
	ctx, cancel := context.WithCancel(t.Context())
	env := []string{"ROLLCALL_SERVER=" + s.url, "ROLLCALL_TOKEN=" + mint(t, "--sub", "root", "--scope", "presence:admin")}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, strings.NewReader(""), stdout, stderr, env) }()
	stop = func() int {
		cancel()
		code := <-ended
		ended <- code
		return code
	}
	t.Cleanup(func() { stop() })
	eventually(t, "it watches", func() bool { return strings.Contains(stderr.String(), "watching;") })
	return stdout, stderr, stop
}

func TestWatchPrintsWhatHappensInWords(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	stdout, _, stop := s.live(t, "watch", "--user", "alice,bob")
	lines, _, stopLines := s.live(t, "watch", "-o", "ndjson")
	s.login(t, "carol", "web-1")
	s.login(t, "alice", "web-1")
	s.as(t, "root", "presence:admin", "override", "set", "alice", "busy").wants(t, exitFine)
	eventually(t, "alice is busy", func() bool { return strings.Contains(stdout.String(), "busy     alice was set to busy, by root\n") })
	if text := stdout.String(); !strings.Contains(text, "online   alice logged in\n") || strings.Contains(text, "carol") || strings.Contains(text, "\x1b") {
		t.Errorf("got %q", text)
	}
	eventually(t, "all three changes are there", func() bool { return strings.Count(lines.String(), "\n") == 3 })
	var first client.Change
	if err := json.NewDecoder(strings.NewReader(lines.String())).Decode(&first); err != nil || first.User != "carol" || first.Cause != "login" || first.ID == "" {
		t.Errorf("got %+v, %v", first, err)
	}
	if stop() != exitFine || stopLines() != exitFine {
		t.Error("Ctrl-C is no failure")
	}
}

func TestOnlineWatchesWhoComesAndGoes(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.login(t, "alice", "web-1")
	eventually(t, "alice is there", func() bool { return strings.Contains(s.as(t, "root", "presence:admin", "online").stdout, "alice") })
	lines, _, _ := s.live(t, "online", "--watch")
	s.login(t, "bob", "web-1")
	s.as(t, "root", "presence:admin", "override", "set", "bob", "offline").wants(t, exitFine)
	eventually(t, "bob has come and gone", func() bool {
		return strings.Contains(lines.String(), "online   bob logged in\n") && strings.Contains(lines.String(), "offline  bob was set to offline, by root\n")
	})
}

func TestEveryCauseHasWords(t *testing.T) {
	seen := map[string]string{}
	for _, cause := range []string{"login", "heartbeat", "logout", "timeout", "left", "override", "override_cleared", "override_expired", "idle"} {
		words := doing(client.Change{User: "alice", Status: client.StatusOnline, Cause: cause})
		if other, ok := seen[words]; ok || words == "is online" {
			t.Errorf("%s is told like %s: %q", cause, other, words)
		}
		seen[words] = cause
	}
	if words := doing(client.Change{Status: client.StatusBusy, Cause: "of a newer node"}); words != "is busy" {
		t.Errorf("got %q", words)
	}
	told := sentence(client.Change{User: "a\x1b[2J", Status: client.StatusBusy, Cause: "override", Actor: "\x1b[2J"}, false)
	if strings.Contains(told, "\x1b") {
		t.Errorf("got %q", told)
	}
	if told := sentence(client.Change{User: "alice", Status: client.StatusBusy}, true); !strings.Contains(told, "\x1b[31mbusy   \x1b[0m") {
		t.Errorf("got %q", told)
	}
}

func TestBoardFollowsTheStream(t *testing.T) {
	b := newBoard("online")
	b.take(client.Change{User: "zoe", Status: client.StatusOnline})
	b.take(client.Reset{})
	b.take(client.Snapshot{Users: []client.Presence{
		{User: "alice", Status: client.StatusOnline, Since: firstSeen}, {User: "bob", Status: client.StatusAway, Since: firstSeen},
		{User: "carol", Status: client.StatusOnline, Since: firstSeen}, {User: "dan", Status: client.StatusOnline, Since: firstSeen},
	}})
	for _, step := range []struct {
		change client.Change
		moves  bool
	}{
		{client.Change{User: "bob", From: client.StatusAway, Status: client.StatusOnline, Since: firstSeen.Add(time.Minute)}, true},
		{client.Change{User: "carol", From: client.StatusOnline, Status: client.StatusOffline}, true},
		{client.Change{User: "erin", From: client.StatusOffline, Status: client.StatusBusy}, false},
	} {
		if _, moved := b.take(step.change); moved != step.moves {
			t.Errorf("%+v: it says %t", step.change, moved)
		}
	}
	at := func(d time.Duration) string { return firstSeen.Add(d).Local().Format(time.TimeOnly) }
	want := "3 online   0 away   1 busy   at " + at(time.Hour) + "\n\n" + at(time.Minute) + "  online   bob\n" + at(0) + "  online   alice\n" + at(0) + "  online   dan"
	if got := b.draw(firstSeen.Add(time.Hour), 80, 24, false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got := strings.Split(b.draw(firstSeen, 20, 4, true), "\n")
	if len(got) != 4 || got[3] != "and 2 more" || len(got[0]) > 20 {
		t.Errorf("on a small terminal: %q", got)
	}
}

func TestBoardSaysThatItIsOutOfDate(t *testing.T) {
	b := newBoard("online")
	b.take(client.Change{User: "alice", Status: client.StatusOnline})
	b.tell("the stream broke off\x1b")
	if lines := strings.Split(b.draw(firstSeen, 80, 24, false), "\n"); lines[1] != "the stream broke off\ufffd" || len(lines) != 3 {
		t.Errorf("got %q", lines)
	}
	b.tell("")
	if lines := strings.Split(b.draw(firstSeen, 80, 24, false), "\n"); lines[1] != "" {
		t.Errorf("got %q", lines)
	}
}

// A terminal that has written its last column erases that with the rest of the line.
func TestBoardLeavesTheLastColumnFree(t *testing.T) {
	b := newBoard("online")
	b.take(client.Change{User: strings.Repeat("x", 128), Status: client.StatusOnline})
	screen := &growing{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.paintUntil(ctx, &program{stdout: screen})
	width, _ := size(&program{stdout: screen})
	if n := strings.Count(screen.String(), "x"); n != width-1-len("08:00:00  online   ") {
		t.Errorf("%d columns for the name in %q", n, screen.String())
	}
}

func TestADumbTerminalIsNotDrawnOn(t *testing.T) {
	skip := t.Skipf
	if os.Getenv("CI") != "" { // where one can be made
		skip = t.Fatalf
	}
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		skip("no terminal can be made: %v", err)
	}
	defer screen.Close()
	if !terminal(screen) {
		skip("/dev/ptmx of %s is no terminal itself", runtime.GOOS)
	}
	for term, want := range map[string]bool{"xterm": true, "dumb": false} {
		if got := (&program{stdout: screen, env: []string{"TERM=" + term}}).drawable(); got != want {
			t.Errorf("%s: %t", term, got)
		}
	}
}

func TestWatchGoesOnWithTheNextNodeWithoutAGap(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	s.login(t, "alice", "web-1")
	lines, stderr, _ := s.live(t, "watch")
	s.login(t, "bob", "web-1")
	eventually(t, "bob is seen", func() bool { return strings.Contains(lines.String(), "bob logged in") })
	s.stop()
	eventually(t, "the end is told", func() bool { return strings.Contains(stderr.String(), "trying again in") })
	next := serveNodeIn(t, s.dataDir, "--jwt-secret", testSecret, "--addr", strings.TrimPrefix(s.url, "http://"))
	next.login(t, "carol", "web-1")
	eventually(t, "carol is seen", func() bool { return strings.Contains(lines.String(), "carol logged in") })
	if !strings.Contains(stderr.String(), "watching again\n") {
		t.Errorf("it does not say that it goes on: %q", stderr.String())
	}
	if text := stderr.String(); strings.Count(text, "watching;") != 1 || strings.Contains(text, "missed") || strings.Count(lines.String(), "bob") != 1 {
		t.Errorf("it began anew: %q, %q", text, lines.String())
	}
}
