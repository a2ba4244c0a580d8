package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func TestIDsOfAFlagMayHoldCommasWhereItRepeats(t *testing.T) {
	for name, tt := range map[string]struct {
		args, want []string
	}{
		"plain ids":        {[]string{"--user", "alice,bob"}, []string{"alice", "bob"}},
		"one":              {[]string{"--user=alice"}, []string{"alice"}},
		"quoted":           {[]string{"--user", `"uid=jane,ou=people",bob`}, []string{"uid=jane,ou=people", "bob"}},
		"repeated":         {[]string{"--user", "uid=jane,ou=people", "--user", "bob"}, []string{"uid=jane,ou=people", "bob"}},
		"a quote inside":   {[]string{"--user", `al"ice,bob`}, []string{`al"ice`, "bob"}},
		"an empty one":     {[]string{"--user", "alice,"}, []string{"alice", ""}},
		"nothing":          {[]string{"--user", ""}, []string{""}},
		"left out":         {nil, nil},
		"repeated, quoted": {[]string{"--user", `"a"`, "--user", "b"}, []string{`"a"`, "b"}},
	} {
		var ids idList
		flags := pflag.NewFlagSet("watch", pflag.ContinueOnError)
		flags.Var(&ids, "user", "")
		if err := flags.Parse(tt.args); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, ids.ids()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	var ids idList
	if err := ids.Replace([]string{"uid=jane,ou=people"}); err != nil || len(ids.ids()) != 1 {
		t.Errorf("got %q, %v", ids.ids(), err)
	}
}
