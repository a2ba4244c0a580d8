package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journaltest"
	"github.com/rollcall-dev/rollcall/events/presencepb"
)

// oldDays is a file of the past: alice came and went, bob is still there.
const oldDays = `at,user,event,session
2026-01-05T09:00:00Z,alice,join,web
2026-01-05T09:10:00Z,bob,join,web
2026-01-05T09:15:00Z,alice,say,web
2026-01-05T09:20:00Z,alice,leave,web
2026-01-05T09:25:00Z,carol,leave,web
`

// importOldDays returns a data directory with oldDays in it.
func importOldDays(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	rollcall(t, "import", writeFile(t, "old.csv", oldDays), "--data-dir", dir).wants(t, exitFine)
	return dir
}

// inStore runs fn over the log in dir.
func inStore(t *testing.T, dir string, fn func(context.Context, *embedded.Deployment) error) {
	t.Helper()
	if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, fn); err != nil {
		t.Fatal(err)
	}
}

// byHand runs fn over the streams in dir, as any NATS tool could.
func byHand(t *testing.T, dir string, fn func(context.Context, jetstream.JetStream) error) {
	t.Helper()
	t.Run("by hand", func(t *testing.T) {
		js, err := jetstream.New(journaltest.Connect(t, journaltest.Server(t, filepath.Join(dir, "nats"))))
		if err != nil {
			t.Fatal(err)
		}
		if err := fn(t.Context(), js); err != nil {
			t.Fatal(err)
		}
	})
}

// strangeCommits puts into the log in dir what nobody can read: an entry of alice of an unknown type, one of a newer
// version, and a message that is no commit. It returns their places.
func strangeCommits(t *testing.T, dir string) (places []events.Place) {
	t.Helper()
	data, err := proto.Marshal(&presencepb.Commit{At: 1, Entries: []*presencepb.Entry{
		{User: "alice", Type: 77}, {User: "alice", Type: presencepb.Type_LOGIN, V: 99},
	}})
	if err != nil {
		t.Fatal(err)
	}
	byHand(t, dir, func(ctx context.Context, js jetstream.JetStream) error {
		ack, err := js.Publish(ctx, events.LogSubject, data)
		if err != nil {
			return err
		}
		places = append(places, events.Place{Seq: ack.Sequence}, events.Place{Seq: ack.Sequence, Nth: 1})
		if ack, err = js.Publish(ctx, events.LogSubject, []byte("\xff")); err == nil {
			places = append(places, events.Place{Seq: ack.Sequence})
		}
		return err
	})
	return places
}

func TestVerifyFindsGoodViewsEqual(t *testing.T) {
	s := rollcall(t, "verify", "--data-dir", importOldDays(t)).wants(t, exitFine)
	lines := strings.Split(strings.TrimSpace(s.stdout), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "VIEW") || !strings.HasSuffix(lines[1], "  equal") || !strings.HasSuffix(lines[2], "  equal") {
		t.Errorf("got %s", s.stdout)
	}
}

func TestVerifyNamesTheFirstUserThatDiffersAndRebuildPutsItRight(t *testing.T) {
	dir := importOldDays(t)
	byHand(t, dir, func(ctx context.Context, js jetstream.JetStream) error {
		hot, err := js.Stream(ctx, events.StreamHot)
		if err != nil {
			return err
		}
		if err := hot.Purge(ctx); err != nil { // what is archived remains
			return err
		}
		archive, err := js.Stream(ctx, events.StreamArchive)
		if err != nil {
			return err
		}
		// That bob came: no view folds the log without it to what it was.
		return archive.Purge(ctx, jetstream.WithPurgeSubject(events.UserFilter("bob")))
	})
	s := rollcall(t, "verify", "--data-dir", dir, "-o", "csv").wants(t, exitNo,
		"view current differs from the log, user \"bob\" first: put it right with `rollcall rebuild current`", "view history differs")
	if !strings.Contains(s.stdout, "current,") || strings.Count(s.stdout, ",differs") != 2 {
		t.Errorf("got %s", s.stdout)
	}
	rebuilt := rollcall(t, "rebuild", "history", "--data-dir", dir, "-o", "csv").wants(t, exitFine)
	if !strings.Contains(rebuilt.stdout, "\nhistory,") || strings.Contains(rebuilt.stdout, "\ncurrent,") {
		t.Errorf("got %s", rebuilt.stdout)
	}
	s = rollcall(t, "verify", "--data-dir", dir, "-o", "csv").wants(t, exitNo, "view current differs")
	if strings.Count(s.stdout, ",differs") != 1 {
		t.Errorf("got %s", s.stdout)
	}
	rollcall(t, "rebuild", "--data-dir", dir).wants(t, exitFine)
	rollcall(t, "verify", "--data-dir", dir).wants(t, exitFine)
}

func TestNothingIsMadeWhereThereIsNothingToLookAt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	for _, args := range []string{"verify", "rebuild", "check-offline"} {
		rollcall(t, args, "--data-dir", dir).wants(t, exitNo, "there is no data in "+dir+": give the --data-dir of a node")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory was made")
	}
}

