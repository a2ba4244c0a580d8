package past

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/events"
)

func TestABadRowIsNamedAndSkippedOnlyIfAsked(t *testing.T) {
	const good = "2021-01-31T09:30:00Z,alice,login,web"
	long := strings.Repeat("x", events.MaxIDBytes+1)
	for _, c := range []struct{ row, reason string }{
		{"2021-01-31T09:30:00Z,alice", "2 columns, the header has 4"},
		{good + ",", "5 columns, the header has 4"},
		{"   ", "1 column, the header has 4"},
		{",alice,login,web", `at "" is no time`},
		{"yesterday,alice,login,web", `at "yesterday" is no time`},
		{"2021-01-31,alice,login,web", `is no time`},
		{"2021-02-30T09:30:00Z,alice,login,web", `is no time`},
		{"2021-01-31T09:30:00+25:00,alice,login,web", `is no time`},
		{"1612085400,alice,login,web", `is no time`},
		{"2021-01-31T09:30:00Z" + strings.Repeat("0", 60) + ",alice,login,web", `is no time`},
		{"2026-02-01T00:05:00.001Z,alice,login,web", "lies in the future"},
		{"1969-12-31T23:59:59Z,alice,login,web", "lies before 1970"},
		{"0001-01-01T00:00:00Z,alice,login,web", "lies before 1970"},
		{"2021-01-31T09:30:00Z,,login,web", `user "": it is empty`},
		{"2021-01-31T09:30:00Z," + long + ",login,web", "1 to 128 bytes"},
		{"2021-01-31T09:30:00Z,al\x00ice,login,web", `user "al\x00ice": an id is`},
		{"2021-01-31T09:30:00Z,al\xffice,login,web", "an id is"},
		{"2021-01-31T09:30:00Z,alice,login," + long, "session"},
		{"2021-01-31T09:30:00Z,alice,jump,web", `event "jump" is none of login`},
		{"2021-01-31T09:30:00Z,alice,,web", `event "" is none of`},
		{"2021-01-31T09:30:00Z,al\"ice,login,web", "a quote in a field"},
		{"2021-01-31T09:30:00Z,\"alice\"x,login,web", "text behind a quoted field"},
		{"2021-01-31T09:30:00Z,\"alice,login,web", "never closed"},
		{strings.Repeat("x", maxRecord+1), "longer than"},
		{strings.Repeat("x", 5*maxRecord), "longer than"},
	} {
		text := "at,user,event,session\n" + good + "\n" + c.row + "\n" + good + "\r\n\n" + good + "\n"
		opts := ReadOptions{Now: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
		var bad *BadRowsError
		if _, err := Read(strings.NewReader(text), "past", opts); !errors.As(err, &bad) || bad.Count != 1 || bad.First[0].Line != 3 ||
			!strings.Contains(err.Error(), "1 bad row: line 3: ") || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%.60q: %v", c.row, err)
		}
		opts.SkipBad = true
		f, err := Read(strings.NewReader(text), "past", opts)
		if err != nil {
			t.Errorf("%.60q, skipped: %v", c.row, err)
			continue
		}
		if f.Len() != 3 || len(f.Bad) != 1 || f.Bad[0].Line != 3 || f.Row(2).Line != 6 {
			t.Errorf("%.60q, skipped: %d rows, %d bad, the last is line %d", c.row, f.Len(), len(f.Bad), f.Row(2).Line)
		}
	}
}

func TestABadLineOfJSON(t *testing.T) {
	const good = `{"at":"2021-01-31T09:30:00Z","user":"alice","event":"login"}`
	for _, c := range []struct{ row, reason string }{
		{`{"at":"2021-01-31T09:30:00Z","user":"alice"}`, `event "" is none of`},
		{`{"at":1612085400,"user":"alice","event":"login"}`, "not a JSON object"},
		{`{"at":"2021-01-31T09:30:00Z","user":17,"event":"login"}`, "not a JSON object"},
		{good + good, "not a JSON object"},
		{good[:30], "not a JSON object"},
		{"at,user,event", "not a JSON object"},
		{"null", `at ""`},
		{strings.Replace(good, "{", `{"ip":{"at":["}",{"user":1}]},`, 1), `field "ip" is none of at, user, event, session`},
		{strings.Replace(good, "{", `{"sesion":"web",`, 1), `field "sesion" is none of`},
		{strings.Replace(good, "{", `{"session":"\\",",":null,`, 1), `field "," is none of`},
		{strings.Replace(good, "{", `{"user":"bob",`, 1), `field "user" comes twice`},
		{strings.Replace(good, "{", `{"us\u0065r":"bob",`, 1), `field "user" comes twice`},
		{strings.Replace(good, "{", `{"User":"bob",`, 1), `field "User" is written user`},
		{strings.Replace(good, "alice", "al\xffice", 1), "not UTF-8"},
		{strings.Replace(good, "alice", `al\ud800ice`, 1), "surrogate"},
		{strings.Replace(good, "alice", `al\nice`, 1), "an id is"},
		{`{"user":"` + strings.Repeat("x", 3*maxRecord), "longer than"},
	} {
		f, err := Read(strings.NewReader(good+"\n\n"+c.row+"\n"+good), "past", ReadOptions{SkipBad: true})
		if err != nil {
			t.Fatal(err)
		}
		if f.Len() != 2 || len(f.Bad) != 1 || f.Bad[0].Line != 3 || !strings.Contains(f.Bad[0].Reason, c.reason) {
			t.Errorf("%.60q: %d rows, bad: %v", c.row, f.Len(), f.Bad)
		}
	}
}

func TestAnErrorNamesTenRowsAndCountsAll(t *testing.T) {
	text := "at,user,event\n" + strings.Repeat("x,alice,login\n", 25)
	_, err := Read(strings.NewReader(text), "past", ReadOptions{})
	if err == nil || !strings.Contains(err.Error(), "25 bad rows: line 2: ") || !strings.HasSuffix(err.Error(), "; and 15 more") ||
		strings.Count(err.Error(), "line ") != 10 {
		t.Error(err)
	}
}

func TestAStrayQuoteInAColumnThatMeansNothingSwallowsNothing(t *testing.T) {
	f, err := Read(strings.NewReader(`id,last_seen,bio
1,2026-01-04 10:11:12,"open
2,2026-01-04 10:11:12,fine
3",2026-01-04 10:11:12,fine
4,2026-01-04 10:11:12,"two
lines"
5,2026-01-04 10:11:12,"open`), "users", ReadOptions{SkipBad: true})
	if err != nil {
		t.Fatal(err)
	}
	var good []string
	for r := range f.All() {
		good = append(good, r.User)
	}
	if diff := cmp.Diff([]string{"2", "4"}, good); diff != "" || len(f.Bad) != 3 {
		t.Errorf("bad: %v; good: %s", f.Bad, diff)
	}
}

func TestAStrayQuoteSwallowsNothing(t *testing.T) {
	var b strings.Builder
	b.WriteString("at,user,event\n")
	for i := range 5000 {
		quote := ""
		if i%1000 == 500 {
			quote = `"`
		}
		fmt.Fprintf(&b, "2021-01-31T09:30:00Z,%su%d,login\n", quote, i)
	}
	f, err := Read(strings.NewReader(b.String()), "past", ReadOptions{SkipBad: true})
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, bad := range f.Bad {
		lines = append(lines, bad.Line)
	}
	if diff := cmp.Diff([]int{502, 1502, 2502, 3502, 4502}, lines); diff != "" || f.Len() != 4995 {
		t.Errorf("%d good rows, bad: %s", f.Len(), diff)
	}
}
