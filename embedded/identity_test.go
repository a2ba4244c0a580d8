package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
)

// write logs so many users in at a node over dir, which it stops then.
func write(t *testing.T, dir, prefix string, users int) {
	t.Helper()
	n := run(t, embedded.Config{DataDir: dir})
	tok := token(t, auth.MintClaims{User: "backend", Scope: "presence:write"})
	for i := range users {
		if code, _ := n.call(tok, "POST", "/v1/events", fmt.Sprintf(`{"type":"login","user":"%s-%d"}`, prefix, i), nil); code >= 300 {
			t.Fatalf("login: %d", code)
		}
	}
	n.stop()
}

// put makes to, which is removed first, a copy of the directory from.
func put(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// start runs a node over dir until it is ready, and then stops it, and returns
// what it ended with and what it logged.
func start(t *testing.T, dir string) (lines *said, err error) {
	t.Helper()
	lines = new(said)
	n, err := embedded.New(embedded.Config{DataDir: dir, JWTSecret: secret, Addr: "127.0.0.1:0", Logger: lines.logger()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	select {
	case err := <-ended:
		return lines, err
	case <-n.Ready():
		cancel()
		return lines, <-ended
	}
}

// files returns the content of all files below dir, by their names in it.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, dir)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestANodeRefusesALogThatItsViewsHaveNotSeen puts another log under the views
// of a node. It must not start, must say what to do, and must leave the views as
// they are: they may be all that is left.
func TestANodeRefusesALogThatItsViewsHaveNotSeen(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(t *testing.T, dir, older string)
		want error
		say  string
	}{
		{"one that ends before the checkpoint", func(t *testing.T, dir, older string) {
			put(t, filepath.Join(older, "nats"), filepath.Join(dir, "nats"))
		}, projections.ErrShort, "restore the store"},
		{"one whose sequences were given out again", func(t *testing.T, dir, older string) {
			if err := os.RemoveAll(filepath.Join(older, "views")); err != nil {
				t.Fatal(err)
			}
			write(t, older, "other", 30) // past the checkpoint, with others
			put(t, filepath.Join(older, "nats"), filepath.Join(dir, "nats"))
		}, projections.ErrDiverged, "restore the store"},
		{"none", func(t *testing.T, dir, _ string) {
			if err := os.RemoveAll(filepath.Join(dir, "nats")); err != nil {
				t.Fatal(err)
			}
		}, journal.ErrMissing, "restore the store"},
		{"one without its hot stream", func(t *testing.T, dir, _ string) {
			streams := filepath.Join(dir, "nats", "jetstream", "$G", "streams", events.StreamHot)
			if err := os.RemoveAll(streams); err != nil {
				t.Fatal(err)
			}
		}, journal.ErrMissing, "restore the store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, older := t.TempDir(), t.TempDir()
			write(t, dir, "user", 10)
			put(t, dir, older)
			write(t, dir, "more", 10)
			c.harm(t, dir, older)
			before := files(t, filepath.Join(dir, "views"))
			_, err := start(t, dir)
			if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.say) {
				t.Errorf("it ended with: %v", err)
			}
			after := files(t, filepath.Join(dir, "views"))
			for name, was := range before {
				if is, there := after[name]; !there || !strings.HasSuffix(name, ".db") && is != was {
					t.Errorf("%s is gone or another", name)
				}
			}
			if len(after) != len(before) {
				t.Errorf("the views are %d files, and were %d", len(after), len(before))
			}
			if err := embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(context.Context, *embedded.Deployment) error { return nil }); !errors.Is(err, c.want) {
				t.Errorf("a command on the store ended with: %v", err)
			}
		})
	}
}

// TestViewsOfAnotherLogAreSetAside: a log that was made by somebody else is whole,
// and so are the views of the old one. Both are kept, and it is said.
func TestViewsOfAnotherLogAreSetAside(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write(t, dir, "user", 10)
	write(t, other, "other", 10)
	put(t, filepath.Join(other, "nats"), filepath.Join(dir, "nats"))
	lines, err := start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	aside, err := filepath.Glob(filepath.Join(dir, "views", "*.aside-*"))
	if err != nil || len(aside) != 2 || lines.count("set aside") != 2 {
		t.Errorf("set aside %v, said %d times: %v", aside, lines.count("set aside"), err)
	}
	n := run(t, embedded.Config{DataDir: dir})
	for user, want := range map[string]int{"other-3": 200, "user-3": 404} {
		if code, _ := n.call(token(t, claimsOf(user)), "GET", "/v1/me", "", nil); code != want {
			t.Errorf("%s: %d", user, code)
		}
	}
}

// TestAViewOfANewerVersionIsLeftAlone: this version does not know what is in
// it, and the newer one may be wanted back.
func TestAViewOfANewerVersionIsLeftAlone(t *testing.T) {
	for _, name := range []string{"current.db", "history.db"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "user", 3)
			path := filepath.Join(dir, "views", name)
			db, err := bolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Update(func(tx *bolt.Tx) error {
				meta, err := projections.ReadMeta(tx)
				if err != nil {
					return err
				}
				meta.Schema++
				return projections.PutMeta(tx, meta)
			}); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			before := files(t, filepath.Join(dir, "views"))[string(filepath.Separator)+name]
			_, err = start(t, dir)
			if !errors.Is(err, projections.ErrNewer) || !strings.Contains(fmt.Sprint(err), "use the newer version") {
				t.Errorf("it ended with: %v", err)
			}
			after := files(t, filepath.Join(dir, "views"))
			if after[string(filepath.Separator)+name] != before || len(after) != 2 {
				t.Errorf("the file was changed, or set aside: %d files", len(after))
			}
		})
	}
}

// TestAStoreIsForOne: NATS does not notice a second server on its files.
func TestAStoreIsForOne(t *testing.T) {
	dir := t.TempDir()
	n := run(t, embedded.Config{DataDir: dir})
	before := n.online(token(t, claimsOf("alice")))
	if _, err := start(t, dir); !errors.Is(err, embedded.ErrStoreHeld) {
		t.Errorf("a second node: %v", err)
	}
	for name, err := range map[string]error{
		"a command": embedded.Offline(t.Context(), embedded.Config{DataDir: dir}, func(context.Context, *embedded.Deployment) error { return nil }),
		"a rebuild": second(embedded.Rebuild(t.Context(), embedded.Config{DataDir: dir}, "", nil)),
	} {
		if !errors.Is(err, embedded.ErrStoreHeld) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var p presence
	if n.call(token(t, claimsOf("alice")), "GET", "/v1/me", "", &p); !p.Since.Equal(before) {
		t.Errorf("the first one has suffered: %+v", p)
	}
	n.stop()
	db, err := bolt.Open(filepath.Join(dir, "views", "history.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := start(t, dir); !errors.Is(err, projections.ErrHeld) {
		t.Errorf("a view that another process has open: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
