package journal_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func isErr(err, target error) bool { return errors.Is(err, target) }

var noKey events.Key

func login(user string) events.Event {
	return events.Event{Type: events.Login, User: user, Session: "s", Actor: user, At: 1_700_000_000_000}
}

func beat(user string) events.Beat {
	return events.Beat{User: user, Session: "s", Actor: user, At: 1_700_000_000_000}
}

// found is an entry of the log.
type found struct {
	Place events.Place
	Event events.Event
	Key   events.Key
}

// all returns what is in the hot stream.
func all(t testing.TB, j *journal.Journal) (got []found) {
	t.Helper()
	var c events.Commit
	for _, m := range commits(t, j) {
		if err := c.Decode(m.Data); err != nil {
			t.Fatal(err)
		}
		for i := range c.Entries {
			e, key, err := c.Entries[i].Event()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, found{events.Place{Seq: m.Seq, Nth: uint32(i)}, e, key})
		}
	}
	return got
}

// commits returns the messages of the hot stream, marks and all.
func commits(t testing.TB, j *journal.Journal) (got []journal.Message) {
	t.Helper()
	if err := j.Read(t.Context(), journal.Stretch{To: end(t, j)}, func(batch []journal.Message) error {
		got = append(got, batch...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func end(t testing.TB, j *journal.Journal) uint64 {
	t.Helper()
	_, last, err := j.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func streams(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func stream(t testing.TB, nc *nats.Conn, name string) jetstream.Stream {
	t.Helper()
	s, err := streams(t, nc).Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestALostLogIsUnavailable(t *testing.T) {
	s := journaltest.Server(t, t.TempDir())
	j := journaltest.On(t, journaltest.Connect(t, s), journal.Config{})
	if _, err := j.Beat(t.Context(), beat("alice")); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	s.WaitForShutdown()
	_, err := j.Beat(t.Context(), beat("alice"))
	if !isErr(err, journal.ErrUnavailable) && !isErr(err, journal.ErrSlow) {
		t.Fatalf("got %v", err)
	}
}

// TestASilentNodeWritesMarks: an empty commit tells a silent log from a dead one.
func TestASilentNodeWritesMarks(t *testing.T) {
	j := journaltest.Open(t, journal.Config{Node: "n1"})
	journaltest.Until(t, "a mark", func() bool { return end(t, j) > 0 })
	var c events.Commit
	for _, m := range commits(t, j) {
		if err := c.Decode(m.Data); err != nil || len(c.Entries) != 0 || string(c.Node) != "n1" || c.At == 0 {
			t.Errorf("%x read as %+v, %v", m.Data, c, err)
		}
	}
}

func TestFollowGoesOnOverALostConnection(t *testing.T) {
	s := journaltest.Server(t, t.TempDir())
	nc := journaltest.Connect(t, s)
	j := journaltest.On(t, nc, journal.Config{})
	seen := make(chan uint64, 1000)
	journaltest.Run(t, "follow", func(ctx context.Context) error {
		return j.Follow(ctx, 1, func(batch []journal.Message) error {
			for _, m := range batch {
				seen <- m.Seq
			}
			return nil
		})
	})
	wait := func(seq uint64) {
		for got := range seen {
			if got == seq {
				return
			}
		}
	}
	seq, err := j.Beat(t.Context(), beat("alice"))
	if err != nil {
		t.Fatal(err)
	}
	wait(seq)
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	journaltest.Until(t, "the connection", func() bool { return nc.Status() == nats.CONNECTED })
	journaltest.Until(t, "an acknowledgement", func() bool {
		seq, err = j.Beat(t.Context(), beat("alice"))
		return err == nil
	})
	wait(seq)
}

// TestWhatIsWitnessedIsToldWithACommit: now and then, and once.
func TestWhatIsWitnessedIsToldWithACommit(t *testing.T) {
	j := journaltest.Open(t, journal.Config{Quiet: true})
	j.Witnessed(41)
	for i := range 3 {
		if _, err := j.Beat(t.Context(), beat(fmt.Sprint("u", i))); err != nil {
			t.Fatal(err)
		}
	}
	var told []uint64
	var c events.Commit
	for _, m := range commits(t, j) {
		if err := c.Decode(m.Data); err != nil {
			t.Fatal(err)
		}
		told = append(told, c.Witnessed)
	}
	if len(told) != 3 || told[0] != 41 || told[1] != 0 || told[2] != 0 {
		t.Errorf("told %v", told)
	}
}
