package current

import (
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// TestACommitThatIsFoldedInPartIsNotWrittenDown: the view could not go on where
// it broke off.
func TestACommitThatIsFoldedInPartIsNotWrittenDown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "current.db")
	v, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	commit := func(seq uint64, users ...string) journal.Message {
		m := journal.Message{Seq: seq, Time: 1000}
		m.Data = events.AppendCommit(nil, m.Time, "", 0)
		for _, u := range users {
			e := events.Event{Type: events.Logout, V: events.Version, User: u, Session: "s", Actor: u, At: m.Time}
			if m.Data, err = events.AppendEvent(m.Data, &e, &events.Key{}, m.Time); err != nil {
				t.Fatal(err)
			}
		}
		return m
	}
	if err := v.Apply([]journal.Message{commit(1, "ann", "bob")}); err != nil {
		t.Fatal(err)
	}
	if err := v.Checkpoint(); err != nil { // neither need be in memory from here on
		t.Fatal(err)
	}
	spoil := func(db *bolt.DB) (whole []byte) {
		if err := db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(usersBucket)
			whole = append(whole, b.Get([]byte("bob"))...)
			return b.Put([]byte("bob"), []byte("damage"))
		}); err != nil {
			t.Fatal(err)
		}
		return whole
	}
	whole := spoil(v.store.DB)
	if err := v.Apply([]journal.Message{commit(2, "ann", "bob")}); err == nil {
		t.Fatal("a damaged record was folded")
	}
	if err := v.store.DB.Update(func(tx *bolt.Tx) error { return tx.Bucket(usersBucket).Put([]byte("bob"), whole) }); err != nil {
		t.Fatal(err)
	}
	if err := v.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if v, err = Open(Config{Path: path}); err != nil {
		t.Fatal(err)
	}
	if v.Seq() != 1 {
		t.Errorf("the file says that the view is at %d", v.Seq())
	}
	if err := v.Apply([]journal.Message{commit(2, "ann", "bob")}); err != nil {
		t.Error(err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}
