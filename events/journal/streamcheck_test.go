package journal

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// serve starts a NATS server that is set up as o says, on which the account may
// have what limits say, and connects to it.
func serve(t *testing.T, o server.Options, limits *server.JetStreamAccountLimits) *nats.Conn {
	t.Helper()
	o.ServerName, o.DontListen, o.JetStream, o.StoreDir, o.NoSigs, o.NoLog = "test", true, true, t.TempDir(), true, true
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not get ready")
	}
	if limits != nil {
		if err := s.GlobalAccount().UpdateJetStreamLimits(map[string]server.JetStreamAccountLimits{"": *limits}); err != nil {
			t.Fatal(err)
		}
	}
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// unbounded is an account that may have everything.
var unbounded = server.JetStreamAccountLimits{MaxMemory: -1, MaxStore: -1, MaxStreams: -1, MaxConsumers: -1,
	MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1}

func TestWhatTheServersForbidIsRefusedWithWhatToChange(t *testing.T) {
	wantsBytes, fewStreams := unbounded, unbounded
	wantsBytes.MaxBytesRequired = true
	fewStreams.MaxStreams = 2
	for name, c := range map[string]struct {
		options server.Options
		limits  *server.JetStreamAccountLimits
		cfg     Config
		before  *jetstream.StreamConfig // is there already
		want    error
		says    string // what to change
	}{
		"an account that demands max_bytes": {limits: &wantsBytes, want: ErrRefused, says: "let the account have streams without max_bytes"},
		"an account of two streams":         {limits: &fewStreams, want: ErrRefused, says: "raise the account's limit on streams"},
		"subjects that overlap": {before: &jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"presence.>"}},
			want: ErrRefused, says: "give Rollcall an account of its own"},
		"replicas beyond the servers": {cfg: Config{Replicas: 3}, want: ErrReplicas, says: "fewer --replicas"},
		"a small max_payload":         {options: server.Options{MaxPayload: 4096}, want: ErrRefused, says: "max_payload"},
	} {
		t.Run(name, func(t *testing.T) {
			nc := serve(t, c.options, c.limits)
			if c.before != nil {
				js, err := jetstream.New(nc)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := js.CreateStream(t.Context(), *c.before); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Open(t.Context(), nc, c.cfg)
			if !errors.Is(err, c.want) || errors.Is(err, ErrSlow) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
}

func TestAMessageBeyondABoundIsTooLarge(t *testing.T) {
	nc := serve(t, server.Options{MaxPayload: 64 << 10}, nil)
	j, err := Open(t.Context(), nc, Config{Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.publish(t.Context(), make([]byte, 65<<10)); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("beyond max_payload: %v", err)
	}
	cfg := j.hot.CachedInfo().Config
	cfg.MaxMsgSize = 1024
	if _, err := j.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := j.publish(t.Context(), make([]byte, 2048)); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "max_msg_size") {
		t.Errorf("beyond the stream's bound: %v", err)
	}
	if _, last, err := j.Bounds(t.Context()); err != nil || last != 0 {
		t.Errorf("something was stored: %d, %v", last, err)
	}
}

func TestOneServerTakesOneReplicaAndIsAskedForIt(t *testing.T) {
	nc := serve(t, server.Options{}, nil)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, asked := range []string{"one replica", ""} { // the second time the streams are there
		n, err := Replicas(t.Context(), nc, Config{}, logger)
		if err != nil || n != 1 {
			t.Fatalf("%d, %v", n, err)
		}
		if told := strings.Contains(log.String(), "take no three replicas"); told != (asked != "") {
			t.Errorf("it was told: %t: %s", told, &log)
		}
		log.Reset()
		if _, err := Open(t.Context(), nc, Config{Replicas: n}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADomainAndAPrefixAreWhereTheLogIs(t *testing.T) {
	nc := serve(t, server.Options{JetStreamDomain: "hub"}, nil)
	for name, c := range map[string]struct {
		cfg  Config
		here bool
	}{
		"the domain":         {Config{Domain: "hub"}, true},
		"its prefix":         {Config{APIPrefix: "$JS.hub.API"}, true},
		"another domain":     {Config{Domain: "leaf"}, false},
		"a prefix of others": {Config{APIPrefix: "$JS.leaf.API"}, false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := Open(ctx, nc, c.cfg)
		cancel()
		if c.here && err != nil || !c.here && !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConcernsSayWhatIsProbablyNotMeant(t *testing.T) {
	hot := Config{}.withDefaults().hotStream()
	for name, c := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   Wanted
		says   []string // one for each concern
	}{
		"as it is made":  {change: func(*jetstream.StreamConfig) {}, want: Wanted{Replicas: 1}},
		"whatever it is": {change: func(c *jetstream.StreamConfig) { c.Replicas = 3 }},
		"one replica": {change: func(*jetstream.StreamConfig) {}, want: Wanted{Replicas: 3},
			says: []string{"has one replica, not 3: `nats stream edit PRESENCE --replicas 3`"}},
		"bounds": {change: func(c *jetstream.StreamConfig) { c.MaxBytes, c.MaxMsgs = 1<<30, 1000 },
			says: []string{"may have 1073741824 bytes and refuses new events there", "--max-msgs=-1"}},
		"a bound that loses": {change: func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 1<<30, jetstream.DiscardOld },
			says: []string{"loses its oldest events there"}},
	} {
		have := hot
		c.change(&have)
		said := Concerns(&jetstream.StreamInfo{Config: have}, c.want)
		if len(said) != len(c.says) {
			t.Errorf("%s: %q", name, said)
			continue
		}
		for i := range said {
			if !strings.Contains(said[i], c.says[i]) {
				t.Errorf("%s: %q, want %q", name, said[i], c.says[i])
			}
		}
	}
}

func TestDifferencesSayWhatAndHow(t *testing.T) {
	hot := Config{}.withDefaults().hotStream()
	for _, made := range []jetstream.StreamConfig{hot, Config{}.withDefaults().archiveStream(), Config{}.withDefaults().leaseStream()} {
		if said := Differences(made, made); len(said) > 0 {
			t.Errorf("%s from itself: %q", made.Name, said)
		}
	}
	for name, c := range map[string]struct {
		change func(*jetstream.StreamConfig)
		says   string
	}{
		"memory":        {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "storage is Memory and must be File: it cannot be changed"},
		"work queue":    {func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }, "retention is WorkQueue and must be Limits"},
		"an age":        {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "`nats stream edit PRESENCE --max-age=0`"},
		"loses the old": {func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, "`nats stream edit PRESENCE --discard=new`"},
		"subjects":      {func(c *jetstream.StreamConfig) { c.Subjects = []string{"x"} }, "--subjects 'x' --subjects 'presence.log'"},
		"async":         {func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode }, "persist mode"},
	} {
		have := hot
		c.change(&have)
		if said := Differences(have, hot); len(said) != 1 || !strings.Contains(said[0], c.says) {
			t.Errorf("%s: %q, want %q", name, said, c.says)
		}
	}
}
