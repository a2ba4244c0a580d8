package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

// command is a set of flags of every kind there is.
type command struct {
	flags   *pflag.FlagSet
	known   settings.Known
	dev     bool
	addr    string
	secret  string
	origins []string
	count   int
	timeout time.Duration
}

func newCommand() *command {
	c := &command{flags: pflag.NewFlagSet("test", pflag.ContinueOnError), known: settings.Known{"rate-limit": false}}
	c.flags.StringVar(&c.addr, "addr", "127.0.0.1:8080", "")
	c.flags.StringVar(&c.secret, "jwt-secret", "", "")
	settings.Secret(c.flags, "jwt-secret")
	c.flags.StringSliceVar(&c.origins, "cors-origin", nil, "")
	c.flags.IntVar(&c.count, "replicas", 0, "")
	c.flags.BoolVar(&c.dev, "dev", false, "")
	settings.Duration(c.flags, &c.timeout, "timeout", "120s", "")
	c.flags.String(settings.ConfigFlag, "", "")
	c.known.Add(c.flags)
	return c
}

// fill parses args and fills in the rest.
func (c *command) fill(t *testing.T, env []string, args ...string) (settings.Origins, error) {
	t.Helper()
	if err := c.flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return settings.Fill(c.flags, c.known, env)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagOverEnvironmentOverFileOverDefault(t *testing.T) {
	file := write(t, "rollcall.yaml", "timeout: 3s\n")
	for name, test := range map[string]struct {
		env, args []string
		want      time.Duration
		origin    settings.Origin
	}{
		"default":                 {want: 120 * time.Second, origin: settings.FromDefault},
		"file":                    {args: []string{"--config", file}, want: 3 * time.Second, origin: settings.FromFile},
		"env":                     {env: []string{"ROLLCALL_TIMEOUT=4s"}, args: []string{"--config", file}, want: 4 * time.Second, origin: settings.FromEnv},
		"flag":                    {env: []string{"ROLLCALL_TIMEOUT=4s"}, args: []string{"--config", file, "--timeout", "5s"}, want: 5 * time.Second, origin: settings.FromFlag},
		"file of the environment": {env: []string{"ROLLCALL_CONFIG=" + file}, want: 3 * time.Second, origin: settings.FromFile},
		"empty variable":          {env: []string{"ROLLCALL_TIMEOUT="}, want: 120 * time.Second, origin: settings.FromDefault},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCommand()
			origins, err := c.fill(t, test.env, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			if c.timeout != test.want || origins.Of("timeout") != test.origin {
				t.Errorf("got %s of %s, want %s of %s", c.timeout, origins.Of("timeout"), test.want, test.origin)
			}
		})
	}
}

func TestEveryKindOfValueIsReadFromTheFile(t *testing.T) {
	c := newCommand()
	file := write(t, "rollcall.yaml", `
addr: ":0"
dev: true
replicas: 3
cors-origin: [https://a.example, "https://b.example"]
jwt-secret: &secret 0123456789
rate-limit: *secret  # another command's flag
`)
	if _, err := c.fill(t, nil, "--config", file); err != nil {
		t.Fatal(err)
	}
	if c.addr != ":0" || !c.dev || c.count != 3 || c.secret != "0123456789" {
		t.Errorf("got %+v", c)
	}
	if diff := cmp.Diff([]string{"https://a.example", "https://b.example"}, c.origins); diff != "" {
		t.Error(diff)
	}
}

func TestRepeatableFlagTakesOneValueOrManyFromTheEnvironment(t *testing.T) {
	c := newCommand()
	if _, err := c.fill(t, []string{"ROLLCALL_CORS_ORIGIN=https://a.example,https://b.example"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"https://a.example", "https://b.example"}, c.origins); diff != "" {
		t.Error(diff)
	}
}

func TestSecretComesFromAFileWithoutItsNewline(t *testing.T) {
	for name, text := range map[string]string{"plain": "s3cret", "newline": "s3cret\n", "windows": "s3cret\r\n"} {
		t.Run(name, func(t *testing.T) {
			c := newCommand()
			if _, err := c.fill(t, []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "secret", text)}); err != nil {
				t.Fatal(err)
			}
			if c.secret != "s3cret" {
				t.Errorf("got %q", c.secret)
			}
		})
	}
}

func TestFlagOverTheFileOfASecret(t *testing.T) {
	c := newCommand()
	env := []string{"ROLLCALL_JWT_SECRET_FILE=/nowhere", "ROLLCALL_JWT_SECRET=b"}
	if _, err := c.fill(t, env, "--jwt-secret", "a"); err != nil || c.secret != "a" {
		t.Errorf("got %q, %v: what a flag overrules is not even read", c.secret, err)
	}
}

