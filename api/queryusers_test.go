package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/events"
)

// countedView is a view that counts the users that it is asked for.
type countedView struct {
	api.View
	asked int
}

func (v *countedView) Users(ids []string) ([]events.User, error) {
	v.asked += len(ids)
	return v.View.Users(ids)
}

func TestARepeatedIDIsReadOnce(t *testing.T) {
	var view *countedView
	s := serve(t, func(c *api.Config) { view = &countedView{View: c.View}; c.View = view })
	s.do("POST", "/v1/login", alice).is(200)
	seq := s.last()
	body := `{"users":["alice","nobody"` + strings.Repeat(`,"alice"`, 997) + `,"nobody"]}`
	var out struct {
		Users []struct{ User, Status string }
	}
	s.do("POST", "/v1/users/query"+at(seq), writer, asJSON(body)).is(200).into(&out)
	if view.asked != 2 {
		t.Errorf("the view was asked for %d users", view.asked)
	}
	if len(out.Users) != 1000 {
		t.Fatalf("%d users", len(out.Users))
	}
	for i, u := range out.Users {
		want := "alice online"
		if i == 1 || i == 999 {
			want = "nobody unknown"
		}
		if u.User+" "+u.Status != want {
			t.Fatalf("%d: %v", i, u)
		}
	}
}

func TestAQueryWithAnEndlessAnswerIsRefused(t *testing.T) {
	s := serve(t)
	var lines strings.Builder
	for i := range 200 {
		fmt.Fprintf(&lines, `{"type":"login","user":"alice","session":"s-%d","device":%q}`+"\n", i, strings.Repeat("<", 256))
	}
	var report struct{ Seq uint64 }
	s.do("POST", "/v1/events", writer, asNDJSON(lines.String())).is(200).into(&report)
	body := func(n int) string { return `{"users":["alice"` + strings.Repeat(`,"alice"`, n-1) + `]}` }
	s.do("POST", "/v1/users/query"+at(report.Seq), alice, asJSON(body(1000))).fails(422, "too_many_users")
	s.do("POST", "/v1/users/query", alice, asJSON(body(10))).is(200)
}
