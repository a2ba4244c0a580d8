package events_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// said is an event and its key, as they are read from an entry.
type said struct {
	Event events.Event
	Key   events.Key
}

var goldenKey = events.Key{ID: [16]byte{0x9f, 0x86, 15: 1}, Request: [16]byte{0xd0, 0x81, 15: 2}}

// goldenCommits are commits by the name of their file: each golden event, in the
// order of their names, after the golden beats; one under a key; and a mark.
func goldenCommits(t *testing.T) map[string][]byte {
	whole := events.AppendCommit(nil, morning-5, "node-1", 4711)
	for i := range goldenBeats {
		whole = events.AppendBeat(whole, &goldenBeats[i], morning-5)
	}
	for _, name := range slices.Sorted(maps.Keys(golden)) {
		whole = appendEvent(t, whole, golden[name], events.Key{}, morning-5)
	}
	return map[string][]byte{
		"commit":       whole,
		"commit_keyed": appendEvent(t, events.AppendCommit(nil, morning, "node-1", 0), golden["login"], goldenKey, morning),
		"commit_mark":  events.AppendCommit(nil, morning, "node-1", 0),
	}
}

func appendEvent(t testing.TB, dst []byte, e events.Event, key events.Key, at events.Millis) []byte {
	t.Helper()
	dst, err := events.AppendEvent(dst, &e, &key, at)
	if err != nil {
		t.Fatalf("%+v: %v", e, err)
	}
	return dst
}

func TestCommitsAreInTheLogAsTheGoldenFilesSay(t *testing.T) {
	for name, got := range goldenCommits(t) {
		text := hex.AppendEncode(nil, got)
		if want := goldenFile(t, name+".hex", text); string(text) != string(want) {
			t.Errorf("%s: encoded\n%s\nwant\n%s", name, text, want)
		}
	}
	var c events.Commit
	decodeCommit(t, &c, goldenHex(t, "commit.hex"))
	if c.At != morning-5 || string(c.Node) != "node-1" || c.Witnessed != 4711 {
		t.Errorf("begun at %v by %q, witnessed up to %d", c.At, c.Node, c.Witnessed)
	}
	var want []said
	for _, b := range goldenBeats {
		want = append(want, said{Event: b.Event()})
	}
	for _, name := range slices.Sorted(maps.Keys(golden)) {
		e := golden[name]
		e.ID = ""
		want = append(want, said{Event: e})
	}
	if diff := cmp.Diff(want, entriesOf(t, &c)); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	for i := range c.Entries {
		plain := i < len(goldenBeats) || want[i].Event.Type == events.Heartbeat
		if c.Entries[i].Plain() != plain {
			t.Errorf("%+v is plain: %v", want[i].Event, !plain)
		}
	}

	decodeCommit(t, &c, goldenHex(t, "commit_keyed.hex"))
	keyed := said{golden["login"], goldenKey}
	keyed.Event.ID = ""
	if diff := cmp.Diff([]said{keyed}, entriesOf(t, &c)); diff != "" || c.Witnessed != 0 {
		t.Errorf("witnessed up to %d; (-want +got):\n%s", c.Witnessed, diff)
	}
	decodeCommit(t, &c, goldenHex(t, "commit_mark.hex"))
	if len(c.Entries) != 0 || c.At != morning || string(c.Node) != "node-1" {
		t.Errorf("a mark is read as %+v", c)
	}
}

func goldenHex(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "golden", name))
	if err != nil {
		t.Fatal(err)
	}
	data, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decodeCommit(t testing.TB, c *events.Commit, data []byte) {
	t.Helper()
	if err := c.Decode(data); err != nil {
		t.Fatal(err)
	}
}

func entriesOf(t testing.TB, c *events.Commit) (list []said) {
	t.Helper()
	for i := range c.Entries {
		e, key, err := c.Entries[i].Event()
		if err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		list = append(list, said{e, key})
	}
	return list
}

