package past

import (
	"bytes"
	"encoding/csv"
	"errors"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		"at,user,event\n2021-01-31T09:30:00Z,alice,login\n",
		"\ufeffevent,session,user,at\r\njoin,\"w \"\"1\"\"\",\"a,b\",2021-01-31 09:30:00.5+01\r\n\r\nsay,,x,1\n",
		"id,online_status,last_seen,bio\n17,online,2026-01-05 10:11:12.123456+00:00,\"two\nlines\"\n18,,,\"open\n",
		`{"at":"2021-01-31T09:30:00Z","user":"alice","event":"say"}` + "\n{}\n" + `{"user":"\ud800"}`,
		"at,user,event\n\"2021\"x,\"\"\"\n,\n\"",
	} {
		f.Add([]byte(s))
	}
}

// FuzzRead holds that whatever is read can be imported, and that every row is
// good, bad or unseen.
func FuzzRead(f *testing.F) {
	seeds(f)
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Read(bytes.NewReader(content), "past", ReadOptions{SkipBad: true, Now: now})
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if n := file.Len() + len(file.Bad) + file.Unseen; n > bytes.Count(content, []byte{'\n'})+1 {
			t.Errorf("%d rows", n)
		}
		last := Row{}
		for r := range file.All() {
			e := events.Event{Type: r.Type, V: events.Version, User: r.User, Session: r.Session, At: r.At, Cause: events.CauseTimeout}
			if err := e.Validate(); err != nil || r.At > events.MillisOf(now) || r.At < last.At || (r.Session == "") != (r.Type == events.Offline) {
				t.Errorf("%+v behind %+v: %v", r, last, err)
			}
			last = r
		}
		_, err = Read(bytes.NewReader(content), "past", ReadOptions{Now: now})
		var bad *BadRowsError
		if errors.As(err, &bad) != (len(file.Bad) > 0) || bad != nil && bad.Count != len(file.Bad) {
			t.Errorf("%d bad rows skipped; without skipping: %v", len(file.Bad), err)
		}
	})
}

// FuzzRecord holds this reader of CSV against the one of the standard library.
func FuzzRecord(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		content = bytes.ReplaceAll(content, []byte("\r"), nil) // the library changes them within quotes
		std := csv.NewReader(bytes.NewReader(content))
		std.FieldsPerRecord = -1
		ours := newLines(bytes.NewReader(content))
		for {
			fields, line, bad, err := ours.record(nil, func([][]byte) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			want, stderr := std.Read()
			if stderr != nil || bad != nil {
				if (bad == nil && len(fields) > 0) != (stderr == nil) {
					t.Fatalf("line %d: %q, %v; the library: %q, %v", line, fields, bad, want, stderr)
				}
				return // what comes behind a bad row is told otherwise on purpose
			}
			if std, _ := std.FieldPos(0); std != line {
				t.Fatalf("line %d; the library: %d", line, std)
			}
			got := make([]string, len(fields))
			for i := range fields {
				got[i] = string(fields[i])
			}
			if !slices.Equal(want, got) {
				t.Fatal(cmp.Diff(want, got))
			}
		}
	})
}

// FuzzInstant holds that a time is read as time.Parse reads its RFC 3339.
func FuzzInstant(f *testing.F) {
	for _, s := range []string{"2021-01-31T09:30:00Z", "2021-01-31 09:30:00.123456+00", "2021-01-31t09:30:00z", "2021-01-31 09:30:00", "2021-01-31T09:30:00-0330"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseInstant([]byte(text))
		want, err := time.Parse(time.RFC3339Nano, text)
		if err == nil && ok && !got.Equal(want) {
			t.Errorf("%v, want %v", got, want)
		}
		if ok && !utf8.ValidString(text) {
			t.Errorf("read %q", text)
		}
		if again, ok2 := parseInstant([]byte(got.UTC().Format(time.RFC3339Nano))); ok && got.UTC().Year() > 0 && got.UTC().Year() <= 9999 && (!ok2 || !again.Equal(got)) {
			t.Errorf("%v, and again %v", got, again)
		}
	})
}
