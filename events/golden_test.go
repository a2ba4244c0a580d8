package events_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

// morning is 2026-11-23T08:00:00.123Z.
const morning events.Millis = 1_795_420_800_123

const salt = "9f86d081884c7d65"

// golden holds one event of every type and way, by the name of its file.
var golden = map[string]events.Event{
	"login":             written(events.Event{Type: events.Login, Session: "web-1", Device: "Firefox", Client: "192.0.2.7", Actor: "alice"}),
	"logout_one":        written(events.Event{Type: events.Logout, Session: "web-1", Actor: "alice"}),
	"logout_all":        written(events.Event{Type: events.Logout, All: true, Actor: "ops"}),
	"override_set":      written(events.Event{Type: events.Override, Change: events.OverrideSet, Status: events.StatusBusy, Reason: "on a call <with> \"Zoë\"", Until: morning + 1_800_000, Actor: "ops"}),
	"override_cleared":  written(events.Event{Type: events.Override, Change: events.OverrideCleared, Actor: "ops"}),
	"override_expired":  written(events.Event{Type: events.Override, Change: events.OverrideExpired, Judged: 17, Actor: events.ServiceActor}),
	"offline_timeout":   written(events.Event{Type: events.Offline, Session: "web-1", Cause: events.CauseTimeout, LastSeen: morning - 120_000, Judged: 41, Actor: events.ServiceActor}),
	"offline_left":      written(events.Event{Type: events.Offline, Session: "web-1", Cause: events.CauseLeft, LastSeen: morning - 15_000, Judged: 42, Actor: events.ServiceActor}),
	"offline_imported":  written(events.Event{Type: events.Offline, Cause: events.CauseTimeout, LastSeen: morning - 86_400_000, Actor: "import"}),
	"online":            written(events.Event{Type: events.Online, Session: "web-1", Since: morning - 250, By: 43, Actor: "alice"}),
	"online_idle":       written(events.Event{Type: events.Online, Session: "web-1", Idle: true, Since: morning - 250, By: 44, Actor: "alice"}),
	"online_nth":        written(events.Event{Type: events.Online, Session: "web-1", Idle: true, Since: morning - 250, By: 44, ByNth: 2, Actor: "alice"}),
	"online_voids":      written(events.Event{Type: events.Online, Session: "default", Since: morning - 250, By: 45, Voids: 46, Actor: events.ServiceActor}),
	"online_voids_nth":  written(events.Event{Type: events.Online, Session: "web-1", Since: morning - 250, By: 45, ByNth: 1, Voids: 45, VoidsNth: 3, Actor: events.ServiceActor}),
	"offline_nth":       written(events.Event{Type: events.Offline, Session: "web-1", Cause: events.CauseTimeout, LastSeen: morning - 120_000, Judged: 41, JudgedNth: 7, Actor: events.ServiceActor}),
	"heartbeat_unfolds": written(events.Beat{User: "alice", At: morning, Every: 30, Idle: true, Leaving: true}.Event()),
	"erased": {ID: "0193574f-6d7b-7000-8000-00000000002a", Type: events.Erased, V: 1, At: morning, Actor: "ops",
		Hash: events.HashID(salt, "alice"), Salt: salt},
}

// written fills in what every event of alice carries.
func written(e events.Event) events.Event {
	e.ID, e.V, e.User, e.At = "0193574f-6d7b-7000-8000-00000000002a", events.Version, "alice", morning
	return e
}

func TestEventsStandInTheLogAsTheGoldenFilesSay(t *testing.T) {
	for name, e := range golden {
		t.Run(name, func(t *testing.T) {
			got, err := events.Encode(&e)
			if err != nil {
				t.Fatal(err)
			}
			want := goldenFile(t, name+".json", got)
			if string(got) != string(want) {
				t.Errorf("encoded\n%s\nwant\n%s", got, want)
			}
			back, err := events.Decode(want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e, back); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryGoldenFileIsRead(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(golden) {
		t.Errorf("%d files for %d events", len(files), len(golden))
	}
}

// goldenBeats has each field at its zero value and at another, times before
// and after the batch's own, and ids of more than ASCII.
var goldenBeats = []events.Beat{
	{User: "alice", Session: "web-1", Actor: "alice", At: morning, Every: 30},
	{User: "bob", Session: "default", Actor: "gateway", At: morning + 3, Idle: true},
	{User: "zoë", At: morning - 2, Every: 65_535, Leaving: true},
}

func TestHeartbeatsStandInTheLogAsTheGoldenFileSays(t *testing.T) {
	got := hex.AppendEncode(nil, events.AppendBatch(nil, goldenBeats))
	want := goldenFile(t, "heartbeats.hex", got)
	if string(got) != string(want) {
		t.Errorf("encoded\n%s\nwant\n%s", got, want)
	}
	data, err := hex.DecodeString(string(want))
	if err != nil {
		t.Fatal(err)
	}
	var batch events.Batch
	if err := batch.Decode(data); err != nil {
		t.Fatal(err)
	}
	if batch.At != morning {
		t.Errorf("opened at %v, want %v", batch.At, morning)
	}
	if diff := cmp.Diff(unfolded(goldenBeats), unfolded(beatsOf(&batch))); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func beatsOf(batch *events.Batch) []events.Beat {
	var beats []events.Beat
	for i := range batch.Beats {
		beats = append(beats, batch.Beats[i].Beat())
	}
	return beats
}

// unfolded is what beats say, however much of it they leave out.
func unfolded(beats []events.Beat) []events.Event {
	var said []events.Event
	for _, b := range beats {
		said = append(said, b.Event())
	}
	return said
}

// goldenFile returns the content of a golden file without its last newline,
// after writing got there if -update asks for it.
func goldenFile(t *testing.T, name string, got []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, append(bytes.Clone(got), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(want, []byte("\n"))
}
