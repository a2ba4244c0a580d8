package client

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fieldsOf are the names of a struct's fields in JSON, in their order.
func fieldsOf(v any) (names []string) {
	t := reflect.TypeOf(v)
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func TestWhatIsWrittenHasTheFieldsOfWhatIsRead(t *testing.T) {
	for _, pair := range [][2]any{
		{Presence{}, presenceWire{}},
		{Session{}, sessionWire{}},
		{Override{}, overrideWire{}},
		{Interval{}, intervalWire{}},
		{Point{}, pointWire{}},
		{Overdue{}, overdueWire{}},
		{Change{}, changeWire{}},
	} {
		if diff := cmp.Diff(fieldsOf(pair[0]), fieldsOf(pair[1])); diff != "" {
			t.Errorf("%T: %s", pair[0], diff)
		}
	}
}

func TestAnswersAreWrittenAsTheNodeWroteThem(t *testing.T) {
	for text, into := range map[string]any{
		`{"user":"a<b>&c","status":"busy","observed":"online","since":"2026-11-23T10:00:00.000Z","last_seen":"2026-11-23T10:00:04.500Z","seq":7,` +
			`"sessions":[{"session":"web","device":"Firefox","since":"2026-11-23T10:00:00.010Z","last_seen":null,"idle":false}],` +
			`"override":{"status":"busy","by":"root","reason":"on call","until":"2026-11-23T11:00:00.000Z"}}`: new(Presence),
		`{"user":"alice","status":"offline","since":null,"last_seen":null,"seq":0}`:                                                    new(Presence),
		`{"user":"alice","status":"away","observed":"away","since":"2026-11-23T10:00:00.000Z","last_seen":null,"seq":1,"sessions":[]}`: new(Presence),
		`{"status":"busy","by":"root"}`:       new(Override),
		`{"status":"unknown","user":"carol"}`: new(Presence),
		`{"user":"alice","status":"online","since":"2026-11-23T10:00:00.100Z","last_seen":null,"seq":1,"complete":false}`: new(PresenceAt),
		`{"users":[],"total":0,"complete":true}`: new(PageAt),
		`{"status":"online","from":"2026-11-23T10:00:00.000Z","to":null,"cause":"login","actor":"alice","seq":1}`:                                                                        new(Interval),
		`{"status":"away","from":"2026-11-23T10:00:00.000Z","to":"2026-11-23T10:00:00.500Z","cause":"idle","actor":"alice","seq":1}`:                                                     new(Interval),
		`{"points":[{"at":"2026-11-23T10:00:00.000Z","online":1,"peak":2}],"complete":true}`:                                                                                             new(Concurrency),
		`{"user":"alice","session":"web","last_seen":"2026-11-23T10:00:00.000Z","due_since":"2026-11-23T10:02:00.000Z"}`:                                                                 new(Overdue),
		`{"id":"7-1","user":"alice","status":"online","observed":"online","since":"2026-11-23T10:00:00.000Z","last_seen":null,"from":"offline","cause":"login","actor":"alice","seq":7}`: new(Change),
		`{"user":"alice","intervals":[],"online_seconds":0,"complete":true}`:                                                                                                             new(History),
	} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
		got, err := encode(into)
		if err != nil || string(got) != text {
			t.Errorf("%T: %v\n got %s\nwant %s", into, err, got, text)
		}
	}
}

func TestEventIsWrittenWithItsTimesOnce(t *testing.T) {
	const text = `{"seq":5,"id":"x","type":"offline","v":1,"user":"alice","at":"2026-11-23T10:00:00.000Z","actor":"rollcall","cause":"timeout","last_seen":"2026-11-23T09:58:00.500Z"}`
	var e Event
	var want, got map[string]any
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(e)
	if err != nil || json.Unmarshal(written, &got) != nil || json.Unmarshal([]byte(text), &want) != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || strings.Count(string(written), `"at"`) != 1 {
		t.Errorf("%s: %s", written, diff)
	}
}

func TestTimesAreWrittenInUTC(t *testing.T) {
	east := time.FixedZone("", 3600)
	got, err := json.Marshal(Point{At: time.Date(2026, 11, 23, 11, 0, 0, 999_999, east)})
	if want := `{"at":"2026-11-23T10:00:00.000Z","online":0,"peak":0}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
