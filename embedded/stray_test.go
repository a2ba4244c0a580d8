package embedded_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// TestWhatWasOnItsWayAtAnErasureLeavesTheLogToo: another node's timeout
// consumer has not seen the erasure yet when it writes.
func TestWhatWasOnItsWayAtAnErasureLeavesTheLogToo(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	n := run(t, embedded.Config{DataDir: t.TempDir(), NATSURL: s.ClientURL()})
	admin := n.as(auth.MintClaims{User: "root", Scope: "presence:admin"})
	for _, user := range []string{"alice", "bob"} {
		if _, err := n.as(auth.MintClaims{User: user}).Login(t.Context(), client.Login{}); err != nil {
			t.Fatal(err)
		}
	}
	gone, err := admin.Erase(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	other := journaltest.On(t, journaltest.Connect(t, s), journal.Config{})
	for _, late := range []events.Event{
		{Type: events.Offline, Session: "default", Cause: events.CauseTimeout, LastSeen: 1, Judged: 1},
		{Type: events.Online, Session: "default", Since: 1, By: 1},
		{Type: events.Override, Change: events.OverrideExpired, Judged: 1},
	} {
		late.User, late.Actor, late.At = "alice", events.ServiceActor, 1
		ack, err := other.Append(t.Context(), late, events.Key{})
		if err != nil || ack.Seq <= gone.Seq {
			t.Fatalf("%s: %+v %v", late.Type, ack, err)
		}
	}
	named := func() (users []string) {
		for e, err := range admin.Events(t.Context(), client.AuditQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			users = append(users, e.User)
		}
		return users
	}
	journaltest.Until(t, "alice to leave the log", func() bool {
		for _, u := range named() {
			if u == "alice" {
				return false
			}
		}
		return true
	})
}
