package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// heldLog keeps who reads alice's events waiting until it is released.
type heldLog struct {
	api.Log
	released chan struct{}
}

func (l heldLog) Audit(ctx context.Context, q journal.AuditQuery, fn func([]journal.Record) error) error {
	if q.User == "alice" {
		<-l.released
	}
	return l.Log.Audit(ctx, q, fn)
}

// TestThePastIsSharedFairly: one user who asks for theirs again and again is told to
// come again, others are answered, and no answer lacks the sessions.
func TestThePastIsSharedFairly(t *testing.T) {
	log := heldLog{released: make(chan struct{})}
	s := serve(t, keeping(t), func(c *api.Config) { log.Log = c.Log; c.Log, c.Patience = log, time.Minute })
	s.archiving()
	s.do("POST", "/v1/login", alice).is(200)
	s.do("POST", "/v1/login", bob).is(200)
	s.see("bob", s.last())
	then := "?at=" + url.QueryEscape(time.Now().UTC().Format(time.RFC3339Nano))
	const many = 40
	statuses := make(chan int, many)
	ask := func() {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1/users/alice"+then, nil)
		r.Header.Set("Authorization", "Bearer "+alice)
		resp, err := s.client.Do(r)
		if err != nil {
			statuses <- 0
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		var p shown
		if err := json.Unmarshal(body, &p); resp.StatusCode == 200 && (err != nil || len(p.Sessions) != 1) {
			t.Errorf("an answer lacks sessions: %s", body)
		}
		statuses <- resp.StatusCode
	}
	for range many {
		go ask()
	}
	if got := <-statuses; got != 429 { // all others wait
		t.Errorf("one too many: %d", got)
	}
	var p shown
	s.do("GET", "/v1/users/bob"+then, root).is(200).into(&p)
	if len(p.Sessions) != 1 {
		t.Errorf("an admin is shown %+v", p)
	}
	close(log.released)
	seen := map[int]int{429: 1}
	for range many - 1 {
		seen[<-statuses]++
	}
	if seen[200] == 0 || seen[429] == 0 || seen[200]+seen[429] != many {
		t.Errorf("%v", seen)
	}
	journaltest.Until(t, "alice to be answered again", func() bool { return s.do("GET", "/v1/users/alice"+then, alice).status == 200 })
}
