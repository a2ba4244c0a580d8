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
