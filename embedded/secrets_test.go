//go:build unix

package embedded_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
)

// buildProgram builds the program as it is shipped.
func buildProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rollcall")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../cmd/rollcall").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// leaks returns which of the secrets, by their names, are in text, in whatever
// form.
func leaks(text string, secrets map[string]string) (found []string) {
	for name, s := range secrets {
		for form, as := range map[string]string{
			"": s, " in base64": base64.StdEncoding.EncodeToString([]byte(s))[:len(s)], " in hex": hex.EncodeToString([]byte(s)),
			" in part": s[len(s)/3 : len(s)*2/3],
		} {
			if strings.Contains(text, as) {
				found = append(found, name+form)
			}
		}
	}
	return found
}

// TestNothingTellsSecrets runs the program with the most that it says, gives it
// secrets in every way that there is, good and bad, and lets it crash at the
// end. None of them may be in anything that comes out of it.
func TestNothingTellsSecrets(t *testing.T) {
	t.Parallel()
	program, dir := buildProgram(t), t.TempDir()
	good := token(t, auth.MintClaims{User: "alice"})
	forged, err := auth.Mint([]byte("another secret that nobody knows of, really"), auth.MintClaims{User: "alice", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	signature := func(tok string) string { return tok[strings.LastIndexByte(tok, '.')+1:] }
	secrets := map[string]string{"the secret": string(secret), "a token": signature(good), "a forged token": signature(forged),
		"the NATS password": "nats-pass-Zq81kXw07"}
	file, addrFile := filepath.Join(dir, "secret"), filepath.Join(dir, "addr")
	if err := os.WriteFile(file, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	metrics := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 1)[0])
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "serve", "--addr", "127.0.0.1:0", "--addr-file", addrFile, "--data-dir", filepath.Join(dir, "data"),
		"--metrics-addr", metrics, "--pprof", "--log-level", "debug")
	cmd.Env = append(os.Environ(), "ROLLCALL_JWT_SECRET_FILE="+file, "GOTRACEBACK=all")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var addr string
	within(t, time.Minute, "the node to be ready", func() bool {
		b, err := os.ReadFile(addrFile)
		addr = strings.TrimSpace(string(b))
		return err == nil && addr != ""
	})
	answers := new(strings.Builder)
	ask := func(url string, change func(r *http.Request)) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		change(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		fmt.Fprintln(answers, resp.Status)
		if _, err := io.Copy(answers, resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	for _, tok := range []string{good, forged, string(secret), good + "x", "x." + good} {
		for _, path := range []string{"/v1/login", "/v1/heartbeat", "/v1/nothing", "/v1/session", "/v1/login?token=" + tok, "/v1/users/" + tok, "/" + tok} {
			ask("http://"+addr+path, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+tok) })
		}
		ask("http://"+addr+"/v1/login", func(r *http.Request) { r.Header.Set("Authorization", "Basic "+tok) })
		ask("http://"+addr+"/v1/login", func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + tok, "Bearer " + tok} })
		ask("http://"+addr+"/v1/login", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "rollcall_session", Value: tok}) })
	}
	// What somebody has put into a path is their own: answers are not looked at for that.
	said := new(strings.Builder)
	for _, url := range []string{"http://" + addr + "/readyz?verbose", "http://" + metrics + "/metrics", "http://" + addr + "/openapi.json",
		"http://" + metrics + "/debug/pprof/cmdline", "http://" + metrics + "/debug/pprof/goroutine?debug=2"} {
		resp, body := get(t, http.MethodGet, url, good)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", url, resp.Status)
		}
		said.WriteString(body)
	}
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil { // Go's own way to crash
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if text := out.String(); !strings.Contains(text, "goroutine ") || !strings.Contains(text, "level") {
		t.Errorf("it neither logged nor crashed: %.300s", text)
	}
	for what, text := range map[string]string{"its log and its last words": out.String(), "what it says of itself": said.String(), "its answers": answers.String()} {
		if found := leaks(text, secrets); len(found) > 0 {
			t.Errorf("%s have %s", what, strings.Join(found, ", "))
		}
	}
	commands(t, program, dir, secrets)
}

// commands runs what prints settings, and what fails over them.
func commands(t *testing.T, program, dir string, secrets map[string]string) {
	t.Helper()
	servers := "nats://rollcall:" + secrets["the NATS password"] + "@127.0.0.1:1,nats://" + secrets["the NATS password"] + "@127.0.0.1:2"
	config := filepath.Join(dir, "rollcall.yaml")
	if err := os.WriteFile(config, []byte("jwt-secret: "+secrets["the secret"]+"\nnats-url: "+servers+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"config", "show", "--config", config},
		{"config", "show", "--config", config, "-o", "json"},
		{"config", "check", "--config", config},
		{"doctor", "--config", config},
		{"serve", "--config", config, "--addr", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "other"), "--log-level", "debug"},
		{"serve", "--config", config, "--nats-url", "nats://rollcall:" + secrets["the NATS password"] + "@[::1", "--data-dir", filepath.Join(dir, "third")},
		{"serve", "--config", config, "--nats-url", "nats://rollcall:" + secrets["the NATS password"] + "#@127.0.0.1:1", "--data-dir", filepath.Join(dir, "fourth")},
		{"token", "inspect", secrets["a token"], "--jwt-secret", secrets["the secret"]},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env, cmd.Dir = append(os.Environ(), "ROLLCALL_NATS_URL="+servers), dir
		out, _ := cmd.CombinedOutput() // most of them fail, as they should
		cancel()
		if found := leaks(string(out), secrets); len(found) > 0 || len(out) == 0 {
			t.Errorf("rollcall %s tells %s", args[0]+" "+args[1], strings.Join(found, ", "))
			for line := range strings.Lines(string(out)) {
				if len(leaks(line, secrets)) > 0 {
					t.Logf("%.200s", line)
				}
			}
		}
	}
}