// A batch of the HTTP interface reads as a commit.
func TestABatchReadsAsACommit(t *testing.T) {
	var c events.Commit
	decodeCommit(t, &c, goldenHex(t, "heartbeats.hex"))
	var got []events.Beat
	for i := range c.Entries {
		if !c.Entries[i].Plain() {
			t.Errorf("entry %d is not plain", i)
		}
		got = append(got, c.Entries[i].Beat())
	}
	if diff := cmp.Diff(unfolded(goldenBeats), unfolded(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// texts may be in any field that holds text; oddTexts only in some.
var (
	texts    = []string{"", "a", "alice", "default", "web-1", "zoë", "*", ">", "a.b c", "👋", strings.Repeat("x", 128), "<&>\"\u2028"}
	oddTexts = []string{strings.Repeat("x", 129), strings.Repeat("reason ", 300), "\xff", "a\x00b", "9F86", "9f8"}
)

func drawText(t *rapid.T, name string) string {
	switch rapid.IntRange(0, 29).Draw(t, name+" of any kind") {
	case 28:
		return rapid.SampledFrom(oddTexts).Draw(t, name)
	case 29:
		return string(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, name))
	}
	return rapid.SampledFrom(texts).Draw(t, name)
}

// drawTime draws a time between the beginning of 1970 and the end of the year
// 9999, and sometimes one that is not.
func drawTime(t *rapid.T, name string) events.Millis {
	return events.Millis(rapid.OneOf(rapid.Int64Range(1, 253_402_300_799_999), rapid.Int64Range(1, 253_402_300_799_999),
		rapid.SampledFrom([]int64{0, 1, int64(morning), int64(morning), 253_402_300_799_999, 253_402_300_799_999, 253_402_300_800_000, -1})).Draw(t, name))
}

// drawEvent draws an event with anything in any field, so that what Validate
// takes need not be what anybody writes.
func drawEvent(t *rapid.T) events.Event {
	maybe := func(name string) bool { return rapid.IntRange(0, 7).Draw(t, name) == 7 }
	e := events.Event{V: rapid.SampledFrom([]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 2}).Draw(t, "v"),
		Type: rapid.SampledFrom([]events.Type{events.Login, events.Heartbeat, events.Logout, events.Override, events.Offline, events.Online,
			events.Erased, "waved"}).Draw(t, "type"),
		User: rapid.SampledFrom([]string{"alice", "zoë", "default", drawText(t, "user")}).Draw(t, "of"), Session: drawText(t, "session"),
		Actor: drawText(t, "actor"), At: drawTime(t, "at")}
	if maybe("has texts") {
		e.Device, e.Client, e.Reason = drawText(t, "device"), drawText(t, "client"), drawText(t, "reason")
	}
	if maybe("has flags") {
		e.All, e.Idle, e.Leaving, e.Every = rapid.Bool().Draw(t, "all"), rapid.Bool().Draw(t, "idle"), rapid.Bool().Draw(t, "leaving"),
			rapid.Uint16().Draw(t, "every")
	}
	if e.Type == events.Override || maybe("is an override") {
		e.Change = rapid.SampledFrom([]events.OverrideChange{events.OverrideSet, events.OverrideCleared, events.OverrideExpired, "undone"}).Draw(t, "change")
		e.Status = rapid.SampledFrom([]events.Status{"", events.StatusOnline, events.StatusAway, events.StatusBusy, events.StatusOffline, "asleep"}).Draw(t, "status")
		e.Until = drawTime(t, "until")
	}
	if e.Type == events.Offline || maybe("is an end") {
		e.Cause = rapid.SampledFrom([]events.Cause{events.CauseTimeout, events.CauseLeft, events.CauseLogin}).Draw(t, "cause")
		e.LastSeen = drawTime(t, "last seen")
	}
	if e.Type == events.Online || maybe("has places") {
		e.Since = drawTime(t, "since")
		e.Judged, e.By, e.Voids = rapid.Uint64().Draw(t, "judged"), rapid.Uint64().Draw(t, "by"), rapid.Uint64().Draw(t, "voids")
		e.JudgedNth, e.ByNth, e.VoidsNth = rapid.Uint32().Draw(t, "judged nth"), rapid.Uint32().Draw(t, "by nth"), rapid.Uint32().Draw(t, "voids nth")
	}
	if e.Type == events.Erased || maybe("erases") {
		e.Salt = rapid.SampledFrom([]string{"00", "9f86", strings.Repeat("0a", 100), drawText(t, "salt")}).Draw(t, "in hex")
		e.Hash = events.HashID(e.Salt, "alice")
	}
	return e
}

func drawKey(t *rapid.T) (key events.Key) {
	if rapid.Bool().Draw(t, "has a key") {
		copy(key.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"))
		if key.Given() {
			copy(key.Request[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "request"))
		}
	}
	return key
}

// readable is what e reads as.
func readable(e events.Event) events.Event {
	e.ID = ""
	if e.Session == "" && (e.Type == events.Login || e.Type == events.Heartbeat) {
		e.Session = events.DefaultSession
	}
	if e.Actor == "" {
		e.Actor = e.User
	}
	return e
}

// What is taken comes out of the log as it went in, and out of the archive too;
// what could not is refused and leaves nothing.
func TestWhatAnEntryTakesItGivesBack(t *testing.T) {
	taken, refused := map[events.Type]int{}, 0
	rapid.Check(t, func(t *rapid.T) {
		at := drawTime(t, "begin")
		data := events.AppendCommit(nil, at, "node", 0)
		var want []said
		for range rapid.IntRange(1, 16).Draw(t, "entries") {
			e, key := drawEvent(t), drawKey(t)
			if e.Validate() != nil {
				continue
			}
			before := string(data)
			next, err := events.AppendEvent(data, &e, &key, at)
			if err != nil {
				if !errors.Is(err, events.ErrMalformed) || writable(&e) || string(next) != before {
					t.Fatalf("%+v: %v, and %d bytes of %d", e, err, len(next), len(before))
				}
				refused++
				continue
			}
			data, want = next, append(want, said{readable(e), key})
			taken[e.Type]++
		}
		var c events.Commit
		if err := c.Decode(data); err != nil || len(c.Entries) != len(want) {
			t.Fatalf("%d entries of %d, %v", len(c.Entries), len(want), err)
		}
		for i := range c.Entries {
			e, key, err := c.Entries[i].Event()
			if err != nil {
				t.Fatalf("%+v: %v", want[i].Event, err)
			}
			if d := diff(want[i], said{e, key}); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
			checkArchivable(t, e)
			if alone, err := events.DecodeEntry(c.Entries[i].Raw(), c.At); err != nil || alone != e {
				t.Fatalf("%+v alone is read as %+v, %v", e, alone, err)
			}
		}
	})
	for _, typ := range []events.Type{events.Login, events.Heartbeat, events.Logout, events.Override, events.Offline, events.Online, events.Erased} {
		if taken[typ] < 20 {
			t.Errorf("only %d of %s were taken", taken[typ], typ)
		}
	}
	if refused == 0 {
		t.Error("none was refused")
	}
}

// writable reports whether an entry has a form for all of e, which Validate has
// taken.
func writable(e *events.Event) bool {
	for _, s := range []string{e.User, e.Session, e.Actor, e.Device, e.Client, e.Reason} {
		if strings.ToValidUTF8(s, "?") != s {
			return false
		}
	}
	for _, s := range []string{e.Salt, e.Hash} {
		if b, err := hex.DecodeString(s); err != nil || hex.EncodeToString(b) != s {
			return false
		}
	}
	return (e.Status == "" || e.Status.Valid()) && slices.Contains([]events.OverrideChange{"", events.OverrideSet, events.OverrideCleared, events.OverrideExpired}, e.Change) &&
		slices.Contains([]events.Cause{"", events.CauseTimeout, events.CauseLeft}, e.Cause)
}

// checkArchivable: the JSON of e says the same.
func checkArchivable(t *rapid.T, e events.Event) {
	e.ID = events.IDAt(events.Moment{Seq: 1, Time: morning})
	data, err := events.Encode(&e)
	if err != nil {
		t.Fatalf("%+v: %v", e, err)
	}
	if back, err := events.Decode(data); err != nil || back != e {
		t.Fatalf("%s comes back as %+v, %v", data, back, err)
	}
}

// rawEntry is an entry with these fields: a number, and a varint or bytes.
func rawEntry(fields ...any) []byte {
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		num := protowire.Number(fields[i].(int))
		switch v := fields[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
		}
	}
	return b
}

func rawCommit(at events.Millis, entries ...[]byte) []byte {
	data := events.AppendCommit(nil, at, "", 0)
	for _, e := range entries {
		data = protowire.AppendBytes(protowire.AppendTag(data, 1, protowire.BytesType), e)
	}
	return data
}

// One entry that cannot be read says so itself; its neighbours are none the
// worse for it.
func TestAnUnreadableEntryHarmsNoOther(t *testing.T) {
	before, after := rawEntry(1, "alice", 8, 1), rawEntry(1, "bob", 8, 1)
	for name, test := range map[string]struct {
		entry []byte
		want  error
		user  string // as far as it can be told
	}{
		"no message":                 {[]byte{0x0a, 0x05, 'a'}, events.ErrMalformed, ""},
		"an unknown type":            {rawEntry(1, "zoë", 8, 7), events.ErrUnknownType, "zoë"},
		"a newer version":            {rawEntry(1, "zoë", 8, 1, 9, 2), events.ErrNewerVersion, "zoë"},
		"a newer beat":               {rawEntry(1, "zoë", 9, 2), events.ErrNewerVersion, "zoë"},
		"a newer one, unknown":       {rawEntry(1, "zoë", 8, 9, 9, 2, 15, 77), events.ErrNewerVersion, "zoë"},
		"an unknown status":          {rawEntry(1, "zoë", 8, 3, 16, 1, 15, 5), events.ErrMalformed, "zoë"},
		"an unknown change":          {rawEntry(1, "zoë", 8, 3, 16, 4), events.ErrMalformed, "zoë"},
		"an unknown cause":           {rawEntry(1, "zoë", 8, 4, 19, 3), events.ErrMalformed, "zoë"},
		"no user":                    {rawEntry(8, 1), events.ErrMalformed, ""},
		"a beat of none":             {rawEntry(4, 1), events.ErrMalformed, ""},
		"a user with a control":      {rawEntry(1, "a\n", 8, 1), events.ErrMalformed, "a\n"},
		"a user that is no text":     {rawEntry(1, "\xff", 8, 1), events.ErrMalformed, "\xff"},
		"a device that is no text":   {rawEntry(1, "zoë", 8, 1, 12, "\xff"), events.ErrMalformed, "zoë"},
		"an actor that is no text":   {rawEntry(1, "zoë", 8, 1, 7, "\xff"), events.ErrMalformed, "zoë"},
		"a beat's that is no text":   {rawEntry(1, "zoë", 7, "\xff"), events.ErrMalformed, "zoë"},
		"a key cut short":            {rawEntry(1, "zoë", 8, 1, 10, "short"), events.ErrMalformed, "zoë"},
		"a request too long":         {rawEntry(1, "zoë", 8, 1, 10, strings.Repeat("k", 16), 11, strings.Repeat("r", 17)), events.ErrMalformed, "zoë"},
		"a time beyond the calendar": {rawEntry(1, "zoë", 8, 3, 16, 1, 15, 1, 18, 253_402_300_800_000), events.ErrMalformed, "zoë"},
		"an offline without a cause": {rawEntry(1, "zoë", 8, 4), events.ErrMalformed, "zoë"},
		"an online without its beat": {rawEntry(1, "zoë", 8, 5, 2, "s"), events.ErrMalformed, "zoë"},
		"half a hash":                {rawEntry(8, 6, 28, "half", 29, "s"), events.ErrMalformed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var c events.Commit
			decodeCommit(t, &c, rawCommit(morning, before, test.entry, after))
			if len(c.Entries) != 3 {
				t.Fatalf("%d entries", len(c.Entries))
			}
			for i, want := range []string{0: "alice", 2: "bob"} {
				if want == "" {
					continue
				}
				if e, _, err := c.Entries[i].Event(); err != nil || e.User != want || e.Type != events.Login || e.At != morning {
					t.Errorf("beside it: %+v, %v", e, err)
				}
			}
			e := &c.Entries[1]
			_, _, err := e.Event()
			if !errors.Is(err, test.want) || e.Plain() || string(e.Raw()) != string(test.entry) {
				t.Errorf("%v, plain %v, raw %x", err, e.Plain(), e.Raw())
			}
			if e.Names("") && name == "no message" || test.user != "" && !e.Names(test.user) || e.Names("alice") {
				t.Errorf("it names %q", e.User)
			}
			if _, err := events.DecodeEntry(test.entry, morning); !errors.Is(err, test.want) {
				t.Errorf("alone: %v", err)
			}
		})
	}
}

