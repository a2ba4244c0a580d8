package events_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

func TestSubjects(t *testing.T) {
	hash := events.HashID(salt, "alice")
	for _, test := range []struct{ got, want string }{
		{events.Subject("alice", events.Login), "presence.user.alice.login"},
		{events.Subject("a.b*c>d e", events.Logout), "presence.user.a%2Eb%2Ac%3Ed%20e.logout"},
		{events.Subject("zoë~%", events.Online), "presence.user.zo%C3%AB%7E%25.online"},
		{events.SubjectOf(&events.Event{Type: events.Offline, User: "u-1"}), "presence.user.u-1.offline"},
		{events.SubjectOf(&events.Event{Type: events.Erased, Hash: hash}), "presence.user.~" + hash + ".erased"},
		{events.UserFilter("*"), "presence.user.%2A.>"},
		{events.TypeFilter(events.Override), "presence.user.*.override"},
		{events.UnreadableSubject("zoë"), "presence.user.zo%C3%AB.entry"},
		{events.UnreadableSubject(""), "presence.user.~unreadable.entry"},
		{events.UnreadableSubject("a\nb"), "presence.user.~unreadable.entry"},
		{events.UnreadableSubject("\xff"), "presence.user.~unreadable.entry"},
	} {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
}

func TestParseSubjectRefusesWhatSubjectDidNotMake(t *testing.T) {
	for _, subject := range []string{
		"", "presence.user.", "presence.user.alice", "presence.user.alice.", "presence.user..login",
		"presence.user.alice.login.more", "presence.users.alice.login", "presence.user.>", "presence.user.*.login",
		"presence.user.a%2eb.login", "presence.user.%41.login", "presence.user.%2.login", "presence.user.a%.login",
		events.LogSubject, events.UnreadableSubject(""), events.ErasedSubject(events.HashID(salt, "alice")),
	} {
		user, _, err := events.ParseSubject(subject)
		if !errors.Is(err, events.ErrSubject) {
			t.Errorf("%q: got %q, %v, want %v", subject, user, err, events.ErrSubject)
		}
	}
}

// FuzzSubject takes its input as an id, as a token and as what follows the
// prefix of a subject.
func FuzzSubject(f *testing.F) {
	for _, seed := range []string{"alice", "a.b", "*", ">", "a b", "zoë", "%2E", "%", "%2", "~", "\x00", "\xff\xfe",
		"alice.login", "%2A.login", "alice.", ".login", "a.b.c", strings.Repeat("👋", 32)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkID(t, s)
		if id, err := events.DecodeID(s); err == nil && events.EncodeID(id) != s {
			t.Errorf("token %q means %q, whose token is %q", s, id, events.EncodeID(id))
		} else if err != nil && !errors.Is(err, events.ErrSubject) {
			t.Errorf("token %q: %v", s, err)
		}
		subject := "presence.user." + s
		if user, typ, err := events.ParseSubject(subject); err == nil && events.Subject(user, typ) != subject {
			t.Errorf("subject %q means %q and %q, whose subject is %q", subject, user, typ, events.Subject(user, typ))
		} else if err != nil && !errors.Is(err, events.ErrSubject) {
			t.Errorf("subject %q: %v", subject, err)
		}
	})
}

// checkID takes id to a token and a subject and back.
func checkID(t *testing.T, id string) {
	token := events.EncodeID(id)
	if i := strings.IndexFunc(token, meansSomething); i >= 0 {
		t.Errorf("token %q of id %q holds %q", token, id, token[i])
	}
	back, err := events.DecodeID(token)
	if id == "" {
		if !errors.Is(err, events.ErrSubject) {
			t.Errorf("the empty token: got %v", err)
		}
		return
	}
	if err != nil || back != id {
		t.Errorf("id %q came back as %q, %v", id, back, err)
	}
	user, typ, err := events.ParseSubject(events.Subject(id, events.Login))
	if err != nil || user != id || typ != events.Login {
		t.Errorf("subject of %q came back as %q, %q, %v", id, user, typ, err)
	}
}

// meansSomething reports whether r would mean something to the broker, to a
// reader of subjects or to a terminal. A tilde begins the token of the erased.
func meansSomething(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(".*>~", r)
}
