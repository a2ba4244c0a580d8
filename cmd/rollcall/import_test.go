package main

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImportSaysWhatItDid(t *testing.T) {
	dir := t.TempDir()
	s := call{stdin: oldDays}.rollcall(t, "import", "--data-dir", dir, "-o", "csv", "--timeout", "1h", "--audit-retention", "876000h").wants(t, exitFine)
	if want := "rows,events,heartbeats,timeouts,ignored,bad,seq,seconds\n5,"; !strings.HasPrefix(s.stdout, want) {
		t.Errorf("got %s, want %s", s.stdout, want)
	}
	if s.stderr != "" {
		t.Errorf("it said %s", s.stderr)
	}
}

func TestImportReadsWhatIsPacked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.csv.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	z.Write([]byte(oldDays))
	z.Close()
	f.Close()
	rollcall(t, "import", path, "--data-dir", t.TempDir()).wants(t, exitFine)
}

func TestImportOfABadFileWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	bad := oldDays + "yesterday,dave,join,web\n2026-01-05T09:30:00Z,dave,dance,web\n"
	s := call{stdin: bad}.rollcall(t, "import", "-", "--data-dir", dir).wants(t, exitNo,
		`rollcall: line 7: at "yesterday" is no time`, `rollcall: line 8: event "dance" is none of`, "nothing was imported: 2 bad rows", "--skip-bad")
	if _, err := os.Stat(dir); err == nil || s.stdout != "" {
		t.Errorf("the directory was made, or it printed %q", s.stdout)
	}
	s = call{stdin: bad}.rollcall(t, "import", "-", "--data-dir", dir, "--skip-bad", "-o", "ndjson").wants(t, exitFine, "left out: line 7", "left out: line 8")
	if !strings.Contains(s.stdout, `"rows":5,`) || !strings.Contains(s.stdout, `"bad":2,`) {
		t.Errorf("got %s", s.stdout)
	}
}

func TestImportBehindLaterEventsIsRefused(t *testing.T) {
	dir := importOldDays(t)
	s := call{stdin: "at,user,event\n2026-01-04T09:00:00Z,alice,join\n"}.rollcall(t, "import", "--data-dir", dir)
	s.wants(t, exitNo, "the log holds later events than the file")
	call{stdin: "at,user,event\n2026-01-06T09:00:00Z,alice,join\n"}.rollcall(t, "import", "--data-dir", dir).wants(t, exitFine)
}

func TestImportWarnsOfWhatANodeWouldForget(t *testing.T) {
	old := call{stdin: "at,user,event\n2001-01-01T00:00:00Z,alice,join\n"}
	old.rollcall(t, "import", "--data-dir", t.TempDir()).wants(t, exitFine, "a node whose --audit-retention is 8760h forgets what is older than that")
	s := old.rollcall(t, "import", "--data-dir", t.TempDir(), "--audit-retention", "876000h").wants(t, exitFine)
	if s.stderr != "" {
		t.Errorf("it said %s", s.stderr)
	}
}

func TestImportOfNoFileIsANo(t *testing.T) {
	rollcall(t, "import", "/no/such/file.csv", "--data-dir", t.TempDir()).wants(t, exitNo, "open /no/such/file.csv")
	rollcall(t, "import", "--data-dir", t.TempDir()).wants(t, exitNo, "it is empty")
}
