//go:build linux

package embedded_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
)

// unsynced returns how many pages of the stream's messages the kernel holds that
// are not on disk: what a power cut would take now.
func unsynced(t *testing.T, dir, stream string) (pages uint64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "*", "streams", stream, "msgs", "*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages: %v", err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		var s unix.Cachestat_t
		err = unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{}, &s, 0)
		f.Close()
		if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPERM) {
			skip := t.Skipf
			if os.Getenv("CI") != "" {
				skip = t.Fatalf
			}
			skip("the kernel does not tell what is on disk, which takes Linux 6.5: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		pages += s.Dirty + s.Writeback
	}
	return pages
}

// TestWhatIsAcknowledgedIsOnDisk asks the kernel after each acknowledgement
// whether anything of the log is still only in memory. It is a power cut without
// one: it needs neither root nor a disk of its own. That it can fail is shown
// with an fsync once a minute.
func TestWhatIsAcknowledgedIsOnDisk(t *testing.T) {
	for _, sync := range []string{"always", "1m"} {
		t.Run(sync, func(t *testing.T) {
			dir := t.TempDir()
			n := run(t, embedded.Config{DataDir: dir, Sync: sync})
			tok := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
			admin := token(t, auth.MintClaims{User: "root", Scope: "presence:admin"})
			var found, asked uint64
			for i := range 200 {
				method, path, body, by := "POST", "/v1/events", fmt.Sprintf(`{"type":"login","user":"user-%d"}`, i), tok
				switch i % 4 {
				case 1:
					body = fmt.Sprintf(`{"type":"heartbeat","user":"user-%d"}`, i-1)
				case 2:
					method, path, body, by = "PUT", fmt.Sprintf("/v1/users/user-%d/override", i), `{"status":"busy"}`, admin
				case 3:
					path, body = "/v1/heartbeat", "" // the short way
				}
				code, h := n.call(by, method, path, body, nil)
				if code >= 300 {
					t.Fatalf("%s %s: %d", method, path, code)
				}
				pages := unsynced(t, dir, events.StreamHot)
				seq, err := strconv.ParseUint(h.Get("Rollcall-Seq"), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				if pages > 0 && n.end() > seq {
					continue // a mark or a timeout is just being written
				}
				found += min(pages, 1)
				asked++
			}
			t.Logf("%d of %d acknowledgements came before their event was on disk", found, asked)
			switch {
			case asked < 100:
				t.Errorf("only %d were looked at", asked)
			case sync == "always" && found > 0:
				t.Errorf("%d of %d were acknowledged and not on disk", found, asked)
			case sync != "always" && found == 0:
				t.Error("none was found without fsync: this proves nothing")
			}
		})
	}
}

// end is where the log ends.
func (n *node) end() (seq uint64) {
	n.t.Helper()
	var first uint64
	_, text := n.readyz()
	_, text, _ = strings.Cut(text, "[+]log ok ")
	if _, err := fmt.Sscanf(text, "sequences %d to %d", &first, &seq); err != nil {
		n.t.Fatalf("%s: %v", text, err)
	}
	return seq
}
