package settings_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

func TestNearestNameIsTheOneMeant(t *testing.T) {
	flags := []string{"addr", "timeout", "timeout-consumer", "jwt-secret", "jwt-issuer", "rate-limit", "nats-url", "log-level"}
	for name, want := range map[string]string{
		"adr":         "addr",
		"addr":        "addr",
		"timeotu":     "timeout",
		"rateLimit":   "rate-limit",
		"rate_limit":  "rate-limit",
		"RATE-LIMIT":  "rate-limit",
		"jwt-scret":   "jwt-secret",
		"issuer":      "jwt-issuer",
		"url":         "nats-url",
		"loglevel":    "log-level",
		"pizza":       "",
		"x":           "",
		"":            "",
		"no-such-one": "",
	} {
		if got := settings.Nearest(name, flags); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