func TestWrongSettingsSayWhatToDo(t *testing.T) {
	secret := write(t, "secret", "s3cret")
	for name, test := range map[string]struct {
		env  []string
		yaml string
		want string
	}{
		"unknown variable":       {env: []string{"ROLLCALL_TIMOUT=5s"}, want: "ROLLCALL_TIMOUT is no setting: did you mean ROLLCALL_TIMEOUT?"},
		"two wrong letters":      {env: []string{"ROLLCALL_TIEMOUTS=5s"}, want: "ROLLCALL_TIEMOUTS is no setting: did you mean ROLLCALL_TIMEOUT?"},
		"variable run together":  {env: []string{"ROLLCALL_JWTSECRET=x"}, want: "ROLLCALL_JWTSECRET is no setting: did you mean ROLLCALL_JWT_SECRET?"},
		"one wrong of few":       {env: []string{"ROLLCALL_ADR=x"}, want: "ROLLCALL_ADR is no setting: did you mean ROLLCALL_ADDR?"},
		"file of a secret":       {env: []string{"ROLLCALL_JWT_SECRET_FIEL=x"}, want: "did you mean ROLLCALL_JWT_SECRET_FILE?"},
		"wrong variable":         {env: []string{"ROLLCALL_TIMEOUT=soon"}, want: `ROLLCALL_TIMEOUT is "soon": write a duration like 30s, 5m or 48h`},
		"wrong bool":             {env: []string{"ROLLCALL_DEV=yes"}, want: `ROLLCALL_DEV is "yes": write true or false`},
		"secret twice":           {env: []string{"ROLLCALL_JWT_SECRET=a", "ROLLCALL_JWT_SECRET_FILE=" + secret}, want: "are both set: unset one of them"},
		"secret twice, reversed": {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + secret, "ROLLCALL_JWT_SECRET=a"}, want: "are both set: unset one of them"},
		"no file of the secret":  {env: []string{"ROLLCALL_JWT_SECRET_FILE=/no/such/file"}, want: "ROLLCALL_JWT_SECRET_FILE: open /no/such/file"},
		"empty file of a secret": {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "empty", "\n")}, want: "is empty: write the secret into it"},
		"secret with a mark":     {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "mark", "\xef\xbb\xbfs3cret\n")}, want: "begins with a byte order mark: save it as UTF-8 without one"},
		"secret of UTF-16":       {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "utf16", "\xff\xfes\x003\x00c\x00r\x00")}, want: "is UTF-16: save it as UTF-8"},
		"secret of big UTF-16":   {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "utf16be", "\x00s\x003\x00c\x00\n")}, want: "is UTF-16: save it as UTF-8"},
		"secret and two lines":   {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "lines", "s3cret\n\n")}, want: "ends in more than one newline: leave one at most"},
		"secret and two CRLF":    {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "crlf", "s3cret\r\n\r\n")}, want: "ends in more than one newline: leave one at most"},
		"secret and a blank":     {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "blank", "s3cret \n")}, want: "has blanks before or after the secret: remove them"},
		"a blank and a secret":   {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "tab", "\ts3cret")}, want: "has blanks before or after the secret: remove them"},
		"secret and a no-break":  {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "nbsp", "s3cret\u00a0\n")}, want: "has blanks before or after the secret: remove them"},
		"blanks for a secret":    {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "blanks", "  \n")}, want: "has blanks before or after the secret: remove them"},
		"big file of a secret":   {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + write(t, "big", strings.Repeat("a", 1<<17))}, want: "too long for a secret"},
		"unknown key":            {yaml: "rate_limit: 5", want: ":1: rate_limit is no setting: did you mean rate-limit?"},
		"key of the flag config": {yaml: "config: x", want: ":1: config is no setting"},
		"key twice":              {yaml: "timeout: 1s\ntimeout: 2s", want: ":2: timeout is there already"},
		"nested keys":            {yaml: "jwt:\n  secret: x", want: ":1: jwt has settings below it"},
		"nested value":           {yaml: "addr:\n  host: x", want: ":1: addr has settings below it"},
		"key without a value":    {yaml: "jwt-secret:", want: ":1: jwt-secret has no value: give it one, or remove the line"},
		"list for one value":     {yaml: "addr: [a, b]", want: ":1: addr takes one value, not a list"},
		"list of lists":          {yaml: "cors-origin: [[a]]", want: ":1: cors-origin is a list of something else"},
		"value without a unit":   {yaml: "timeout: 120", want: `:1: timeout is "120": write a duration`},
		"no mapping":             {yaml: "- timeout", want: "it is no YAML mapping"},
		"no YAML":                {yaml: "a: b: c", want: "reading the file of --config"},
		"two documents":          {yaml: "dev: true\n---\ndev: false", want: "more than one document"},
	} {
		t.Run(name, func(t *testing.T) {
			env := test.env
			if test.yaml != "" {
				env = append(env, "ROLLCALL_CONFIG="+write(t, "rollcall.yaml", test.yaml))
			}
			_, err := newCommand().fill(t, env)
			if !errors.Is(err, settings.ErrSettings) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an ErrSettings with %q", err, test.want)
			}
		})
	}
}

