package embedded_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// as returns a client of n.
func (n *node) as(c auth.MintClaims) *client.Client {
	n.t.Helper()
	made, err := client.New(client.Config{Server: n.url, Token: token(n.t, c)})
	if err != nil {
		n.t.Fatal(err)
	}
	return made
}

func TestANodeVerifiesAndRebuildsItselfWhileItServes(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir()})
	admin := n.as(auth.MintClaims{User: "root", Scope: "presence:admin"})
	var seq uint64
	for i := range 20 {
		user := n.as(auth.MintClaims{User: fmt.Sprintf("user-%02d", i)})
		if _, err := user.Login(t.Context(), client.Login{}); err != nil {
			t.Fatal(err)
		}
		out, err := user.Logout(t.Context(), client.Logout{})
		if err != nil {
			t.Fatal(err)
		}
		seq = out
	}
	if _, err := admin.Stats(t.Context(), client.MinSeq(seq)); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		views, err := admin.Verify(t.Context(), nil)
		if err != nil || len(views) != 2 {
			t.Fatalf("%+v %v", views, err)
		}
		for _, v := range views {
			if !v.Equal || v.Users != 20 || v.Digest != v.Live || v.Seq < seq {
				t.Errorf("%+v", v)
			}
		}
	}
	check()
	for _, view := range []string{"", "current", "history"} {
		if err := admin.Rebuild(t.Context(), view, nil); err != nil {
			t.Fatalf("rebuilding %q: %v", view, err)
		}
		check()
	}
	if h, err := admin.History(t.Context(), "user-07", client.HistoryQuery{}); err != nil || len(h.Intervals) != 2 {
		t.Errorf("%+v %v", h, err)
	}
}

func TestOverdueSessionsWaitForSomebodyToWriteThemDown(t *testing.T) {
	n := run(t, embedded.Config{DataDir: t.TempDir(), Timeout: time.Second, TimeoutsOff: true})
	admin := n.as(auth.MintClaims{User: "root", Scope: "presence:admin"})
	if _, err := n.as(auth.MintClaims{User: "alice"}).Login(t.Context(), client.Login{Session: "web"}); err != nil {
		t.Fatal(err)
	}
	var due []client.Overdue
	journaltest.Until(t, "alice to be overdue", func() bool {
		var err error
		if due, err = admin.Overdue(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(due) > 0
	})
	if due[0].User != "alice" || due[0].Session != "web" || due[0].LastSeen.IsZero() || due[0].DueSince.Before(due[0].LastSeen) {
		t.Errorf("%+v", due)
	}
	if ended, err := admin.EmitOverdue(t.Context()); err != nil || ended != 1 {
		t.Errorf("%d %v", ended, err)
	}
	journaltest.Until(t, "alice to go offline", func() bool {
		p, err := admin.Status(t.Context(), "alice", 0)
		return err == nil && p.Status == client.StatusOffline
	})
}

func TestAnErasedUserIsGoneFromAnswersAndAudit(t *testing.T) {
	dir := t.TempDir()
	n := run(t, embedded.Config{DataDir: dir})
	admin := n.as(auth.MintClaims{User: "root", Scope: "presence:admin"})
	for _, user := range []string{"alice", "bob"} {
		in, err := n.as(auth.MintClaims{User: user}).Login(t.Context(), client.Login{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := admin.Status(t.Context(), user, client.MinSeq(in.Seq)); err != nil {
			t.Fatal(err)
		}
	}
	followed, stop := context.WithCancel(t.Context())
	defer stop()
	live := make(chan client.Event, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e, err := range admin.Events(followed, client.AuditQuery{Types: []string{"erased"}, Follow: true}) {
			if err == nil {
				live <- e
			}
		}
	}()
	gone, err := admin.Erase(t.Context(), "alice")
	if err != nil || gone.Events != 1 || gone.User != "alice" {
		t.Fatalf("%+v %v", gone, err)
	}
	if e := <-live; e.Seq != gone.Seq || e.Actor != "root" || e.User != "" || e.Hash == "" {
		t.Errorf("%+v", e)
	}
	stop()
	<-done
	check := func(admin *client.Client) {
		t.Helper()
		if _, err := admin.Status(t.Context(), "alice", 0); !client.HasCode(err, client.CodeUnknownUser) {
			t.Errorf("status: %v", err)
		}
		if _, err := admin.History(t.Context(), "alice", client.HistoryQuery{}); !client.HasCode(err, client.CodeUnknownUser) {
			t.Errorf("history: %v", err)
		}
		for e, err := range admin.Events(t.Context(), client.AuditQuery{}) {
			if err != nil || e.User == "alice" {
				t.Errorf("%+v %v", e, err)
			}
		}
		if views, err := admin.Verify(t.Context(), nil); err != nil || !views[0].Equal || !views[1].Equal {
			t.Errorf("%+v %v", views, err)
		}
	}
	check(admin)
	n.stop()
	n = run(t, embedded.Config{DataDir: dir})
	check(n.as(auth.MintClaims{User: "root", Scope: "presence:admin"}))
}