// What this version does not know of an event is shown as far as it does.
func TestAnEntryBeyondThisVersionIsShown(t *testing.T) {
	for _, raw := range [][]byte{rawEntry(1, "alice", 2, "web", 7, "ops", 8, 7, 12, "Firefox"), rawEntry(1, "alice", 2, "web", 7, "ops", 8, 1, 9, 2, 12, "Firefox", 99, 1)} {
		e, err := events.DecodeEntry(raw, morning)
		if err == nil || e.User != "alice" || e.Session != "web" || e.Actor != "ops" || e.Device != "Firefox" || e.At != morning {
			t.Errorf("%x read as %+v, %v", raw, e, err)
		}
	}
}

func TestACommitThatIsNoneLeavesNothing(t *testing.T) {
	sound := goldenCommits(t)["commit"]
	for name, data := range map[string][]byte{
		"cut short": sound[:len(sound)-1], "random bytes": []byte("\x8f\x03\xfe rollcall \x00"), "JSON": []byte(`{"v":1,` + login + `}`),
		"a field beyond the last": append(slices.Clone(sound), fieldBeyondTheLast...), "an open group": {0x0b},
	} {
		var c events.Commit
		decodeCommit(t, &c, sound)
		if err := c.Decode(data); !errors.Is(err, events.ErrMalformed) || len(c.Entries) != 0 || c.At != 0 || c.Witnessed != 0 || len(c.Node) != 0 {
			t.Errorf("%s: %v, left %+v", name, err, c)
		}
	}
}

