package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAnIDMayHoldWhatAListUses: a comma divides a parameter that comes once, and
// is part of an id where it is encoded or the parameter repeats.
func TestAnIDMayHoldWhatAListUses(t *testing.T) {
	for raw, want := range map[string][]string{
		"":                                  nil,
		"users=":                            nil,
		"min_seq=1":                         nil,
		"users=a,b":                         {"a", "b"},
		"users=a&min_seq=1&users=b":         {"a", "b"},
		"users=a,b,a":                       {"a", "b"},
		"users=a%2Cb":                       {"a,b"},
		"users=a%2cb,c":                     {"a,b", "c"},
		"users=a%252Cb":                     {"a%2Cb"},
		"users=uid=jane,ou=people&users=b":  {"uid=jane,ou=people", "b"},
		"users=a,b&users=a,b":               {"a,b"},
		"users=uid%3Djane%2Cou%3Dpeople":    {"uid=jane,ou=people"},
		"%75sers=a&users=b":                 {"a", "b"},
		"users=a+b,%2B,%26,%3B,%C3%BC&to=x": {"a b", "+", "&", ";", "ü"},
	} {
		got, err := idsOf(raw, "users")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", raw, err, diff)
		}
	}
	for _, raw := range []string{"users=,", "users=a,", "users=a&users=", "users&users", "users=a,%0A", "users=%ff", "users=a%2"} {
		if got, err := idsOf(raw, "users"); err == nil {
			t.Errorf("%s: %q", raw, got)
		}
	}
}

func TestOnlyAListMayRepeat(t *testing.T) {
	declared := []string{"users", "type", "min_seq"}
	for _, raw := range []string{"users=a&users=b", "type=login&type=logout", "users=a,b"} {
		if _, err := parseQuery(raw, declared); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	if _, err := parseQuery("min_seq=1&min_seq=1", declared); err == nil {
		t.Error("a number was taken twice")
	}
}
