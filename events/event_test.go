package events_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

func TestValidID(t *testing.T) {
	for name, test := range map[string]struct {
		id   string
		want error
	}{
		"a letter":              {"a", nil},
		"a space":               {" ", nil},
		"what subjects reserve": {"a.*.>", nil},
		"an emoji":              {"👋", nil},
		"a combining mark":      {"e\u0301", nil},
		"the sign for no text":  {"\ufffd", nil},
		"128 bytes":             {strings.Repeat("x", 128), nil},
		"128 bytes of emoji":    {strings.Repeat("👋", 32), nil},
		"empty":                 {"", events.ErrInvalidID},
		"129 bytes":             {strings.Repeat("x", 129), events.ErrInvalidID},
		"33 emoji":              {strings.Repeat("👋", 33), events.ErrInvalidID},
		"half an emoji":         {"👋"[:2], events.ErrInvalidID},
		"a surrogate":           {"\xed\xa0\x80", events.ErrInvalidID},
		"a NUL":                 {"a\x00", events.ErrInvalidID},
		"a newline":             {"a\nb", events.ErrInvalidID},
		"a DEL":                 {"\x7f", events.ErrInvalidID},
		"a C1 control":          {"\u0085", events.ErrInvalidID},
	} {
		t.Run(name, func(t *testing.T) {
			if err := events.ValidID(test.id); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestErases(t *testing.T) {
	e := golden["erased"]
	other := e
	other.Salt = "00"
	elsewhere := e
	elsewhere.Type = events.Logout
	for name, test := range map[string]struct {
		e    events.Event
		user string
		want bool
	}{
		"him":                {e, "alice", true},
		"somebody else":      {e, "bob", false},
		"nobody":             {e, "", false},
		"him in capitals":    {e, "Alice", false},
		"under another salt": {other, "alice", false},
		"in another event":   {elsewhere, "alice", false},
	} {
		if got := events.Erases(&test.e, test.user); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestHashIDKeepsSaltAndUserApart(t *testing.T) {
	if events.HashID("00", "11a") == events.HashID("0011", "a") {
		t.Error("two pairs of salt and user have one hash")
	}
	if got := events.HashID(salt, "alice"); len(got) != 64 || got != strings.ToLower(got) {
		t.Errorf("%q is not lower-case hex of SHA-256", got)
	}
}

func TestMillisInJSON(t *testing.T) {
	for _, test := range []struct {
		data    string
		want    events.Millis
		written string // where it differs from data
	}{
		{data: `"2026-11-23T08:00:00.123Z"`, want: morning},
		{data: `"2026-11-23T08:00:00.123999999Z"`, want: morning, written: `"2026-11-23T08:00:00.123Z"`},
		{data: `"2026-11-23T09:00:00.123+01:00"`, want: morning, written: `"2026-11-23T08:00:00.123Z"`},
		{data: `"2026-11-23T08:00:00Z"`, want: morning - 123, written: `"2026-11-23T08:00:00.000Z"`},
		{data: `"1970-01-01T00:00:00.000Z"`, want: 0},
		{data: `"1969-12-31T23:59:59.999Z"`, want: -1},
		{data: `"1969-12-31T23:59:59.9985Z"`, want: -2, written: `"1969-12-31T23:59:59.998Z"`},
		{data: `"0000-01-01T00:00:00.000Z"`, want: -62_167_219_200_000},
		{data: `"0000-01-01T23:59:00+23:59"`, want: -62_167_219_200_000, written: `"0000-01-01T00:00:00.000Z"`},
		{data: `"9999-12-31T23:59:59.999Z"`, want: 253_402_300_799_999},
		{data: `"9999-12-31T00:00:59.9999-23:59"`, want: 253_402_300_799_999, written: `"9999-12-31T23:59:59.999Z"`},
		{data: `null`, want: 0, written: `"1970-01-01T00:00:00.000Z"`},
	} {
		var got events.Millis = 7
		if err := json.Unmarshal([]byte(test.data), &got); err != nil || got != test.want {
			t.Errorf("%s read as %d, %v, want %d", test.data, got, err, test.want)
		}
		written, err := json.Marshal(got)
		if want := cmp.Or(test.written, test.data); err != nil || string(written) != want {
			t.Errorf("%s written as %s, %v, want %s", test.data, written, err, want)
		}
	}
}

func TestMillisRefusesWhatIsNoTime(t *testing.T) {
	for _, data := range []string{`""`, `"now"`, `1795420800123`, `"2026-11-23"`, `"2026-11-23T08:00:00"`, `"2026-13-01T00:00:00Z"`,
		`"2026-11-23T08:00:00.123Z "`, `true`, `{}`,
		`"0000-01-01T23:58:59.999+23:59"`, `"9999-12-31T00:01:00-23:59"`, `"9999-12-31T23:59:59-23:59"`, `"10000-01-01T00:00:00Z"`} {
		var got events.Millis
		if err := got.UnmarshalJSON([]byte(data)); !errors.Is(err, events.ErrMalformed) {
			t.Errorf("%s read as %v, %v", data, got, err)
		}
	}
}

func TestMillisRoundsDownAndIsUTC(t *testing.T) {
	for _, at := range []time.Time{
		time.Date(2026, 11, 23, 8, 0, 0, 123_999_999, time.UTC),
		time.Date(2026, 11, 23, 9, 0, 0, 123_000_000, time.FixedZone("", 3600)),
	} {
		if got := events.MillisOf(at); got != morning || got.String() != "2026-11-23T08:00:00.123Z" || got.Time().Location() != time.UTC {
			t.Errorf("%v became %v", at, got)
		}
	}
}