// A reader of this version gets through commits of later ones.
func TestFieldsOfALaterVersionAreSteppedOver(t *testing.T) {
	data := append(slices.Clone(lastField), rawCommit(morning, rawEntry(1, "alice", 8, 1, 99, "new"), rawEntry(1, "bob", 99, 7))...)
	data = append(data, lastField...)
	var c events.Commit
	decodeCommit(t, &c, data)
	got := entriesOf(t, &c)
	if len(got) != 2 || got[0].Event.Type != events.Login || got[1].Event.Type != events.Heartbeat || got[1].Event.User != "bob" || got[1].Event.At != morning {
		t.Errorf("read as %+v", got)
	}
	if c.Entries[1].Plain() {
		t.Error("a beat that says more than this version knows is plain")
	}
}

func TestACommitsTimeMayComeAfterItsEntries(t *testing.T) {
	data := rawCommit(0, rawEntry(1, "alice", 3, 6), rawEntry(1, "bob", 8, 1))
	data = events.AppendCommit(data, morning, "", 0)
	var c events.Commit
	decodeCommit(t, &c, data)
	if got := entriesOf(t, &c); got[0].Event.At != morning+3 || got[1].Event.At != morning {
		t.Errorf("read as %+v", got)
	}
}

// The hot path: neither appending nor reading allocates for a heartbeat.
func TestBeatsOfACommitAllocateNothing(t *testing.T) {
	beats := aThousandBeats()
	var dst []byte
	write := func() {
		dst = events.AppendCommit(dst[:0], morning, "node", 0)
		for i := range beats {
			dst = events.AppendBeat(dst, &beats[i], morning)
		}
	}
	write()
	var c events.Commit
	read := func() {
		decodeCommit(t, &c, dst)
		for i := range c.Entries {
			if !c.Entries[i].Plain() || !c.Entries[i].Names(beats[i].User) {
				t.Fatal(fmt.Sprint("entry ", i))
			}
		}
	}
	read()
	if n := testing.AllocsPerRun(50, write); n != 0 {
		t.Errorf("%v allocations to write", n)
	}
	if n := testing.AllocsPerRun(50, read); n != 0 {
		t.Errorf("%v allocations to read", n)
	}
}
