package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestServeLogsTheBoundAddressOfMetrics(t *testing.T) {
	log := &growing{}
	serveAside(t, log, nil, "--metrics-addr", "127.0.0.1:0")
	var ready struct {
		Msg     string `json:"msg"`
		Addr    string `json:"addr"`
		Metrics string `json:"metrics_addr"`
	}
	for line := range strings.Lines(log.String()) {
		if err := json.Unmarshal([]byte(line), &ready); err != nil {
			t.Fatal(err)
		}
		if ready.Msg == "ready" {
			break
		}
	}
	if ready.Metrics == "" || ready.Metrics == ready.Addr {
		t.Fatalf("it logged %s", log)
	}
	resp, err := ownHTTP().Get("http://" + ready.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "rollcall_") {
		t.Errorf("got %s, %v", resp.Status, err)
	}
}

func TestServeWithOneAddressLogsOne(t *testing.T) {
	log := &growing{}
	serveAside(t, log, nil)
	if strings.Contains(log.String(), "metrics_addr") {
		t.Errorf("it logged %s", log)
	}
}

// asked returns the status of a path at the listener for metrics of a node that runs with args.
func asked(t *testing.T, path string, args ...string) int {
	t.Helper()
	log := &growing{}
	serveAside(t, log, nil, append([]string{"--metrics-addr", "127.0.0.1:0"}, args...)...)
	_, addr, _ := strings.Cut(log.String(), `"metrics_addr":"`)
	addr, _, _ = strings.Cut(addr, `"`)
	resp, err := ownHTTP().Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestServeAnswersForItsHealthWhereMetricsAre(t *testing.T) {
	for _, path := range []string{"/livez", "/readyz"} {
		if status := asked(t, path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status := asked(t, "/v1/me"); status != http.StatusNotFound {
		t.Errorf("the API: %d", status)
	}
}

func TestServeServesProfilesOnlyWhereAskedTo(t *testing.T) {
	if status := asked(t, "/debug/pprof/heap"); status != http.StatusNotFound {
		t.Errorf("without --pprof: %d", status)
	}
	if status := asked(t, "/debug/pprof/heap", "--pprof"); status != http.StatusOK {
		t.Errorf("with --pprof: %d", status)
	}
}
