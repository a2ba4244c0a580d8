package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestPlainProgressIsALineNowAndThen(t *testing.T) {
	var said bytes.Buffer
	m := progress{mode: "plain"}.meter(&program{stderr: &said}, "rebuilding")
	for second := range 10 {
		m.report(step{done: uint64(second) * 10, total: 100, events: uint64(second) * 1000, took: time.Duration(second) * time.Second})
	}
	m.done()
	want := "rollcall: rebuilding: 30 of 100, 1000 events/s, 7s left\n" +
		"rollcall: rebuilding: 60 of 100, 1000 events/s, 4s left\n" +
		"rollcall: rebuilding: 90 of 100, 1000 events/s, 1s left\n"
	if said.String() != want {
		t.Errorf("got %s, want %s", &said, want)
	}
}

func TestNoProgressIsSaidWhereNoneIsWanted(t *testing.T) {
	var said bytes.Buffer
	m := progress{mode: "none"}.meter(&program{stderr: &said}, "rebuilding")
	m.report(step{done: 1, total: 2, took: time.Minute})
	m.done()
	if said.Len() > 0 {
		t.Errorf("it said %s", &said)
	}
}

func TestBarShowsTheRateAndIsClearedAway(t *testing.T) {
	var drawn bytes.Buffer
	m := &meter{what: "rebuilding", bar: newBar(&drawn, "rebuilding")}
	m.report(step{done: 100, total: 100, events: 5000, took: time.Second})
	m.done()
	if !strings.Contains(drawn.String(), "rebuilding") || !strings.HasSuffix(drawn.String(), "\r") {
		t.Errorf("it drew %q", drawn.String())
	}
}
