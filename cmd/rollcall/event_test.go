package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

func TestDetailsAreWords(t *testing.T) {
	until := firstSeen.Add(time.Hour)
	for want, e := range map[string]client.Event{
		"device Firefox, from 10.0.0.1":                {Type: "login", Device: "Firefox", Client: "10.0.0.1"},
		"idle, its page is closing, every 60s":         {Type: "heartbeat", Idle: true, Leaving: true, Every: 60},
		"all sessions":                                 {Type: "logout", All: true},
		"busy until 2026-11-23T09:00:00.123Z: on call": {Type: "override", Change: "set", Status: "busy", Until: until, Reason: "on call"},
		"offline":                               {Type: "override", Change: "set", Status: "offline"},
		"cleared":                               {Type: "override", Change: "cleared"},
		"that of 12 expired":                    {Type: "override", Change: "expired", Judged: 12},
		"silent since 2026-11-23T08:00:00.123Z": {Type: "offline", Cause: "timeout", LastSeen: firstSeen},
		"its page was closed, last seen 2026-11-23T08:00:00.123Z": {Type: "offline", Cause: "left", LastSeen: firstSeen},
		"heartbeat of 122, idle, undoes 123":                      {Type: "online", By: 122, Idle: true, Voids: 123},
		"hash 00ff":                                               {Type: "erased", Hash: "00ff"},
		"unknown event type: number 77":                           {Undecodable: true, User: "alice", Error: "unknown event type: number 77"},
		"":                                                        {Type: "login"},
	} {
		if got := details(event{e}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEventsArePrintedAsTheNodeSentThem(t *testing.T) {
	const raw = `{"seq":4,"type":"login","user":"alice","new":{"x":1}}`
	e := event{client.Event{Seq: 4, Type: "login", User: "alice", Raw: []byte(raw)}}
	var out bytes.Buffer
	if err := printAll(&program{stdout: &out}, output{"ndjson"}, eventColumns, one(e)); err != nil || out.String() != raw+"\n" {
		t.Errorf("got %s, %v", &out, err)
	}
}

func TestTableThatGrowsCannotSteerTheTerminal(t *testing.T) {
	var out bytes.Buffer
	e := event{client.Event{Seq: 4, Type: "login", User: "alice", Device: "\x1b[2Jx", At: firstSeen}}
	if err := printLive(&program{stdout: &out}, output{"table"}, eventColumns, eventWidths, one(e)); err != nil {
		t.Fatal(err)
	}
	want := "TIME                      SEQ         TYPE         USER              SESSION       ACTOR         DETAILS\n" +
		"2026-11-23T08:00:00.123Z  4           login        alice                                         device \uFFFD[2Jx\n"
	if out.String() != want || strings.Contains(out.String(), "\x1b") {
		t.Errorf("got %q, want %q", &out, want)
	}
}
