package main

import (
	"strings"
	"testing"
)

func TestConfigShowMasksSecretsInEveryForm(t *testing.T) {
	for _, format := range []string{"table", "json", "ndjson", "csv"} {
		s := rollcall(t, "config", "show", "-o", format, "--jwt-secret", testSecret, "--nats-url", "nats://me:"+testSecret+"@host")
		if s.code != exitFine || strings.Contains(s.stdout+s.stderr, testSecret) || !strings.Contains(s.stdout, "********@host") {
			t.Errorf("%s: got %d, %s", format, s.code, s.stdout)
		}
	}
}

func TestConfigCheckSaysEveryProblem(t *testing.T) {
	file := writeFile(t, "rollcall.yaml", "rate_limit: 5/s\ntimeout: soon\nheartbeat: 1ms\nadmin-claim: admin\nreplicas: 3\n")
	c := call{env: []string{"ROLLCALL_TIMOUT=1s"}}
	s := c.rollcall(t, "config", "check", "--config", file, "--addr", "here", "--cors-origin", "app.example.com")
	s.wants(t, exitUse,
		"ROLLCALL_TIMOUT is no setting: did you mean ROLLCALL_TIMEOUT?",
		":1: rate_limit is no setting: did you mean rate-limit?",
		`:2: timeout is "soon"`,
		"--heartbeat 1ms is too short",
		`--admin-claim "admin" is not of the form name=value`,
		"--replicas 3 needs a cluster",
		`--addr "here" is no address`,
		`--cors-origin "app.example.com" is no origin`,
		"no token could be verified: set --jwt-secret, --jwt-key-file or --jwks-url, or --dev",
	)
	if s.stdout != "" {
		t.Errorf("it printed %q", s.stdout)
	}
}

func TestConfigCheckOfAGoodConfiguration(t *testing.T) {
	s := rollcall(t, "config", "check", "--jwt-secret", testSecret).wants(t, exitFine)
	if s.stdout != "the configuration is valid\n" || s.stderr != "" {
		t.Errorf("got %+v", s)
	}
	rollcall(t, "config", "check", "--jwt-secret", testSecret, "--timeout", "10s").wants(t, exitFine, "--heartbeat 30s is not shorter than --timeout 10s")
}

func TestServeRefusesWhatCannotBe(t *testing.T) {
	good := "--jwt-secret=" + testSecret
	for name, test := range map[string]struct{ args, want string }{
		"no key":                  {"", "set --jwt-secret, --jwt-key-file or --jwks-url, or --dev"},
		"short secret":            {"--jwt-secret=short", "at least 32"},
		"missing key file":        {"--jwt-key-file=/no/such/file", "reading --jwt-key-file"},
		"wrong key set":           {"--jwks-url=here", "--jwks-url is no http or https URL"},
		"short timeout":           {good + " --timeout=999ms", "--timeout 999ms is too short: give 1s at least"},
		"no grace":                {good + " --leave-grace=0s", "--leave-grace 0s is too short"},
		"no checkpoint":           {good + " --checkpoint=0s", "--checkpoint 0s is too short"},
		"heartbeats gone early":   {good + " --hot-retention=1m", "--hot-retention 1m0s must be longer than --timeout 2m0s"},
		"audit gone early":        {good + " --audit-retention=1h", "--audit-retention 1h0m0s must not be shorter"},
		"port too high":           {good + " --addr=127.0.0.1:70000", "is no address"},
		"metrics address":         {good + " --metrics-addr=9090", `--metrics-addr "9090" is no address`},
		"profiles for all":        {good + " --pprof", "--pprof needs a listener of its own: give --metrics-addr too"},
		"connections cut at once": {good + " --idle-timeout=0s", "--idle-timeout 0s is too short"},
		"delay in the past":       {good + " --shutdown-delay=-1s", "--shutdown-delay -1s is negative"},
		"open NATS":               {good + " --nats-listen=0.0.0.0:4222", "--nats-listen 0.0.0.0:4222 is not loopback"},
		"open NATS, no host":      {good + " --nats-listen=:4222", "--nats-listen :4222 is not loopback"},
		"listening for another":   {good + " --nats-listen=127.0.0.1:4222 --nats-url=nats://a", "--nats-listen is for the embedded server"},
		"two servers":             {good + " --nats-url=nats://a --nats-context=b", "--nats-url and --nats-context are both set"},
		"creds for nothing":       {good + " --nats-creds=/dev/null", "--nats-creds is for an external server"},
		"missing creds":           {good + " --nats-creds=/no/such/file --nats-url=nats://a", "--nats-creds: open /no/such/file"},
		"CA for nothing":          {good + " --nats-tls-ca=/dev/null", "--nats-tls-ca is for an external server"},
		"many replicas":           {good + " --replicas=6 --nats-url=nats://a", "--replicas 6 cannot be"},
		"origin with a path":      {good + " --cors-origin=https://a/b", "is no origin"},
		"any origin":              {good + " --cors-origin=*", "is no origin"},
		"no directory":            {good + " --data-dir=", "--data-dir is empty"},
		"dev for all":             {"--dev --addr=0.0.0.0:8080", "--addr 0.0.0.0:8080 is not loopback and --dev is for this machine only"},
		"dev for a name":          {"--dev --addr=example.com:8080", "is not loopback"},
		"dev with open metrics":   {"--dev --metrics-addr=:9090", "--metrics-addr :9090 is not loopback"},
		"file that is no address": {good + " --addr-file=" + writeFile(t, "notes", "buy milk"), "holds something else than an address"},
	} {
		t.Run(name, func(t *testing.T) {
			s := rollcall(t, append([]string{"serve"}, strings.Fields(test.args)...)...).wants(t, exitUse, test.want)
			if s.stdout != "" || strings.Count(s.stderr, "\n") != 1 {
				t.Errorf("got %+v, want one sentence", s)
			}
		})
	}
}

func TestLoopbackIsToldFromTheRest(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true, "[::ffff:127.0.0.1]:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "localhost.example.com:1": false, "127.0.0.1.example.com:1": false,
	} {
		if got := loopback(addr); got != want {
			t.Errorf("%s: got %t", addr, got)
		}
	}
}

func TestDevListensAtLoopbackWhereNoHostIsGiven(t *testing.T) {
	c := serveConfig{dev: true, addr: ":0"}
	c.complete()
	if c.addr != "127.0.0.1:0" || len(c.jwtSecret) < 32 {
		t.Errorf("got %q and a secret of %d bytes", c.addr, len(c.jwtSecret))
	}
	d := serveConfig{dev: true, addr: ":0"}
	if d.complete(); d.jwtSecret == c.jwtSecret {
		t.Error("two starts have the same secret")
	}
}

func TestOriginsOfApplicationsAreOrigins(t *testing.T) {
	for _, origin := range []string{"https://app.example.com", "http://localhost:3000", "http://[::1]:5173", "capacitor://localhost", "ionic://localhost",
		"tauri://localhost", "tauri://", "app://.", "app://", "app://obsidian.md", "chrome-extension://abcdefghijklmnop", "moz-extension://1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
		"vscode-webview://1abc", "com.example.app://localhost"} {
		if !properOrigin(origin) {
			t.Errorf("%q is refused", origin)
		}
	}
	for _, origin := range []string{"", "*", "null", "app.example.com", "https://", "http://", "https://a/", "https://a/b", "capacitor://localhost/", "https://a?b",
		"https://a#b", "https://user@a", "https:a", "//a", "javascript:alert(1)", "data:text/html,x", "://a", "app://a b"} {
		if properOrigin(origin) {
			t.Errorf("%q is taken", origin)
		}
	}
}
