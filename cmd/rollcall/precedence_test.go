package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

// values are, for each flag of serve, the default of the contract and three more, to be told apart.
var values = []struct{ flag, standard, file, env, typed string }{
	{"addr", "127.0.0.1:8080", ":1", ":2", ":3"},
	{"addr-file", "", "a", "b", "c"},
	{"data-dir", "rollcall-data", "a", "b", "c"},
	{"dev", "false", "true", "false", "true"},
	{"jwt-secret", "", settings.Mask, settings.Mask, settings.Mask},
	{"jwt-key-file", "", "a", "b", "c"},
	{"jwks-url", "", "http://a", "http://b", "http://c"},
	{"jwt-issuer", "", "a", "b", "c"},
	{"jwt-audience", "", "a", "b", "c"},
	{"jwt-user-claim", "sub", "user_id", "uid", "id"},
	{"admin-claim", "role=admin", "a=b", "b=c", "c=d"},
	{"timeout", "120s", "1s", "2s", "3s"},
	{"heartbeat", "30s", "1s", "2s", "3s"},
	{"leave-grace", "15s", "1s", "2s", "3s"},
	{"timeout-consumer", "true", "false", "true", "false"},
	{"sync", "always", "1s", "2s", "3s"},
	{"hot-retention", "6h", "1h", "2h", "3h"},
	{"audit-retention", "8760h", "1h", "2h", "3h"},
	{"accept-loss", "false", "true", "false", "true"},
	{"checkpoint", "5s", "1s", "2s", "3s"},
	{"nats-url", "", "nats://a", "nats://b", "nats://c"},
	{"nats-creds", "", "a", "b", "c"},
	{"nats-context", "", "a", "b", "c"},
	{"nats-tls-ca", "", "a", "b", "c"},
	{"replicas", "0", "1", "2", "3"},
	{"nats-listen", "", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"},
	{"rate-limit", "20/s", "1/s", "2/s", "3/s"},
	{"max-sessions", "64", "1", "2", "3"},
	{"max-streams", "20", "1", "2", "3"},
	{"cors-origin", "", "https://a", "https://b", "https://c"},
	{"idle-timeout", "2m", "1m", "3m", "4m"},
	{"shutdown-delay", "0s", "1s", "2s", "3s"},
	{"metrics-addr", "", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"},
	{"pprof", "false", "true", "false", "true"},
	{"short-heartbeats", "true", "false", "true", "false"},
	{"log-format", "auto", "text", "json", "text"},
	{"log-level", "info", "debug", "warn", "error"},
}

func TestEveryFlagOfServeHasItsPrecedence(t *testing.T) {
	var yaml strings.Builder
	var env, args []string
	wants := map[settings.Origin][]settings.Setting{}
	for line, v := range values {
		fmt.Fprintf(&yaml, "%s: '%s'\n", v.flag, v.file)
		variable := settings.VariableOf(v.flag)
		env = append(env, variable+"="+v.env)
		args = append(args, "--"+v.flag+"="+v.typed)
		for origin, s := range map[settings.Origin]settings.Setting{
			settings.FromDefault: {Value: v.standard},
			settings.FromFile:    {Value: v.file, Where: fmt.Sprintf("FILE:%d", line+1)},
			settings.FromEnv:     {Value: v.env, Where: variable},
			settings.FromFlag:    {Value: v.typed, Where: "--" + v.flag},
		} {
			s.Name, s.Origin = v.flag, origin
			wants[origin] = append(wants[origin], s)
		}
	}
	file := writeFile(t, "rollcall.yaml", yaml.String())
	runs := map[settings.Origin]said{
		settings.FromDefault: rollcall(t, "config", "show", "-o", "json"),
		settings.FromFile:    rollcall(t, "config", "show", "-o", "json", "--config", file),
		settings.FromEnv:     call{env: env}.rollcall(t, "config", "show", "-o", "json", "--config", file),
		settings.FromFlag:    call{env: env}.rollcall(t, append([]string{"config", "show", "-o", "json", "--config", file}, args...)...),
	}
	for origin, s := range runs {
		var got []settings.Setting
		if err := json.Unmarshal([]byte(strings.ReplaceAll(s.stdout, file, "FILE")), &got); err != nil {
			t.Fatalf("%s: %v; %s", origin, err, s.stderr)
		}
		if diff := cmp.Diff(wants[origin], got); diff != "" {
			t.Errorf("%s: %s", origin, diff)
		}
	}
}

func TestEveryFlagOfServeIsInTheTable(t *testing.T) {
	var names []string
	for _, v := range values {
		names = append(names, v.flag)
	}
	if diff := cmp.Diff(flagNames(new(serveConfig).declare), names); diff != "" {
		t.Error(diff)
	}
}
