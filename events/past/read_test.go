package past

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
)

func read(t testing.TB, text string) *File {
	t.Helper()
	f, err := Read(strings.NewReader(text), "past", ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func at(t testing.TB, text string) events.Millis {
	t.Helper()
	m, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return events.MillisOf(m)
}

func gz(t testing.TB, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, m := range members {
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, m); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestOneRowInManyForms(t *testing.T) {
	want := []Row{{At: at(t, "2021-01-31T09:30:00.120Z"), User: "alice", Session: "web", Type: events.Login, Line: 2}}
	for name, text := range map[string]string{
		"plain":              "at,user,event,session\n2021-01-31T09:30:00.12Z,alice,login,web\n",
		"no last line break": "at,user,event,session\n2021-01-31T09:30:00.12Z,alice,login,web",
		"CRLF":               "at,user,event,session\r\n2021-01-31T09:30:00.12Z,alice,login,web\r\n",
		"CR at the end":      "at,user,event,session\r\n2021-01-31T09:30:00.12Z,alice,login,web\r",
		"byte order mark":    "\ufeffat,user,event,session\n2021-01-31T09:30:00.12Z,alice,login,web\n",
		"another order":      "event,session,user,at\njoin,web,alice,2021-01-31T09:30:00.12Z\n",
		"other columns":      "channel,event,session,note,user,at\n#raku,join,web,\"a, b\",alice,2021-01-31T09:30:00.12Z\n",
		"header of any case": "At, USER ,Event,Session\n2021-01-31T09:30:00.12Z,alice,Join ,web\n",
		"quoted":             "\"at\",\"user\",\"event\",\"session\"\n\"2021-01-31T09:30:00.12Z\",\"alice\",\"login\",\"web\"\n",
		"a zone":             "at,user,event,session\n2021-01-31T10:30:00.12+01:00,alice,login,web\n",
		"a short zone":       "at,user,event,session\n2021-01-31 05:30:00.12-04,alice,login,web\n",
		"a zone, no colon":   "at,user,event,session\n2021-01-31 15:00:00.12+0530,alice,login,web\n",
		"no zone":            "at,user,event,session\n2021-01-31 09:30:00.120999999,alice,login,web\n",
		"small letters":      "at,user,event,session\n2021-01-31t09:30:00.120z,alice,login,web\n",
		"empty lines behind": "at,user,event,session\n2021-01-31T09:30:00.12Z,alice,login,web\n\n\r\n",
		"JSON":               "\n{\"at\":\"2021-01-31T09:30:00.12Z\",\"user\":\"alice\",\"event\":\"login\",\"session\":\"web\"}\n",
		"JSON, odd":          "\ufeff\n  { \"session\":\"w\\u0065b\",\"ev\\u0065nt\":\"join\",\"user\":\"alice\",\"at\":\"2021-01-31 10:30:00.12+01\"} \r\n   \n",
	} {
		t.Run(name, func(t *testing.T) {
			f := read(t, text)
			if diff := cmp.Diff(want, slices.Collect(f.All())); diff != "" || f.Kind != KindEvents {
				t.Errorf("%s: %s", f.Kind, diff)
			}
		})
	}
}

func TestBytesThatComeOneByOneMakeTheSameFile(t *testing.T) {
	text := "at,user,event\n2021-01-31T09:30:00Z,\"al\"\"ice\",login\n\n2021-01-31T09:31:00Z,bob,logout\n"
	f, err := Read(iotest.OneByteReader(strings.NewReader(text)), "past", ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := read(t, text)
	if diff := cmp.Diff(slices.Collect(want.All()), slices.Collect(f.All())); diff != "" || f.digest != want.digest {
		t.Error(diff)
	}
}

func TestIDsAreTakenAsTheyAre(t *testing.T) {
	ids := []string{"al ice", "a.b", "a*>", `he said "hi", twice`, "ürsula", "名前", "%41", "\uFFFD", "null", strings.Repeat("x", events.MaxIDBytes)}
	var csv, ndjson strings.Builder
	csv.WriteString("at,user,event\n")
	for _, id := range ids {
		fmt.Fprintf(&csv, "2021-01-31T09:30:00Z,\"%s\",login\n", strings.ReplaceAll(id, `"`, `""`))
		fmt.Fprintf(&ndjson, "{\"at\":\"2021-01-31T09:30:00Z\",\"user\":%q,\"event\":\"login\"}\n", id)
	}
	for _, text := range []string{csv.String(), ndjson.String()} {
		var got []string
		for r := range read(t, text).All() {
			got = append(got, r.User)
			if r.Session != events.DefaultSession {
				t.Errorf("session %q", r.Session)
			}
		}
		if diff := cmp.Diff(ids, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestBlanksAtTheEndsOfAnIDAreNoneOfIt(t *testing.T) {
	for _, id := range []string{" alice", "alice ", "\u00a0alice\u00a0", "alice\u202f", "\u3000alice", "\ufeffalice", "alice\u200b", " \u00a0 alice"} {
		for _, text := range []string{
			"at,user,event,session\n2021-01-31T09:30:00Z,\"" + id + "\",login,\" \u00a0\"\n2021-01-31T09:31:00Z,alice,logout,default\n",
			`{"at":"2021-01-31T09:30:00Z","user":"` + id + `","event":"login","session":" "}` + "\n" + `{"at":"2021-01-31T09:31:00Z","user":"alice","event":"logout"}` + "\n",
		} {
			for r := range read(t, text).All() {
				if r.User != "alice" || r.Session != events.DefaultSession {
					t.Errorf("%q: user %q, session %q", id, r.User, r.Session)
				}
			}
		}
		if r := read(t, "id,last_seen\n\""+id+"\",2021-01-31T09:30:00Z\n").Row(0); r.User != "alice" {
			t.Errorf("%q of a user table: %q", id, r.User)
		}
	}
	if _, err := Read(strings.NewReader("at,user,event\n2021-01-31T09:30:00Z,\u00a0,login\n"), "past", ReadOptions{}); err == nil {
		t.Error("an id of blanks was taken")
	}
}

func TestAFileWithTheNewestFirstIsTurnedRound(t *testing.T) {
	turned := func(text string) (got string) {
		for r := range read(t, "at,user,event\n"+text).All() {
			got += " " + r.User + ":" + string(r.Type)
		}
		return got
	}
	const want = " a:login a:logout b:login b:logout"
	if got := turned("2021-01-31T09:30:01Z,b,logout\n2021-01-31T09:30:01Z,b,login\n2021-01-31T09:30:00Z,a,logout\n2021-01-31T09:30:00Z,a,login\n"); got != want {
		t.Errorf("newest first:%s", got)
	}
	if got := turned("2021-01-31T09:30:00Z,a,login\n2021-01-31T09:30:00Z,a,logout\n2021-01-31T09:30:01Z,b,login\n2021-01-31T09:30:01Z,b,logout\n"); got != want {
		t.Errorf("oldest first:%s", got)
	}
	if got := turned("2021-01-31T09:30:00Z,a,login\n2021-01-31T09:30:00Z,a,logout\n"); got != " a:login a:logout" {
		t.Errorf("of one time:%s", got)
	}
	var long, longer string
	for i := range 20 {
		long += fmt.Sprintf("2021-01-31T09:%02d:00Z,b,heartbeat\n", 59-i)
	}
	longer = "2021-01-31T09:00:00Z,x,heartbeat\n" + long + "2021-01-31T08:00:00Z,a,logout\n2021-01-31T08:00:00Z,a,login\n"
	if got := turned(longer); !strings.HasPrefix(got, " a:login a:logout") {
		t.Errorf("with one out of place:%s", got)
	}
}

// A clock may be a little before ours, and a table of users be written while it is read.
func TestTimesALittleAheadAreNow(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	f, err := Read(strings.NewReader("at,user,event\n2026-11-23T08:00:05Z,a,login\n2026-11-23T08:04:59Z,a,logout\n2026-11-23T07:59:00Z,b,login\n"), "past", ReadOptions{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := range f.All() {
		got = append(got, r.At.String()+" "+r.User+" "+string(r.Type))
	}
	if diff := cmp.Diff([]string{"2026-11-23T07:59:00.000Z b login", "2026-11-23T08:00:00.000Z a login", "2026-11-23T08:00:00.000Z a logout"}, got); diff != "" {
		t.Error(diff)
	}
	users, err := Read(strings.NewReader("id,last_seen\n1,2026-11-23 08:00:05.123+00\n"), "past", ReadOptions{Now: now})
	if err != nil || users.Row(0).At != events.MillisOf(now) {
		t.Errorf("a user table: %v", err)
	}
	if _, err := Read(strings.NewReader("at,user,event\n2026-11-23T08:06:00Z,a,login\n"), "past", ReadOptions{Now: now}); err == nil {
		t.Error("six minutes ahead were taken")
	}
}

func TestRowsComeInTheOrderOfTimeAndThoseOfOneTimeInTheFiles(t *testing.T) {
	f := read(t, `at,user,event
2021-01-31T09:30:00.0009Z,u2,login
2021-01-31T09:30:00.0002Z,u1,login
2021-02-01T00:00:00Z,u4,login
2021-02-01T01:00:00+01:00,u5,login
2021-01-31T09:30:00.0009Z,u3,login
2021-01-31T00:00:00Z,u0,login
`)
	var got []string
	for r := range f.All() {
		got = append(got, r.User)
	}
	if diff := cmp.Diff([]string{"u0", "u1", "u2", "u3", "u4", "u5"}, got); diff != "" {
		t.Error(diff)
	}
	if f.Earliest() != at(t, "2021-01-31T00:00:00Z") || f.Latest() != at(t, "2021-02-01T00:00:00Z") {
		t.Errorf("from %v to %v", f.Earliest(), f.Latest())
	}
}

func TestAnUnpackedFileIsReadWhole(t *testing.T) {
	head, tail := "at,user,event\n2021-01-31T09:30:00Z,al", "ice,login\n2021-01-31T09:31:00Z,bob,login\n"
	f, err := Read(strings.NewReader(gz(t, head, tail)), "past.csv.GZ", ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Len() != 2 || f.Row(0).User != "alice" {
		t.Errorf("%d rows, the first %+v", f.Len(), f.Row(0))
	}
	packed := gz(t, head+tail)
	for name, broken := range map[string]string{
		"cut off":       packed[:len(packed)-9],
		"damaged":       packed[:len(packed)-8] + "\x00\x00\x00\x00" + packed[len(packed)-4:],
		"not packed":    head + tail,
		"trailing junk": packed + "junk",
		"empty":         "",
	} {
		if _, err := Read(strings.NewReader(broken), "past.csv.gz", ReadOptions{SkipBad: true}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAUserTable(t *testing.T) {
	f := read(t, `last_seen,email,id,online_status
2026-01-05 10:11:12.123456+00:00,a@b,17,online
2026-01-05 10:11:12,,18,offline
,,19,offline
NULL,"two
lines",20,offline
2026-01-04 10:11:12,"two ""
lines",21,offline
`)
	want := []Row{
		{At: at(t, "2026-01-04T10:11:12Z"), User: "21", Type: events.Offline, Line: 7},
		{At: at(t, "2026-01-05T10:11:12Z"), User: "18", Type: events.Offline, Line: 3},
		{At: at(t, "2026-01-05T10:11:12.123Z"), User: "17", Type: events.Offline, Line: 2},
	}
	if diff := cmp.Diff(want, slices.Collect(f.All())); diff != "" {
		t.Error(diff)
	}
	if f.Kind != KindUsers || f.Unseen != 2 || !slices.Equal(f.Unused, []string{"email"}) {
		t.Errorf("kind %s, %d unseen, unused %q", f.Kind, f.Unseen, f.Unused)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	for _, text := range []string{"", "\n\n", "\ufeff", "   ", "2021-01-31T09:30:00Z,alice,login\n", "at;user;event\n", "at,user\n", "id,online_status\n",
		"at,user,event,user\n", "at,\"user,event\n", "[{\"at\":1}]", "\x1f\x8b\x08", "\xff\xfea\x00t\x00"} {
		if _, err := Read(strings.NewReader(text), "past", ReadOptions{SkipBad: true}); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAnErrorOfTheFileIsNoEndOfIt(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, text := range []string{"", "at,us", "at,user,event\n", "at,user,event\n2021-01-31T09:30:00Z,\"al", "{\"at\":", "at,user,event\n" + strings.Repeat("x", 3*maxRecord)} {
		r := io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
		if _, err := Read(r, "past", ReadOptions{SkipBad: true}); !errors.Is(err, broken) {
			t.Errorf("%.30q: %v", text, err)
		}
	}
}