func TestMissingFileOfSettingsIsAnError(t *testing.T) {
	if _, err := newCommand().fill(t, nil, "--config", "/no/such/file.yaml"); !errors.Is(err, settings.ErrSettings) {
		t.Errorf("got %v", err)
	}
}

func TestAllProblemsAreSaidAtOnce(t *testing.T) {
	_, err := newCommand().fill(t, []string{"ROLLCALL_TIMEOUT=soon", "ROLLCALL_REPLICAS=many", "ROLLCALL_TIMOUT=1s"})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three problems", err)
	}
}

func TestEmptyFileSetsNothing(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n", "---\n"} {
		if _, err := newCommand().fill(t, nil, "--config", write(t, "rollcall.yaml", text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestVariablesThatContainersSetAreNotOurs(t *testing.T) {
	_, err := newCommand().fill(t, []string{
		"ROLLCALL_SERVICE_HOST=10.0.0.1", "ROLLCALL_SERVICE_PORT=80", "ROLLCALL_SERVICE_PORT_HTTP=80", "ROLLCALL_PORT=tcp://10.0.0.1:80",
		"ROLLCALL_PORT_80_TCP=tcp://10.0.0.1:80", "ROLLCALL_PORT_80_TCP_ADDR=10.0.0.1", "ROLLCALL_NATS_PORT_4222_TCP_PROTO=tcp",
		"ROLLCALL_NATS_SERVICE_HOST=10.0.0.2", "ROLLCALL_VERSION=1.2.3", "PATH=/bin",
	})
	if err != nil {
		t.Error(err)
	}
}

// A harness may export what it likes, as long as it is not nearly a setting.
func TestVariablesOfOthersAreStrangeAndNoMistake(t *testing.T) {
	c := newCommand()
	c.known["dir"], c.known["nats-url"] = false, false
	c.known["for"] = false // a flag of another command: what is nearly that is no typing error of this one
	env := []string{"ROLLCALL_BIN=/bin/rollcall", "ROLLCALL_TEST_URL=http://a", "ROLLCALL_ENV=ci", "ROLLCALL_PIZZA=x", "ROLLCALL_FOO=x", "ROLLCALL_EMPTY=",
		"ROLLCALL_PORT=80", "ROLLCALL_TIMOUT=1s", "ROLLCALL_TIMEOUT=1s", "PIZZA=x"}
	want := []string{"ROLLCALL_BIN", "ROLLCALL_TEST_URL", "ROLLCALL_ENV", "ROLLCALL_PIZZA", "ROLLCALL_FOO"}
	if diff := cmp.Diff(want, settings.Strange(c.known, c.flags, env)); diff != "" {
		t.Error(diff)
	}
	_, err := c.fill(t, env)
	if err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), "ROLLCALL_TIMOUT") {
		t.Errorf("got %v, want ROLLCALL_TIMOUT and nothing else", err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	c := newCommand()
	var server, nats string
	c.flags.StringVar(&server, "server", "", "")
	c.flags.StringVar(&nats, "nats-url", "", "")
	origins, err := c.fill(t, nil, "--jwt-secret", "s3cret", "--server", "https://me:s3cret@host/a",
		"--nats-url", "nats://s3cret@one:4222,me:s3/cret@two", "--cors-origin", "a", "--cors-origin", "b")
	if err != nil {
		t.Fatal(err)
	}
	want := []settings.Setting{
		{Name: "jwt-secret", Value: settings.Mask, Origin: settings.FromFlag, Where: "--jwt-secret"},
		{Name: "server", Value: "https://" + settings.Mask + "@host/a", Origin: settings.FromFlag, Where: "--server"},
		{Name: "nats-url", Value: "nats://" + settings.Mask + "@one:4222," + settings.Mask + "@two", Origin: settings.FromFlag, Where: "--nats-url"},
		{Name: "cors-origin", Value: "a,b", Origin: settings.FromFlag, Where: "--cors-origin"},
		{Name: "timeout", Value: "120s", Origin: settings.FromDefault},
	}
	got := origins.List(c.flags, []string{"jwt-secret", "server", "nats-url", "cors-origin", "no-such-flag", "timeout"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnsetSecretShowsAsUnset(t *testing.T) {
	c := newCommand()
	origins, err := c.fill(t, nil)
	if got := origins.List(c.flags, []string{"jwt-secret"}); err != nil || got[0].Value != "" {
		t.Errorf("got %+v, %v", got, err)
	}
}
