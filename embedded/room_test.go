package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// ailing is a server whose store has failed as text says, until it is restarted.
type ailing struct {
	text     string
	restarts int
	dead     bool // a restart does not help
}

func (a *ailing) health() error {
	if a.text == "" {
		return nil
	}
	return storeError(a.text)
}

func (a *ailing) restart() error {
	a.restarts++
	if a.dead {
		return errors.New("it does not come up")
	}
	a.text = ""
	return nil
}

// newRoom looks after a log of its own and a server that is ailing.
func newRoom(t *testing.T, server broker, trial func(string) error) (*room, *journal.Journal) {
	t.Helper()
	j := journaltest.Open(t, journal.Config{})
	return &room{dir: t.TempDir(), server: server, trial: trial, log: j, folded: func() uint64 { return 0 },
		logger: slog.New(slog.DiscardHandler)}, j
}

// wrote is what the NATS server says of a stream that could not be written to.
func wrote(err error) string {
	return fmt.Sprintf("JetStream stream '$G > PRESENCE_AUDIT' write error: %v", &os.PathError{Op: "open", Path: "/x/1.blk", Err: err})
}

func TestAWriteErrorThatPassesPasses(t *testing.T) {
	for errno, refusal := range map[syscall.Errno]error{
		syscall.ENOSPC: journal.ErrFull, syscall.EDQUOT: journal.ErrFull,
		syscall.EMFILE: journal.ErrUnavailable, syscall.ENFILE: journal.ErrUnavailable, syscall.ENOMEM: journal.ErrUnavailable,
	} {
		t.Run(errno.Error(), func(t *testing.T) {
			server, still := &ailing{text: wrote(errno)}, error(errno)
			r, j := newRoom(t, server, func(string) error { return still })
			beat := func() error {
				_, err := j.Beat(t.Context(), events.Beat{User: "alice", Session: "web", At: 1})
				return err
			}
			look := func() {
				t.Helper()
				if err := r.look(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			look()
			if err := beat(); !errors.Is(err, refusal) {
				t.Errorf("while it lasts: %v, want %v", err, refusal)
			}
			r.since = time.Now().Add(-roomHold)
			look()
			if err := r.trouble(); server.restarts != 0 || err == nil || !strings.Contains(err.Error(), errno.Error()) && errno != syscall.ENOSPC {
				t.Errorf("it was restarted %d times while it would fail again; it says %v", server.restarts, err)
			}
			still = nil
			look()
			if server.restarts != 1 || r.trouble() != nil {
				t.Errorf("after %d restarts it says %v", server.restarts, r.trouble())
			}
			if err := beat(); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestAnErrorOfTheDiskStays(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.EROFS, syscall.EBADF} {
		server := &ailing{text: wrote(errno)}
		r, _ := newRoom(t, server, func(string) error { return nil })
		if err := r.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.state != roomOpen || server.restarts != 0 || !errors.Is(server.health(), errBadStore) {
			t.Errorf("%v: state %v, %d restarts, %v", errno, r.state, server.restarts, server.health())
		}
	}
}

func TestRestartsThatDoNotHelpComeLaterEachTime(t *testing.T) {
	server := &ailing{text: wrote(syscall.EMFILE), dead: true}
	r, _ := newRoom(t, server, func(string) error { return nil })
	last := time.Duration(0)
	for range 10 {
		if err := r.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.since, r.next = time.Now().Add(-roomHold), time.Time{}
		if r.backOff < last || r.backOff > roomRetry {
			t.Errorf("%v after %v", r.backOff, last)
		}
		last = r.backOff
	}
	if last != roomRetry {
		t.Errorf("the last pause is %v, want %v", last, roomRetry)
	}
}

func TestATrialLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	if err := tryStore(dir); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
	if err := tryStore(dir + "/none"); err == nil {
		t.Error("a store that is not there was tried")
	}
}
