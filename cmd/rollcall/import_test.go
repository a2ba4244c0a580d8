package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
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

// interruptedImport imports text and one more row, which is too young to be imported at once, and interrupts it once
// something is in the log.
func interruptedImport(t *testing.T, dir, text, last string) said {
	t.Helper()
	before := written(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan said, 1)
	young := text + fmt.Sprintf(last, time.Now().UTC().Format(time.RFC3339Nano))
	go func() { ended <- call{stdin: young}.within(ctx, "import", "--data-dir", dir) }()
	eventually(t, "something is in the log", func() bool { return written(t, dir) > before })
	cancel()
	return <-ended
}

// written is how many bytes the messages of the log take in dir.
func written(t *testing.T, dir string) (size int64) {
	t.Helper()
	blocks, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*", "PRESENCE", "msgs", "*.blk"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks {
		if info, err := os.Stat(block); err == nil {
			size += info.Size()
		}
	}
	return size
}

func TestInterruptedImportSaysHowFarItCameAndWhatToDo(t *testing.T) {
	const more = "%s,dave,join,web\n"
	dir := filepath.Join(t.TempDir(), "data")
	s := interruptedImport(t, dir, oldDays, more)
	s.wants(t, exitNo, "rollcall: the import was interrupted: it came to row 5 of 6, and 5 events are in the log: remove the directory "+dir+" and begin again\n")
	again := call{stdin: oldDays}.rollcall(t, "import", "--data-dir", dir)
	again.wants(t, exitNo, "the log holds later events than the file", "in an empty data directory")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	call{stdin: oldDays}.rollcall(t, "import", "--data-dir", dir).wants(t, exitFine)

	// What was in the log before must not be removed with it.
	later := strings.ReplaceAll(oldDays, "2026-01-05", "2026-01-06")
	interruptedImport(t, dir, later, more).wants(t, exitNo, "put back a copy of the log and of "+dir+" from before the import, and begin again")
}

func TestInterruptedImportOfAUserTableIsRepeated(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := interruptedImport(t, dir, "id,last_seen\n17,2026-01-05T09:00:00Z\n", "18,%s\n")
	s.wants(t, exitNo, "it came to row 1 of 2, and 1 event is in the log: import the same file again, which changes nothing about users who are in it already")
	again := call{stdin: "id,last_seen\n17,2026-01-05T09:00:00Z\n18,2026-01-05T10:00:00Z\n"}.rollcall(t, "import", "--data-dir", dir)
	again.wants(t, exitFine)
	rollcall(t, "verify", "--data-dir", dir).wants(t, exitFine)
}

func TestImportInterruptedBeforeItBeganSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "data")
	call{stdin: oldDays}.within(ctx, "import", "--data-dir", dir).wants(t, exitNo, "interrupted before anything was imported: import the file again")
	call{stdin: oldDays}.rollcall(t, "import", "--data-dir", dir).wants(t, exitFine)
}

func TestAUserTableIsImportedAgainAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	table := call{stdin: "id,last_seen\n17,2026-01-05T09:00:00Z\n18,2026-01-05T10:00:00Z\n"}
	table.rollcall(t, "import", "--data-dir", dir).wants(t, exitFine)
	users := func() (found []events.User) {
		inStore(t, dir, func(_ context.Context, d *embedded.Deployment) (err error) {
			found, err = d.Current().Users([]string{"17", "18"})
			return err
		})
		return found
	}
	before := users()
	table.rollcall(t, "import", "--data-dir", dir).wants(t, exitFine)
	if diff := cmp.Diff(before, users(), cmpopts.IgnoreFields(events.User{}, "Seq")); diff != "" || len(before) != 2 {
		t.Errorf("%d users; %s", len(before), diff)
	}
	rollcall(t, "verify", "--data-dir", dir).wants(t, exitFine)
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
