package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// harmed is a way to damage one file.
type harmed struct {
	name string
	harm func(r *rand.Rand, b []byte) []byte
}

var harms = []harmed{
	{"a bit flipped", func(r *rand.Rand, b []byte) []byte {
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return b
	}},
	{"cut short", func(r *rand.Rand, b []byte) []byte { return b[:r.IntN(len(b))] }},
	{"torn at its end", func(r *rand.Rand, b []byte) []byte { return b[:len(b)-1-r.IntN(min(100, len(b)))] }},
	{"its end zeroed", func(_ *rand.Rand, b []byte) []byte {
		clear(b[max(0, len(b)-4096):])
		return b
	}},
	{"emptied", func(*rand.Rand, []byte) []byte { return nil }},
	{"removed", nil},
}

// store is a data directory and what was acknowledged in it.
type store struct {
	dir   string
	acked map[string]acked
}

// filledStore writes events, one a commit. A store that was left crashed is that
// of a node that still ran: its views are as they were at its start, and its
// archive is complete if the last event is no heartbeat (count%3 == 1).
func filledStore(t *testing.T, count int, crashed bool) store {
	t.Helper()
	return filledStoreIn(t, t.TempDir(), count, crashed)
}

func filledStoreIn(t *testing.T, dir string, count int, crashed bool) store {
	t.Helper()
	s := store{dir, map[string]acked{}}
	n := run(t, embedded.Config{DataDir: s.dir, Checkpoint: time.Hour, Timeout: time.Hour})
	tok := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	for i := range count {
		user, typ := fmt.Sprintf("user-%d", i), events.Login
		if i%3 == 2 {
			typ = events.Heartbeat
		}
		seq, ok := post(t.Context(), n, tok, fmt.Sprintf(`{"type":%q,"user":%q}`, typ, user))
		if !ok {
			t.Fatal("a write was refused")
		}
		s.acked[user] = acked{seq: seq, typ: typ}
	}
	if crashed {
		running := s.dir
		journaltest.Until(t, "the last login to be archived", func() bool {
			for _, text := range files(t, filepath.Join(running, "nats", "jetstream", "$G", "streams", events.StreamArchive, "msgs")) {
				if strings.Contains(text, fmt.Sprintf(`"user-%d"`, count-1)) {
					return true
				}
			}
			return false
		})
		s.dir = filepath.Join(t.TempDir(), "crashed")
		put(t, running, s.dir)
	}
	n.stop()
	return s
}

// outcome is what came of a damaged store.
type outcome struct {
	refused error
	gone    []string // users who were acknowledged and are in no stream, or not shown
	told    []string // what says so
}

// look starts on a damaged store, as every command does, and looks for what was
// acknowledged.
func (s store) look(t *testing.T, dir string) (o outcome) {
	t.Helper()
	lines := new(said)
	o.refused = embedded.Offline(t.Context(), embedded.Config{DataDir: dir, Logger: lines.logger(), Timeout: time.Hour}, func(ctx context.Context, d *embedded.Deployment) error {
		inLog := map[string]bool{}
		err := d.Log().Audit(ctx, journal.AuditQuery{Heartbeats: true}, func(records []journal.Record) error {
			for i := range records {
				if records[i].Err == nil {
					inLog[records[i].Event.User] = true
				}
			}
			return nil
		})
		if err != nil {
			o.told = append(o.told, "reading the log: "+err.Error())
		}
		for user := range s.acked {
			_, known, err := d.Current().User(user)
			if err != nil {
				return err
			}
			if !known || !inLog[user] {
				o.gone = append(o.gone, user)
			}
		}
		views, err := d.Verify(ctx, nil)
		if err != nil {
			o.told = append(o.told, "verify: "+err.Error())
		}
		for _, v := range views {
			if !v.Equal {
				o.told = append(o.told, "verify: the "+v.View+" view differs")
			}
		}
		return nil
	})
	for line := range strings.Lines(lines.text.String()) {
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") {
			o.told = append(o.told, strings.TrimSpace(line))
		}
	}
	return o
}

