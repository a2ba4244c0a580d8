package main

import (
	"strings"
	"testing"
)

func TestOverdueSessionsOfAStoreAreWrittenDown(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret, "--timeout", "1s", "--timeout-consumer=false")
	s.login(t, "alice", "web-1")
	eventually(t, "the session is overdue", func() bool {
		return strings.Contains(s.as(t, "root", "presence:admin", "check-offline", "-o", "csv").stdout, "alice,web-1,")
	})
	s.login(t, "bob", "web-1") // so that the log knows of the time that has passed: none passes while nothing runs
	s.stop()
	at := []string{"--data-dir", s.dataDir, "--timeout", "1s", "-o", "csv"}
	if got := rollcall(t, append(at, "check-offline")...).wants(t, exitFine); !strings.Contains(got.stdout, "\nalice,web-1,20") {
		t.Errorf("got %q", got.stdout)
	}
	if got := rollcall(t, append(at, "check-offline", "--emit")...).wants(t, exitFine); got.stdout != "emitted\n1\n" {
		t.Errorf("got %q", got.stdout)
	}
	if got := rollcall(t, append(at, "check-offline")...).wants(t, exitFine); got.stdout != "user,session,last_seen,due_since\n" {
		t.Errorf("got %q", got.stdout)
	}
}

func TestLookingAfterALogLeavesItsRetentionAlone(t *testing.T) {
	dir := importOldDays(t)
	rollcall(t, "verify", "--data-dir", dir, "--audit-retention", "100h").wants(t, exitFine)
	s := rollcall(t, "doctor", "-o", "csv", "--data-dir", dir, "--jwt-secret", testSecret, "--addr", "127.0.0.1:0", "--audit-retention", "200h").wants(t, exitFine)
	if want := "stream,warning,\"PRESENCE_AUDIT keeps what is there 8760h"; !strings.Contains(s.stdout, want) {
		t.Errorf("got %s, want %s", s.stdout, want)
	}
}
