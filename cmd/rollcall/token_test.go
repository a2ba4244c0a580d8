package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func mint(t *testing.T, args ...string) string {
	t.Helper()
	s := rollcall(t, append([]string{"token", "mint", "--secret", testSecret}, args...)...)
	if s.code != exitFine || s.stderr != "" || strings.Count(s.stdout, "\n") != 1 {
		t.Fatalf("got %+v, want a token and nothing else", s)
	}
	return strings.TrimSpace(s.stdout)
}

func TestMintedTokenIsAccepted(t *testing.T) {
	token := mint(t, "--sub", "alice", "--role", "admin", "--scope", "presence:read presence:write", "--session", "web-1", "--ttl", "5m")
	s := rollcall(t, "token", "inspect", "--secret", testSecret, token, "-o", "json").wants(t, exitFine)
	var got struct {
		Header                          map[string]string
		Claims                          map[string]any
		User, Session, Roles, Signature string
		Accepted                        bool
		Refusals                        []string
	}
	if err := json.Unmarshal([]byte(s.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Accepted || got.User != "alice" || got.Session != "web-1" || got.Signature != "valid" || got.Header["alg"] != "HS256" ||
		got.Claims["role"] != "admin" || got.Claims["exp"].(float64)-got.Claims["iat"].(float64) != 300 {
		t.Errorf("got %+v", got)
	}
}

func TestSecretOfAMintedTokenComesFromAnywhere(t *testing.T) {
	file := writeFile(t, "secret", testSecret+"\n")
	yaml := writeFile(t, "rollcall.yaml", "jwt-secret: "+testSecret+"\njwt-user-claim: user_id\n")
	wrong := strings.Repeat("x", 32)
	for name, test := range map[string]struct {
		env  []string
		args []string
	}{
		"flag":               {args: []string{"--secret", testSecret}},
		"flag of serve":      {args: []string{"--jwt-secret", testSecret}},
		"variable":           {env: []string{"ROLLCALL_SECRET=" + testSecret}},
		"variable of serve":  {env: []string{"ROLLCALL_JWT_SECRET=" + testSecret}},
		"file":               {env: []string{"ROLLCALL_SECRET_FILE=" + file}},
		"file of serve":      {env: []string{"ROLLCALL_JWT_SECRET_FILE=" + file}},
		"settings of serve":  {env: []string{"ROLLCALL_CONFIG=" + yaml}},
		"flag over variable": {env: []string{"ROLLCALL_SECRET=" + wrong}, args: []string{"--jwt-secret", testSecret}},
		"own over serve's":   {env: []string{"ROLLCALL_SECRET=" + testSecret, "ROLLCALL_JWT_SECRET=" + wrong}},
	} {
		t.Run(name, func(t *testing.T) {
			s := call{env: test.env}.rollcall(t, append([]string{"token", "mint", "--sub", "alice"}, test.args...)...).wants(t, exitFine)
			inspect := []string{"token", "inspect", "--secret", testSecret, strings.TrimSpace(s.stdout)}
			if name == "settings of serve" {
				inspect = append(inspect, "--jwt-user-claim", "user_id")
			}
			rollcall(t, inspect...).wants(t, exitFine)
		})
	}
}

func TestInspectSaysEachReasonOfARefusal(t *testing.T) {
	token := mint(t, "--sub", "alice", "--jwt-issuer", "here")
	s := rollcall(t, "token", "inspect", token, "--secret", strings.Repeat("x", 32), "--jwt-issuer", "there", "--jwt-audience", "us")
	s.wants(t, exitNo, "the token would be refused", "iss", "aud", "signature")
	if !strings.Contains(s.stdout, "refused") || strings.Count(s.stdout, "because") != 3 {
		t.Errorf("got %s", s.stdout)
	}
	rollcall(t, "token", "inspect", "not-a-token", "--unverified").wants(t, exitNo, "it is not three base64url parts")
}

func TestUnprovenTokenIsNotGood(t *testing.T) {
	token := mint(t, "--sub", "alice")
	s := rollcall(t, "token", "inspect", token).wants(t, exitNo, "the signature was not checked: give --secret")
	if !strings.Contains(s.stdout, "alice") {
		t.Errorf("got %s", s.stdout)
	}
	rollcall(t, "token", "inspect", token, "--unverified").wants(t, exitFine)
}

func TestTokenIsReadFromStandardInput(t *testing.T) {
	token := mint(t, "--sub", "alice")
	for _, stdin := range []string{token, token + "\n", "Bearer " + token, "  bearer  " + token + "\r\n"} {
		call{stdin: stdin}.rollcall(t, "token", "inspect", "--secret", testSecret).wants(t, exitFine)
		call{stdin: stdin}.rollcall(t, "token", "inspect", "-", "--secret", testSecret).wants(t, exitFine)
	}
}

func TestTokenIsHeldAgainstAKeySet(t *testing.T) {
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","alg":"EdDSA","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	}))
	defer keys.Close()
	s := rollcall(t, "token", "inspect", mint(t, "--sub", "alice"), "--jwks-url", keys.URL)
	s.wants(t, exitNo, `alg "HS256" is not one of those accepted`)
}

func TestAShortSecretIsNamedAsItWasGiven(t *testing.T) {
	token := mint(t, "--sub", "alice")
	for _, args := range [][]string{{"mint", "--sub", "a"}, {"inspect", token}} {
		args = append([]string{"token"}, args...)
		s := rollcall(t, append(args, "--secret", "short")...).wants(t, exitUse, "--secret has 5 bytes")
		if strings.Contains(s.stderr, "--jwt-secret") {
			t.Errorf("%q", s.stderr)
		}
		rollcall(t, append(args, "--jwt-secret", "short")...).wants(t, exitUse, "--jwt-secret has 5 bytes")
	}
}
