package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

func TestWrongUseExitsWithTwoAndSaysWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		args string
		want string
	}{
		"unknown command":      {"sttaus alice", "did you mean status?"},
		"no such command":      {"pizza", "there is audit, check-offline,"},
		"group alone":          {"token", "`rollcall token` needs one of its commands: inspect, mint"},
		"unknown in a group":   {"token mnt", "there is no `rollcall token mnt`: did you mean mint?"},
		"unknown shell":        {"completion foo", "there is no `rollcall completion foo`: there is bash, fish, powershell, zsh"},
		"help of nothing":      {"help pizza", "there is no `rollcall pizza`"},
		"unknown flag":         {"serve --adr x", "there is no --adr: did you mean --addr?"},
		"strange flag":         {"serve --pizza", "there is no --pizza\n"},
		"unknown short flag":   {"status -z alice", "see `rollcall status --help`"},
		"flag without a value": {"serve --addr", "--addr needs a value"},
		"wrong value":          {"serve --timeout soon", `--timeout is "soon": write a duration like 30s, 5m or 48h`},
		"wrong rate":           {"serve --rate-limit 20", `--rate-limit is "20": write a rate like 20/s or 100/m, or 0 for no limit`},
		"wrong sync":           {"serve --sync sometimes", `--sync is "sometimes": write always, or a duration like 1s`},
		"wrong bool":           {"serve --dev=yes", `--dev is "yes": write true or false`},
		"wrong log level":      {"serve --log-level loud", "write debug, info, warn or error"},
		"wrong output":         {"online -o xml", `--output is "xml": write table, json, ndjson or csv`},
		"wrong status":         {"online --status sleeping", "write online, away, busy, offline or all"},
		"negative limit":       {"online --limit -1", "--limit -1 cannot be"},
		"missing user":         {"status", "USER is missing\nrollcall: see `rollcall status --help`"},
		"missing status":       {"override set alice", "STATUS is missing"},
		"wrong override":       {"override set alice asleep", `STATUS is "asleep": write online, away, busy or offline`},
		"two ends":             {"override set alice busy --for 1h --until 2030-01-01T00:00:00Z", "--for and --until are both set"},
		"negative time":        {"override set alice busy --for -1h", "--for -1h0m0s is in the past"},
		"wrong time":           {"override set alice busy --until tomorrow", "write a time like 2026-12-24T18:00:00Z"},
		"too much":             {"stats now", `"now" is one argument too many`},
		"wrong server":         {"stats --server 127.0.0.1:8080", "--server: the server must be an http or https URL"},
		"no subject":           {"token mint --secret x", "--sub is missing"},
		"no secret":            {"token mint --sub alice", "--secret is missing"},
		"short secret":         {"token mint --sub alice --secret short", "at least 32"},
		"short life":           {"token mint --sub alice --secret short --ttl 0s", "--ttl 0s is too short"},
		"no token":             {"token inspect", "TOKEN is missing"},
		"two tokens":           {"token inspect a b", "see `rollcall token inspect --help`"},
		"wrong stretch":        {"history alice --since yesterday", `--since is "yesterday": write a time like 2026-12-24T18:00:00Z, or how long ago`},
		"backward stretch":     {"audit --since 1h --until 2h", "--since 1h is not before --until 2h"},
		"endless end":          {"audit --follow --until 1h", "--follow has no end: leave out --until"},
		"endless array":        {"audit --follow -o json", "write -o ndjson"},
		"no moment":            {"who-was-online", "--at is missing: give a time"},
		"wrong moment":         {"who-was-online --at noon", `--at is "noon"`},
		"short step":           {"concurrency --step 1ms", "--step 1ms is too short"},
		"endless table":        {"online --watch -o csv", "--watch has no end: leave --output out, or write ndjson"},
		"watched absence":      {"online --watch --status offline", "--watch shows who is there"},
		"watched few":          {"online --watch --limit 3", "leave --limit out"},
		"nobody to watch":      {"watch --user=", "leave it out to watch everybody"},
		"half a list":          {"watch --user alice,", "--user has an empty id in it"},
		"no crowd":             {"demo --users 0", "--users 0 cannot be: give 1 to 20000"},
		"hasty demo":           {"demo --timeout 1s", "--timeout 1s is too short: give 3s at least"},
		"demo for all":         {"demo --addr 0.0.0.0:8080", "is not loopback and --dev is for this machine only"},
		"erase unasked":        {"erase alice", "give --yes to do it without being asked"},
		"bench has gone":       {"bench heartbeat --rounds 0", "a program of its own, rollcall-bench"},
	} {
		t.Run(name, func(t *testing.T) {
			s := rollcall(t, strings.Fields(test.args)...).wants(t, exitUse, test.want)
			if s.stdout != "" {
				t.Errorf("it printed %q", s.stdout)
			}
			if n := strings.Count(s.stderr, "\n"); n > 2 {
				t.Errorf("it said %d lines: %q", n, s.stderr)
			}
		})
	}
}