func TestStoreOfARunningNodeIsLeftAlone(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	for _, args := range []string{"verify", "rebuild", "check-offline", "import " + writeFile(t, "old.csv", oldDays)} {
		rollcall(t, append(strings.Fields(args), "--data-dir", s.dataDir)...).wants(t, exitNo, "stop the node that runs on it")
	}
	found := examined(t, exitFine, "--data-dir", s.dataDir, "--jwt-secret", testSecret, "--addr", "127.0.0.1:0")
	if f := found["log"]; f.Result != resultSkipped || !strings.Contains(f.Detail, "ask it with --server") {
		t.Errorf("got %+v", f)
	}
}

func TestOverdueSessionsOfAStoreAreListed(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret, "--timeout", "1s", "--timeout-consumer=false")
	s.login(t, "alice", "web-1")
	eventually(t, "the session is overdue", func() bool {
		return strings.Contains(s.as(t, "root", admin, "check-offline", "-o", "csv").stdout, "alice,web-1,")
	})
	s.login(t, "bob", "web-1") // so that the log knows of the time that has passed: none passes while nothing runs
	s.stop()
	got := rollcall(t, "check-offline", "--data-dir", s.dataDir, "--timeout", "1s", "-o", "csv").wants(t, exitFine)
	if !strings.Contains(got.stdout, "\nalice,web-1,20") || strings.Contains(got.stdout, "bob") {
		t.Errorf("got %q", got.stdout)
	}
	rollcall(t, "check-offline", "--data-dir", s.dataDir, "--emit", "-o", "csv").wants(t, exitFine)
}

func TestTypedFlagDecidesBetweenNodeAndStore(t *testing.T) {
	dir := importOldDays(t)
	rollcall(t, "verify", "--server", "http://127.0.0.1:1", "--data-dir", dir).wants(t, exitUse, "give one of them")
	elsewhere := call{env: []string{"ROLLCALL_SERVER=http://127.0.0.1:1"}}
	elsewhere.rollcall(t, "verify", "--data-dir", dir).wants(t, exitFine)
	elsewhere.rollcall(t, "verify").wants(t, exitNo, "no node answers at http://127.0.0.1:1")
	call{env: []string{"ROLLCALL_DATA_DIR=" + dir}}.rollcall(t, "verify").wants(t, exitFine)
	call{env: []string{"ROLLCALL_DATA_DIR=" + dir}}.rollcall(t, "check-offline", "--server", "http://127.0.0.1:1").wants(t, exitNo, "no node answers")
}

func TestWrongStoreIsWrongUse(t *testing.T) {
	for args, want := range map[string]string{
		"verify --nats-url nats://a --nats-context b":                "are both set",
		"verify --data-dir=":                                         "--data-dir is empty",
		"rebuild --hot-retention 3h --audit-retention 2h":            "must not be shorter",
		"rebuild everything":                                         `there is no view "everything": write current or history`,
		"rebuild current history":                                    `"history" is one argument too many`,
		"check-offline --data-dir x --timeout soon":                  "write a duration",
		"import --timeout soon":                                      "write off, or a duration like 2m",
		"import --timeout 10ms":                                      "give 1s at least, or off",
		"import a b":                                                 `"b" is one argument too many`,
		"verify --progress loud":                                     "write auto, plain or none",
		"import --nats-url nats://a --nats-creds /no/such/file.cred": "--nats-creds: open /no/such/file.cred",
	} {
		rollcall(t, strings.Fields(args)...).wants(t, exitUse, want)
	}
}

// externalServer is a NATS server as an operator would run one.
func externalServer(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not get ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s.ClientURL()
}

func TestLogOnNATSServersIsLookedAfterToo(t *testing.T) {
	args := []string{"--nats-url", externalServer(t), "--data-dir", t.TempDir()}
	rollcall(t, append(args, "import", writeFile(t, "old.csv", oldDays))...).wants(t, exitFine)
	rollcall(t, append(args, "verify")...).wants(t, exitFine)
	s := rollcall(t, append(args, "doctor", "-o", "csv", "--jwt-secret", testSecret, "--addr", "127.0.0.1:0", "--hot-retention", "72h")...).wants(t, exitFine)
	if want := "stream,ok,\"PRESENCE keeps what is there until it is archived and 72h old, replicas: 1\""; !strings.Contains(s.stdout, want) {
		t.Errorf("got %s, want %s", s.stdout, want)
	}
	s = rollcall(t, append(args, "doctor", "-o", "csv", "--jwt-secret", testSecret, "--addr", "127.0.0.1:0", "--audit-retention", "72h")...).wants(t, exitFine)
	if want := "stream,warning,\"PRESENCE_AUDIT keeps what is there 8760h, replicas: 1\",\"--audit-retention is 72h: give 8760h,"; !strings.Contains(s.stdout, want) {
		t.Errorf("got %s, want %s", s.stdout, want)
	}
}

func TestDoctorNamesEventsThatCannotBeDecoded(t *testing.T) {
	dir := importOldDays(t)
	places := strangeCommits(t, dir)
	s := rollcall(t, "doctor", "-o", "csv", "--data-dir", dir, "--jwt-secret", testSecret, "--addr", "127.0.0.1:0").wants(t, exitFine)
	for _, p := range places {
		if want := fmt.Sprintf("events,warning,at %s: ", p); !strings.Contains(strings.ReplaceAll(s.stdout, `"`, ""), want) {
			t.Errorf("got %s, want %s", s.stdout, want)
		}
	}
}
