package embedded

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// TestTheServerSyncsAlways asks the running server, not the configuration, when
// it fsyncs: the zero value of its options would be every two minutes.
func TestTheServerSyncsAlways(t *testing.T) {
	for sync, always := range map[string]bool{"": true, "always": true, "1s": false} {
		s, err := startServer(Config{DataDir: t.TempDir(), Sync: sync}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		for _, started := range []string{"started", "restarted"} {
			if c := s.now().JetStreamConfig(); c.SyncAlways != always || !always && c.SyncInterval.String() != sync {
				t.Errorf("--sync %q, %s: always %t, interval %s", sync, started, c.SyncAlways, c.SyncInterval)
			}
			if err := s.restart(); err != nil {
				t.Fatal(err)
			}
		}
		s.stop()
	}
}

// TestNoStreamOfTheLogIsWrittenLater: a stream may be set apart from what the
// server does for all.
func TestNoStreamOfTheLogIsWrittenLater(t *testing.T) {
	cfg := Config{DataDir: t.TempDir()}.withDefaults()
	s, err := startServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	nc, err := s.connect("test")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	j, err := journal.Open(t.Context(), nc, journal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := j.StreamInfo(t.Context(), events.StreamHot)
	if err != nil {
		t.Fatal(err)
	}
	if c := info.Config; c.PersistMode != jetstream.DefaultPersistMode || c.Storage != jetstream.FileStorage {
		t.Errorf("it is written %v, to %s", c.PersistMode, c.Storage)
	}
}
