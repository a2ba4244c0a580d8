package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/api/client"
)

// examineNode asks a running node. It returns an error only where it was called wrongly.
func (d *doctor) examineNode(ctx context.Context) ([]finding, error) {
	c, err := client.New(client.Config{Server: d.server, Token: d.token, HTTPClient: &http.Client{Timeout: askTime}})
	if err != nil {
		return nil, usagef("--server: %w", err)
	}
	asked := time.Now()
	ready, err := c.Ready(ctx)
	if err != nil {
		detail, fix := cutFix(d.explain(err).Error())
		return []finding{{"node", resultFailed, detail, fix}}, nil
	}
	found := readiness(ready, d.server+" answers")
	found = append(found, compareClocks(ready.Date, asked, time.Now()), d.examineToken(ctx, c))
	return append(found, examineRecent(ctx, c)...), nil
}

// recent is how far back, in sequences, the events of a node are looked at.
const recent = 1000

// examineRecent names those of a node's latest events that cannot be decoded, where the token may read them. How many
// there have been the node says itself.
func examineRecent(ctx context.Context, c *client.Client) (found []finding) {
	stats, err := c.Stats(ctx, 0)
	if err != nil {
		return []finding{skipped("events", "the token may not read them")}
	}
	asked := client.AuditQuery{After: strconv.FormatUint(stats.Seq-min(stats.Seq, recent), 10)}
	for e, err := range c.Events(ctx, asked) {
		switch {
		case err != nil:
			return append(found, skipped("events", "the token may not read them"))
		case e.Undecodable && len(found) < namedEvents:
			found = append(found, undecodable(e.Place(), e.Error))
		}
	}
	if len(found) == 0 {
		found = []finding{{Check: "events", Result: resultOK, Detail: fmt.Sprintf("the last %d sequences could be decoded", min(stats.Seq, recent))}}
	}
	return found
}

// readiness makes a finding of each line that the node says about itself.
func readiness(r client.Readiness, where string) []finding {
	node := finding{Check: "node", Result: resultOK, Detail: where + " and is ready"}
	if !r.Ready {
		node = finding{"node", resultFailed, where + " and is not ready", "see its other lines here, and its log"}
	}
	found := []finding{node}
	for _, line := range r.Lines {
		f := finding{Check: "node says", Result: resultOK, Detail: strings.TrimPrefix(line, "[+]")}
		if said, is := strings.CutPrefix(line, "[+]events ok "); is {
			f = finding{"node says", resultWarning, "events: " + said, keepsUndecodable}
		}
		if said, is := strings.CutPrefix(line, "[+]streams ok stream "); is {
			f = finding{"node says", resultWarning, "streams: stream " + said, "run the command that it names, or leave it if it is meant"}
		}
		if wrong, is := strings.CutPrefix(line, "[-]"); is {
			f = finding{"node says", resultFailed, wrong, "see the log of the node"}
		}
		found = append(found, f)
	}
	return found
}

// compareClocks holds the node's clock, in whole seconds, against this one as it was before and after it was read.
func compareClocks(node, before, after time.Time) finding {
	if node.IsZero() {
		return skipped("clock", "the node does not tell its time")
	}
	skew := time.Duration(0)
	if d := node.Sub(after); d > 0 {
		skew = d
	} else if d := before.Sub(node.Add(time.Second)); d > 0 {
		skew = d
	}
	f := finding{Check: "clock", Result: resultOK, Detail: fmt.Sprintf("%s apart at least", skew.Round(time.Second))}
	if skew > auth.Leeway/10 {
		f.Result, f.Fix = resultWarning, "let NTP keep both clocks right: tokens expire by them"
	}
	if skew > auth.Leeway {
		f.Result = resultFailed
	}
	return f
}

func (d *doctor) examineToken(ctx context.Context, c *client.Client) finding {
	if d.token == "" {
		return skipped("token", "none was given with --token")
	}
	p, err := c.Me(ctx, 0)
	// Whoever is known to nobody yet has a good token all the same.
	if client.HasCode(err, client.CodeUnknownUser) {
		return finding{Check: "token", Result: resultOK, Detail: "accepted"}
	}
	return of("token", d.explain(err), "accepted, for "+p.User, "give another --token; `rollcall token inspect` tells what is wrong with this one")
}
