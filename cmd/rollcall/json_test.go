package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/api/client"
)

// answered is what the node's API answers to an admin: each object of the list with that name, or the whole of it where
// list is "".
func (s served) answered(t *testing.T, path, list string) (objects []string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+mint(t, "--sub", "root", "--scope", admin))
	resp, err := ownHTTP().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s, %v", path, resp.Status, body, err)
	}
	if list == "" {
		return []string{strings.TrimSpace(string(body))}
	}
	var whole map[string]json.RawMessage
	var items []json.RawMessage
	if json.Unmarshal(body, &whole) != nil || json.Unmarshal(whole[list], &items) != nil || len(items) == 0 {
		t.Fatalf("%s: got %s", path, body)
	}
	for _, item := range items {
		objects = append(objects, string(item))
	}
	return objects
}

// TestJSONIsTheAPIsOwn compares letter for letter: names, their order, times with three digits, null.
func TestJSONIsTheAPIsOwn(t *testing.T) {
	dir := importOldDays(t)
	s := serveNodeIn(t, dir, "--jwt-secret", testSecret, "--audit-retention", "876000h")
	s.busyDay(t)
	if _, err := s.client(t, "dave").Me(t.Context(), client.MinSeq(s.login(t, "dave", "web-1"))); err != nil {
		t.Fatal(err)
	}
	const then, since, until = "2026-01-05T09:12:00Z", "2026-01-05T09:00:00Z", "2026-01-05T09:30:00Z"
	at := url.QueryEscape(then)
	for command, asked := range map[string]struct{ path, list string }{
		"status bob":                  {"/v1/users/bob", ""},
		"status carol":                {"/v1/users/carol", ""}, // she has only ever logged out
		"status dave":                 {"/v1/users/dave", ""},
		"online":                      {"/v1/users?status=online", "users"},
		"online --status all":         {"/v1/users", "users"},
		"history alice":               {"/v1/users/alice/history", "intervals"},
		"history bob":                 {"/v1/users/bob/history", "intervals"}, // he is still there
		"who-was-online --at " + then: {"/v1/users?status=online&at=" + at, "users"},
		"who-was-online --status all --at " + then:                      {"/v1/users?at=" + at, "users"},
		"concurrency --step 10m --since " + since + " --until " + until: {"/v1/stats/concurrency?step=10m&from=" + url.QueryEscape(since) + "&to=" + url.QueryEscape(until), "points"},
		"audit": {"/v1/events", "events"},
	} {
		args := strings.Fields(command)
		want := s.answered(t, asked.path, asked.list)
		lines := s.as(t, "root", admin, append(args, "-o", "ndjson")...).wants(t, exitFine).stdout
		if diff := cmp.Diff(strings.Join(want, "\n")+"\n", lines); diff != "" {
			t.Errorf("%s: %s", command, diff)
		}
		var array any
		whole := s.as(t, "root", admin, append(args, "-o", "json")...).wants(t, exitFine).stdout
		if err := json.Unmarshal([]byte(whole), &array); err != nil {
			t.Errorf("%s: %v: %s", command, err, whole)
		}
		if compact := strings.Join(strings.Fields(strings.Join(want, ",")), ""); !strings.Contains(strings.Join(strings.Fields(whole), ""), compact) {
			t.Errorf("%s -o json: got %s, want %s", command, whole, compact)
		}
	}
}

func TestWatchedChangeHasTheTimesOfTheAPI(t *testing.T) {
	s := serveNode(t, "--jwt-secret", testSecret)
	stdout, _, stop := s.live(t, "watch", "-o", "ndjson")
	s.login(t, "alice", "web-1")
	eventually(t, "she comes", func() bool { return strings.Contains(stdout.String(), "alice") })
	stop()
	var got struct {
		Since string `json:"since"`
	}
	if err := json.Unmarshal([]byte(stdout.String()), &got); err != nil || len(got.Since) != len("2026-11-23T10:00:00.000Z") {
		t.Errorf("got %q, %v", stdout, err)
	}
}