func TestAnEmptyArgumentIsMissingToo(t *testing.T) {
	for _, args := range [][]string{{"status", ""}, {"history", ""}, {"erase", "", "--yes"}, {"override", "set", "", "busy"}, {"override", "clear", ""}} {
		rollcall(t, args...).wants(t, exitUse, "USER is empty")
	}
}

func TestUnreachedNodeExitsWithOne(t *testing.T) {
	for _, args := range []string{"status alice", "online", "stats", "override set alice busy", "override clear alice", "check-offline",
		"history alice", "who-was-online --at 2h", "concurrency", "audit", "audit --follow", "erase alice --yes", "watch", "online --watch", "verify", "rebuild history"} {
		s := rollcall(t, append(strings.Fields(args), "--server", "http://127.0.0.1:1")...)
		s.wants(t, exitNo, "no node answers at http://127.0.0.1:1", "start one with `rollcall serve`")
	}
}

func TestHelpIsThereWhateverTheSettings(t *testing.T) {
	wrong := call{env: []string{"ROLLCALL_TIMOUT=1s", "ROLLCALL_SERVR=http://127.0.0.1:1"}}
	for _, args := range []string{"", "--help", "help", "help token mint", "serve --help", "version", "--version", "completion bash"} {
		if s := wrong.rollcall(t, strings.Fields(args)...); s.code != exitFine || s.stdout == "" || s.stderr != "" {
			t.Errorf("rollcall %s: got %d, %q", args, s.code, s.stderr)
		}
	}
	// Each command knows the typing errors in its own settings.
	wrong.rollcall(t, "stats").wants(t, exitUse, "ROLLCALL_SERVR is no setting: did you mean ROLLCALL_SERVER?")
	wrong.rollcall(t, "serve").wants(t, exitUse, "ROLLCALL_TIMOUT is no setting: did you mean ROLLCALL_TIMEOUT?")
}

func TestVariablesOfOthersDisturbNoCommand(t *testing.T) {
	node := newContractNode(t, 1)
	c := call{env: []string{"ROLLCALL_BIN=/bin/rollcall", "ROLLCALL_TEST_URL=http://a", "ROLLCALL_SERVER=" + node.URL, "ROLLCALL_TOKEN=" + adminToken}}
	for _, args := range []string{"stats", "config show", "token mint --sub alice --secret " + testSecret, "rebuild --help"} {
		if s := c.rollcall(t, strings.Fields(args)...).wants(t, exitFine); s.stderr != "" {
			t.Errorf("%s: it said %q", args, s.stderr)
		}
	}
	const first, second = "rollcall: ROLLCALL_BIN is no setting and is ignored: ", "rollcall: ROLLCALL_TEST_URL is no setting and is ignored: "
	s := c.rollcall(t, "config", "check", "--jwt-secret", testSecret).wants(t, exitFine, first, second)
	if strings.Count(s.stderr, "\n") != 2 {
		t.Errorf("it said %q", s.stderr)
	}
	c.rollcall(t, "config", "check").wants(t, exitUse, first, second, "no token could be verified")
}

func TestEveryCommandSaysWhatItIsForAndHowItIsUsed(t *testing.T) {
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		if builtin(c) || c.Hidden {
			return
		}
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s has no short text or no example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look(newRootCommand(&program{known: settings.Known{}}))
}

func TestExamplesComeBeforeFlags(t *testing.T) {
	help := rollcall(t, "online", "--help").stdout
	examples, usage, flags := strings.Index(help, "Examples:"), strings.Index(help, "Usage:"), strings.Index(help, "Flags:")
	if examples < 0 || examples > usage || usage > flags {
		t.Errorf("got %s", help)
	}
}

func TestStatusesAreCompleted(t *testing.T) {
	for _, args := range [][]string{
		{"__complete", "override", "set", "alice", ""},
		{"__complete", "online", "--status", ""},
	} {
		s := rollcall(t, args...)
		for _, status := range statusWords() {
			if s.code != exitFine || !strings.Contains(s.stdout, status+"\n") {
				t.Errorf("%v: got %q, want %s", args, s.stdout, status)
			}
		}
	}
}

func TestVersionIsPrintedInEveryForm(t *testing.T) {
	for format, want := range map[string]string{"table": "VERSION", "json": `"version": "`, "ndjson": `{"version":"`, "csv": "version,"} {
		if s := rollcall(t, "version", "-o", format); s.code != exitFine || !strings.Contains(s.stdout, want) {
			t.Errorf("%s: got %q", format, s.stdout)
		}
	}
}
