package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
)

// devTTL is how long the tokens of --dev last.
const devTTL = 24 * time.Hour

// welcome prints what somebody needs who tries Rollcall for the first time.
func (c serveConfig) welcome(ctx context.Context, w io.Writer, addr string) error {
	admin, err := c.devToken("admin", "presence:admin")
	if err != nil {
		return err
	}
	alice, err := c.devToken("alice", "")
	if err != nil {
		return err
	}
	page := ""
	if hasPage(ctx, addr) {
		page = adminLink(addr, admin)
	}
	var text bytes.Buffer // so that no line of the log gets between
	err = welcomeText.Execute(&text, map[string]any{
		"URL": "http://" + addr, "Page": page, "Admin": admin, "Alice": alice, "TTL": brief(devTTL), "Timeout": brief(c.timeout), "Dir": c.dataDir,
	})
	if err == nil {
		_, err = text.WriteTo(w)
	}
	if err != nil {
		return fmt.Errorf("printing the welcome: %w", err)
	}
	return nil
}

func (c serveConfig) devToken(user, scope string) (string, error) {
	return auth.Mint([]byte(c.jwtSecret), auth.MintClaims{
		User: user, UserClaim: c.jwtUserClaim, Scope: scope, Issuer: c.jwtIssuer, Audience: c.jwtAudience, TTL: devTTL,
	})
}

// brief writes a duration without the zeros at its end: 2m, not 2m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

var welcomeText = template.Must(template.New("welcome").Parse(`
  ==============================================================================
  NOT FOR PRODUCTION: this is a node for trying Rollcall out. The tokens below are
  for everybody who can read this terminal, and good for {{.TTL}} or until it stops.
  ==============================================================================

  API           {{.URL}}/v1
  API pages     {{.URL}}/docs
  Data          {{.Dir}}
{{with .Page}}
  Admin page, signed in
    {{.}}
{{end}}
  Token of an admin
    {{.Admin}}
  Token of alice
    {{.Alice}}

  1. alice logs in:
    curl -X POST {{.URL}}/v1/login -H 'Content-Type: application/json' -d '{"device":"curl"}' -H 'Authorization: Bearer {{.Alice}}'

  2. alice is still here:
    curl -i -X POST {{.URL}}/v1/heartbeat -H 'Authorization: Bearer {{.Alice}}'

  3. who is online?
    curl '{{.URL}}/v1/users?status=online' -H 'Authorization: Bearer {{.Admin}}'

  4. leave alice silent for {{.Timeout}}, and she is offline:
    curl {{.URL}}/v1/users/alice -H 'Authorization: Bearer {{.Admin}}'

`))
