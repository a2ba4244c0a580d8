package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWantedRatiosAreReadByConnections(t *testing.T) {
	got, err := parseRatios(map[string]string{"64": "0.45", "256": "0.65"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int]float64{64: 0.45, 256: 0.65}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWrongUseOfHeartbeatIsAConfigError(t *testing.T) {
	for name, args := range map[string][]string{
		"ratio that is no number":         {"--min-ratio", "64=much"},
		"ratio that is NaN":               {"--min-ratio", "64=NaN"},
		"negative ratio":                  {"--min-ratio", "64=-1"},
		"ratio for no number":             {"--min-ratio", "many=0.5"},
		"ratio for an unmeasured count":   {"--min-ratio", "32=0.5"},
		"unknown output":                  {"-o", "csv"},
		"no connection":                   {"--connections", "0"},
		"no round":                        {"--rounds", "0"},
		"no user":                         {"--users", "0"},
		"more live than known":            {"--known", "5", "--live", "6"},
		"running node that is filled":     {"--server", "http://127.0.0.1:8080", "--jwt-secret", "0123456789abcdef0123456789abcdef", "--known", "5"},
		"no time":                         {"--duration", "0s"},
		"running node without a secret":   {"--server", "http://127.0.0.1:8080"},
		"running node on another machine": {"--server", "http://192.0.2.1:8080", "--jwt-secret", "0123456789abcdef0123456789abcdef"},
	} {
		t.Run(name, func(t *testing.T) {
			bench(t, append([]string{"heartbeat"}, args...)...).wants(t, exitUse)
		})
	}
}
