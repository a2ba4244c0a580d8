package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

const (
	askTime   = 5 * time.Second // how long a check waits for another machine
	fewFiles  = 1 << 10         // open files below which a node is soon out of connections
	someFiles = 8 << 10
	firstYear = 2026 // no clock was right that shows an earlier one
)

// examineMachine checks what a node with this configuration would need here.
func (d *doctor) examineMachine(ctx context.Context, p *program) []finding {
	found := examineConfig(errors.Join(p.settingsErr, d.config.check()), d.config.advice())
	found = append(found, examineTokens(d.config))
	found = append(found, examineDir(d.config.dataDir), examineFileSystem(d.config.dataDir), examineDisk(d.config.dataDir))
	found = append(found, d.examineLog(ctx, p)...)
	found = append(found, d.examinePort(ctx)...)
	return append(found, examineKeySet(ctx, d.config.jwksURL), examineClock(time.Now()), examineOpenFiles())
}

// examineConfig makes a finding of each problem.
func examineConfig(err error, advice []string) (found []finding) {
	for _, line := range advice {
		detail, fix := cutFix(line)
		found = append(found, finding{"configuration", resultWarning, detail, fix})
	}
	if err == nil {
		return append(found, finding{Check: "configuration", Result: resultOK, Detail: "valid"})
	}
	for line := range strings.Lines(err.Error()) {
		detail, fix := cutFix(strings.TrimSpace(line))
		found = append(found, finding{"configuration", resultFailed, detail, fix})
	}
	return found
}

// cutFix splits a sentence of ours at its last colon: what is wrong, and what to do.
func cutFix(line string) (detail, fix string) {
	if i := strings.LastIndex(line, ": "); i >= 0 {
		return line[:i], line[i+2:]
	}
	return line, "set it otherwise; see `rollcall serve --help`"
}

// examineTokens says what tokens are verified with. What is wrong with that is a problem of the configuration.
func examineTokens(c serveConfig) finding {
	var with []string
	if c.jwtSecret != "" {
		with = append(with, fmt.Sprintf("a secret of %d bytes", len(c.jwtSecret)))
	}
	if c.jwtKeyFile != "" {
		with = append(with, "the keys in "+c.jwtKeyFile)
	}
	if c.jwksURL != "" {
		with = append(with, "a key set")
	}
	if len(with) == 0 || c.checkTokens() != nil {
		return skipped("tokens", "see configuration")
	}
	return finding{Check: "tokens", Result: resultOK, Detail: "verified with " + strings.Join(with, " and ")}
}

// examinePort finds out whether the address is free, or who has it.
func (d *doctor) examinePort(ctx context.Context) []finding {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", d.config.addr)
	if err == nil {
		listener.Close()
		return []finding{{Check: "port", Result: resultOK, Detail: d.config.addr + " is free"}}
	}
	c, clientErr := client.New(client.Config{Server: "http://" + reachable(d.config.addr), HTTPClient: &http.Client{Timeout: askTime}})
	if clientErr == nil {
		if ready, readyErr := c.Ready(ctx); readyErr == nil {
			return readiness(ready, "a node is running at "+d.config.addr)
		}
	}
	return []finding{of("port", err, "", "stop the program that has it, or give another --addr")}
}

// reachable is where to ask for what listens at addr.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// examineKeySet fetches the keys once.
func examineKeySet(ctx context.Context, url string) finding {
	if url == "" {
		return skipped("key set", "no --jwks-url is set")
	}
	n, err := countKeys(ctx, url)
	return of("key set", err, fmt.Sprintf("%d keys", n), "see whether --jwks-url is right and can be reached from here")
}

func countKeys(ctx context.Context, url string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("it answers with status %d", resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&set); err != nil {
		return 0, fmt.Errorf("it is no key set: %w", err)
	}
	return len(set.Keys), when(len(set.Keys) == 0, "it holds no key")
}

func examineClock(now time.Time) finding {
	if now.Year() < firstYear {
		return finding{"clock", resultFailed, "it shows " + moment(now), "set it, and let NTP keep it right"}
	}
	synchronised, err := clockSynchronised()
	switch {
	case err != nil:
		return finding{Check: "clock", Result: resultOK, Detail: moment(now)}
	case !synchronised:
		return finding{"clock", resultWarning, moment(now) + ", kept by nothing", "let NTP keep it right: tokens expire by it"}
	}
	return finding{Check: "clock", Result: resultOK, Detail: moment(now) + ", kept right"}
}

func examineOpenFiles() finding {
	limit, err := openFiles()
	if err != nil {
		return skipped("open files", "%v", err)
	}
	f := finding{Check: "open files", Result: resultOK, Detail: fmt.Sprintf("%d at most", limit)}
	if limit < someFiles {
		f.Result, f.Fix = resultWarning, "raise the limit, with LimitNOFILE= of systemd or ulimit -n: each connection is one"
	}
	if limit < fewFiles {
		f.Result = resultFailed
	}
	return f
}
