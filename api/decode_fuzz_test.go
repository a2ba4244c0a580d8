package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"
)

// FuzzDecode holds decode against encoding/json: what decode takes, a strict reading takes too, and every name in it is
// there once; what it refuses is a fault of the client's.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `{"session":"a","device":"b"}`, `{"session":"\ud83d\ude00"}`, `{"sess\u0069on":null}`, `{"a":[{"b":"\\"}]}`,
		`{"session":"\ud800"}`, "{\"session\":\"\xff\"}", `{"session":"a"}{}`, `[]`, `{"device":"\"}"}`, ` {"device" : "{" , "session" : ":" } `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var in loginRequest
		if err := decode(data, &in); err != nil {
			var said *faultError
			if !errors.As(err, &said) || kinds[said.code].status >= 500 {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		var again loginRequest
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		if err := d.Decode(&again); err != nil || d.More() {
			t.Fatalf("%q was taken, but %v", data, err)
		}
		if !utf8.ValidString(in.Device) || in.Device != again.Device {
			t.Fatalf("%q became %q", data, in.Device)
		}
		checkNames(t, data)
	})
}

// checkNames fails if a name of the object in data comes twice or is not written as it should be.
func checkNames(t *testing.T, data []byte) {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := name.(string); !ok || names[s] || s != "session" && s != "device" {
			t.Fatalf("%q has the name %v", data, name)
		}
		names[name.(string)] = true
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			t.Fatal(err)
		}
	}
}
