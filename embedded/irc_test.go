package embedded_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
)

var ircFile = flag.String("irc", "../events/past/testdata/irc-raku-2021-01-week1.csv", "the channel log that TestARealChannel replays")

// channel reads the joins, leaves and messages of a chat channel: at,user,event.
func channel(t *testing.T) [][]string {
	t.Helper()
	f, err := os.Open(*ircFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(*ircFile, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// TestARealChannel replays the log of a real chat channel into a running node
// and compares who is online at the end with what the file itself says.
func TestARealChannel(t *testing.T) {
	rows := channel(t)
	online := map[string]bool{} // the oracle
	var lines bytes.Buffer
	for _, row := range rows {
		typ := map[string]string{"join": "login", "leave": "logout", "say": "heartbeat"}[row[2]]
		online[row[1]] = typ != "logout"
		fmt.Fprintf(&lines, "{\"type\":%q,\"user\":%q}\n", typ, row[1])
	}
	var want []string
	for user, is := range online {
		if is {
			want = append(want, user)
		}
	}
	slices.Sort(want)

	n := run(t, embedded.Config{DataDir: t.TempDir()})
	tok := token(t, auth.MintClaims{User: "bridge", Scope: "presence:write"})
	req, err := http.NewRequestWithContext(t.Context(), "POST", n.url+"/v1/events", &lines)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+tok)
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var sent struct {
		Accepted, Rejected int
		Seq                uint64
	}
	if err := json.NewDecoder(resp.Body).Decode(&sent); err != nil || sent.Accepted != len(rows) || sent.Rejected != 0 {
		t.Fatalf("%d of %d rows accepted, %d rejected: %v", sent.Accepted, len(rows), sent.Rejected, err)
	}

	var got []string
	for cursor := ""; ; {
		var page struct {
			Users []presence
			Total int
			Next  string
		}
		path := fmt.Sprintf("/v1/users?status=online&limit=100&min_seq=%d&cursor=%s", sent.Seq, url.QueryEscape(cursor))
		if code, _ := n.call(tok, "GET", path, "", &page); code != 200 {
			t.Fatalf("list: %d", code)
		}
		for _, p := range page.Users {
			got = append(got, p.User)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("online at the end: %d, the file says %d\n%v\n%v", len(got), len(want), got, want)
	}
	t.Logf("%d rows, %d users, %d online at the end", len(rows), len(online), len(want))
}
