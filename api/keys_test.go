package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestARepeatWithTheSameKeyAddsNothing goes through every call that takes a key.
func TestARepeatWithTheSameKeyAddsNothing(t *testing.T) {
	s := serve(t)
	s.do("PUT", "/v1/users/bob/override", root, asJSON(`{"status":"busy"}`)).is(200)
	for _, tt := range []struct{ method, path, token, body string }{
		{"POST", "/v1/login", alice, `{"session":"a"}`},
		{"POST", "/v1/logout", alice, `{"session":"a"}`},
		{"POST", "/v1/events", writer, `{"type":"login","user":"bob"}`},
		{"POST", "/v1/events", writer, `{"type":"heartbeat","user":"bob","every":60}`},
		{"PUT", "/v1/users/alice/override", root, `{"status":"away","for":"30m"}`},
		{"DELETE", "/v1/users/bob/override", root, ``},
	} {
		key := header("Idempotency-Key", tt.method+tt.path+tt.body)
		send := func() *answer {
			if tt.body == "" {
				return s.do(tt.method, tt.path, tt.token, key)
			}
			return s.do(tt.method, tt.path, tt.token, key, asJSON(tt.body))
		}
		first := send()
		stored, counted := s.stored(), s.counted()
		for range 3 {
			again := send()
			if again.status != first.status || again.status >= 300 || again.seq() != first.seq() {
				t.Errorf("%s %s: %d %s at first, then %d %s", tt.method, tt.path, first.status, first.body, again.status, again.body)
			}
			if again.json()["seq"] != first.json()["seq"] {
				t.Errorf("%s: %s at first, then %s", tt.path, first.body, again.body)
			}
		}
		if s.stored() != stored || s.counted() != counted {
			t.Errorf("%s %s: a repeat added something", tt.method, tt.path)
		}
	}
}

func TestTheSameKeyWithAnotherRequestIsAConflict(t *testing.T) {
	s := serve(t)
	key := header("Idempotency-Key", "one")
	s.do("POST", "/v1/login", root, key, asJSON(`{"session":"a"}`)).is(200)
	s.do("POST", "/v1/login", root, key, asJSON(`{"session":"b"}`)).fails(409, "idempotency_conflict")
	s.do("POST", "/v1/login", root, key, asJSON(`{"session":"a","device":"x"}`)).fails(409, "idempotency_conflict")
	s.do("POST", "/v1/logout", root, key, asJSON(`{"session":"a"}`)).fails(409, "idempotency_conflict")
	s.do("PUT", "/v1/users/a/override", root, key, asJSON(`{"status":"busy"}`)).fails(409, "idempotency_conflict")
	s.do("POST", "/v1/login", root, header("Rollcall-Session", "a"), key).is(200)
	if n := s.counted(); n != 1 {
		t.Errorf("%d events in the log", n)
	}
}

// TestAHundredAtOnceWithOneKeyAddOneEvent whether their entries land in one commit or in many: what nobody has judged yet
// may be in the log several times, and counts once.
func TestAHundredAtOnceWithOneKeyAddOneEvent(t *testing.T) {
	for _, tt := range []struct{ path, token, body, other string }{
		{"/v1/login", alice, `{"session":"a"}`, `{"session":"b"}`},
		{"/v1/events", writer, `{"type":"heartbeat","user":"bob"}`, `{"type":"heartbeat","user":"carol"}`},
	} {
		s := serve(t)
		key := header("Idempotency-Key", "one")
		answers := make(chan *answer, 100)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { answers <- s.do("POST", tt.path, tt.token, key, asJSON(tt.body)) })
		}
		all.Wait()
		close(answers)
		var seqs []uint64
		for a := range answers {
			if a.status >= 300 || a.json()["seq"] != float64(a.seq()) {
				t.Errorf("%s: %d %s", tt.path, a.status, a.body)
			}
			seqs = append(seqs, a.seq())
		}
		if seqs = slices.Compact(seqs); len(seqs) != 1 {
			t.Errorf("%s: answered %v", tt.path, seqs)
		}
		if all := s.entries("?heartbeats=true"); len(all) != 1 || all[0].Seq != seqs[0] {
			t.Errorf("%s: the log has %+v", tt.path, all)
		}
		s.do("POST", tt.path, tt.token, key, asJSON(tt.other)).fails(409, "idempotency_conflict")
	}
}

// TestOfTwoRequestsAtOnceWithOneKeyOneIsAConflict though neither is known when the other comes.
func TestOfTwoRequestsAtOnceWithOneKeyOneIsAConflict(t *testing.T) {
	s := serve(t)
	var all sync.WaitGroup
	answers := make(chan *answer, 40)
	for i := range cap(answers) {
		all.Go(func() {
			answers <- s.do("POST", "/v1/login", alice, header("Idempotency-Key", "one"), asJSON(fmt.Sprintf(`{"session":"%d"}`, i%2)))
		})
	}
	all.Wait()
	close(answers)
	seqs := map[uint64]int{}
	for a := range answers {
		if a.status == http.StatusConflict {
			a.fails(409, "idempotency_conflict")
			continue
		}
		seqs[a.is(200).seq()]++
	}
	if n := s.counted(); n != 1 || len(seqs) != 1 {
		t.Errorf("answered %v, %d events in the log", seqs, n)
	}
	for seq, n := range seqs {
		if n != 20 {
			t.Errorf("%d of the 20 that asked for the same got %d", n, seq)
		}
	}
}