// damageStores harms copies of stores at random places and starts on them.
func damageStores(t *testing.T, r *rand.Rand, rounds int, until time.Time) {
	stores := []store{filledStore(t, 121, false), filledStore(t, 121, true)}
	var refused, lossless, lost int
	for round := 0; round < rounds || time.Now().Before(until); round++ {
		s, h := stores[r.IntN(len(stores))], harms[r.IntN(len(harms))]
		dir := filepath.Join(t.TempDir(), "harmed")
		put(t, s.dir, dir)
		var names []string
		for _, pattern := range []string{
			"nats/jetstream/*/streams/PRESENCE/msgs/*", "nats/jetstream/*/streams/PRESENCE/meta.*",
			"nats/jetstream/*/streams/PRESENCE_AUDIT/msgs/*", "views/*.db"} {
			found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, found...)
		}
		name := names[r.IntN(len(names))]
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if h.harm == nil || len(b) < 2 {
			err = os.Remove(name)
		} else {
			err = os.WriteFile(name, h.harm(r, b), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		// The server believes what it wrote down of its files at its end, if that is there.
		if r.IntN(2) == 0 {
			_ = os.Remove(filepath.Join(filepath.Dir(name), "index.db"))
		}
		what := fmt.Sprintf("%s %s", strings.TrimPrefix(name, dir), h.name)
		o := s.look(t, dir)
		switch {
		case o.refused != nil:
			refused++
			t.Logf("%s: refused: %.200s", what, o.refused)
		case len(o.gone) == 0:
			lossless++
		case len(o.told) == 0:
			t.Errorf("%s: %d of %d acknowledged events are gone, and nothing says so", what, len(o.gone), len(s.acked))
		default:
			lost++
			t.Logf("%s: %d are gone, as is said: %.200s", what, len(o.gone), o.told[0])
		}
	}
	t.Logf("%d stores refused, %d with nothing lost, %d whose losses were told", refused, lossless, lost)
}

// streamDir is where the messages of a stream are.
func streamDir(dir, stream string) string {
	return filepath.Join(dir, "nats", "jetstream", "$G", "streams", stream)
}

// TestALogThatEndsBeforeItsArchiveIsRefused puts an older hot stream beside a
// newer archive, as a backup may be that was made of one after the other, and
// takes the views away, which had seen it. Going on would give out sequences
// again that the archive has.
func TestALogThatEndsBeforeItsArchiveIsRefused(t *testing.T) {
	dir, older := t.TempDir(), t.TempDir()
	write(t, dir, "user", 10)
	put(t, dir, older)
	s := filledStoreIn(t, dir, 31, true)
	put(t, streamDir(older, events.StreamHot), streamDir(s.dir, events.StreamHot))
	if err := os.RemoveAll(filepath.Join(s.dir, "views")); err != nil {
		t.Fatal(err)
	}
	if _, err := start(t, s.dir); !errors.Is(err, journal.ErrAhead) || !strings.Contains(err.Error(), "in which order to back up") {
		t.Errorf("it ended with: %v", err)
	}
}

// TestALogWhoseLastCommitCannotBeReadIsRefused: the server says that it is there,
// and never gives it out, so that whoever reads to the end waits for ever.
func TestALogWhoseLastCommitCannotBeReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "user", 10)
	name := filepath.Join(streamDir(dir, events.StreamHot), "msgs", "1.blk")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-20] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := start(t, dir); !errors.Is(err, journal.ErrHoles) || !strings.Contains(err.Error(), "index.db") {
		t.Fatalf("it ended with: %v", err)
	}
	// What it says helps: the last commit was the node's farewell, which nobody
	// misses, and that something was cut off is said.
	if err := os.Remove(filepath.Join(filepath.Dir(name), "index.db")); err != nil {
		t.Fatal(err)
	}
	if lines, err := start(t, dir); err != nil || lines.count("was cut") == 0 {
		t.Errorf("without the index it ended with: %v %s", err, lines.text.String())
	}
}

// TestAWholeLogIsNotSaidToBeDamaged: one that is new, and one with something in it.
func TestAWholeLogIsNotSaidToBeDamaged(t *testing.T) {
	dir := t.TempDir()
	for _, log := range []string{"a new log", "an empty log", "one that has been written"} {
		lines, err := start(t, dir)
		if err != nil || lines.count("level=ERROR") > 0 || lines.count("level=WARN") > 0 {
			t.Errorf("%s: %v %s", log, err, lines.text.String())
		}
		if log == "an empty log" {
			write(t, dir, "user", 3)
		}
	}
}

// TestDamagedFilesLoseNothingInSilence harms single files of stores. Whatever it
// is: the node refuses to start and says why, or everything acknowledged is
// there, or what is gone is told.
func TestDamagedFilesLoseNothingInSilence(t *testing.T) {
	damageStores(t, dice(t), 30, time.Time{})
}
