package events_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
)

// FuzzDecode: whatever lies in the log, it is an event that says the same when
// written again, or one of three errors.
func FuzzDecode(f *testing.F) {
	for _, e := range golden {
		data, err := events.Encode(&e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, seed := range []string{"", "null", "{}", `{"v":2}`, `{"v":1,"type":"waved"}`, "{\"v\":1,\"user\":\"\xff\"}",
		`{"V":1,"TYPE":"login","User":"a","at":"1969-12-31T23:59:59.9999Z"}`,
		`{"v":1,"type":"login","user":"a","at":null}`,
		`{"v":1,"type":"login","user":"a","at":"9999-12-31T23:59:59-23:59"}`,
		`{"v":1,"type":"login","user":"a","at":"0000-01-01T00:00:00+23:59"}`,
		`{"v":2,"type":"login","user":"a","at":0}`, `{"v":1,"type":"login","user":"a","at":"9999-12-31T23:59:59.9999Z"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := events.Decode(data)
		if err != nil {
			if !errors.Is(err, events.ErrMalformed) && !errors.Is(err, events.ErrUnknownType) && !errors.Is(err, events.ErrNewerVersion) {
				t.Errorf("%v wraps none of the three", err)
			}
			return
		}
		checkSubjectOf(t, &e)
		checkReencodes(t, &e)
	})
}

// checkReencodes writes e and reads it again.
func checkReencodes(t *testing.T, e *events.Event) {
	first, err := events.Encode(e)
	if err != nil {
		t.Fatalf("encoding %+v: %v", e, err)
	}
	back, err := events.Decode(first)
	if err != nil {
		t.Fatalf("decoding %s: %v", first, err)
	}
	if diff := cmp.Diff(*e, back); diff != "" {
		t.Errorf("%s came back as (-want +got):\n%s", first, diff)
	}
	if second, err := events.Encode(&back); err != nil || !bytes.Equal(first, second) {
		t.Errorf("%s encodes again to %s, %v", first, second, err)
	}
}

// checkSubjectOf: an accepted event can be published, and to one subject only.
func checkSubjectOf(t *testing.T, e *events.Event) {
	tokens := strings.Split(events.SubjectOf(e), ".")
	if len(tokens) != 4 {
		t.Fatalf("%+v goes to %q", e, tokens)
	}
	for _, token := range tokens {
		if token == "" || strings.ContainsAny(token, "*> \t\r\n") {
			t.Errorf("%+v goes to %q", e, tokens)
		}
	}
}