// TestStreamsAtOnceWithOneKeyAddEachLineOnce sends the same lines several times at once.
func TestStreamsAtOnceWithOneKeyAddEachLineOnce(t *testing.T) {
	s := serve(t)
	var body strings.Builder
	const n = 1500 // more than go to the log at once
	for i := range n {
		fmt.Fprintf(&body, `{"type":"login","user":"u%d","device":"%d"}`+"\n", i%7, i)
	}
	var all sync.WaitGroup
	answers := make(chan lines, 4)
	for range cap(answers) {
		all.Go(func() {
			answers <- s.do("POST", "/v1/events", writer, header("Idempotency-Key", "up"), asNDJSON(body.String())).lines()
		})
	}
	all.Wait()
	close(answers)
	seqs := map[uint64]bool{}
	for l := range answers {
		if seqs[l.Seq] = true; l.Accepted != n || l.Rejected != 0 {
			t.Errorf("%+v", l)
		}
	}
	if got := s.counted(); got != n || len(seqs) != 1 {
		t.Errorf("%d of %d lines are in the log; answered %v", got, n, seqs)
	}
}

// TestAClearedOverrideIsToldAgainByAnotherNode of the same log, which has folded the first answer's event.
func TestAClearedOverrideIsToldAgainByAnotherNode(t *testing.T) {
	s := serve(t)
	other := s.another()
	set := s.do("PUT", "/v1/users/bob/override", root, asJSON(`{"status":"busy"}`)).is(200).seq()
	key := header("Idempotency-Key", "clear")
	first := s.do("DELETE", "/v1/users/bob/override", root, key).is(200)
	stored := s.stored()
	other.see("bob", first.seq())
	again := other.do("DELETE", "/v1/users/bob/override", root, key).is(200)
	if again.seq() != first.seq() || again.json()["seq"] != first.json()["seq"] || s.stored() != stored || first.seq() <= set {
		t.Errorf("%s at first, then %s", first.body, again.body)
	}
	other.do("DELETE", "/v1/users/alice/override", root, key).fails(409, "idempotency_conflict")
	other.do("DELETE", "/v1/users/bob/override", root, header("Idempotency-Key", "else")).fails(404, "no_override")
	other.do("POST", "/v1/login", root, key).fails(409, "idempotency_conflict")
}

// TestAKeyIsKnownToEveryNodeOfTheLog also to one that has not folded the first entry when the repeat comes.
func TestAKeyIsKnownToEveryNodeOfTheLog(t *testing.T) {
	s := serve(t)
	other := s.another()
	for i := range 20 {
		key := header("Idempotency-Key", fmt.Sprint("k", i))
		first := s.do("POST", "/v1/login", alice, key, asJSON(`{"session":"a"}`)).is(200)
		if again := other.do("POST", "/v1/login", alice, key, asJSON(`{"session":"a"}`)).is(200); again.seq() != first.seq() {
			t.Errorf("%d at first, then %d", first.seq(), again.seq())
		}
		other.do("POST", "/v1/login", alice, key, asJSON(`{"session":"b"}`)).fails(409, "idempotency_conflict")
	}
	if n := s.counted(); n != 20 {
		t.Errorf("%d events in the log", n)
	}
}

func TestKeysOfTwoUsersAreTwo(t *testing.T) {
	s := serve(t)
	key := header("Idempotency-Key", "one")
	a, b := s.do("POST", "/v1/login", alice, key).is(200), s.do("POST", "/v1/login", bob, key).is(200)
	if a.seq() == b.seq() {
		t.Errorf("both at %d", a.seq())
	}
}

func TestKeysAreChecked(t *testing.T) {
	s := serve(t)
	s.do("POST", "/v1/login", alice, header("Idempotency-Key", strings.Repeat("ü", 64))).is(200)
	for _, key := range []string{"", strings.Repeat("x", 65), "a\tb", "\xff"} {
		a := s.do("POST", "/v1/login", alice, header("Idempotency-Key", key)).fails(400, "invalid_parameter")
		if !strings.Contains(string(a.body), "header.Idempotency-Key") {
			t.Errorf("%s", a.body)
		}
	}
	s.do("POST", "/v1/login", alice, header("Idempotency-Key", "a"), header("Idempotency-Key", "b")).fails(400, "invalid_parameter")
	s.do("POST", "/v1/events", writer, header("Idempotency-Key", ""), asNDJSON("")).fails(400, "invalid_parameter")
}
