package embedded_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

func claimsOf(user string) auth.MintClaims { return auth.MintClaims{User: user} }

// listenNATS starts a NATS server that listens, and returns its address.
func listenNATS(t *testing.T, o server.Options) (addr string) {
	t.Helper()
	o.Host, o.Port, o.NoSigs, o.NoLog, o.JetStream, o.StoreDir = "127.0.0.1", server.RANDOM_PORT, true, true, true, t.TempDir()
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server did not get ready")
	}
	return s.Addr().String()
}

// way leads to a NATS server and can fall silent, as a network does that is cut:
// nothing is closed, and what is sent goes nowhere.
type way struct {
	listener net.Listener

	mu    sync.Mutex // guards the rest
	conns []net.Conn
	mute  [2]bool // from the client, from the server
}

func openWay(t *testing.T, to string) *way {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &way{listener: l}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, client, upstream)
			w.mu.Unlock()
			running.Go(func() { w.carry(0, client, upstream) })
			running.Go(func() { w.carry(1, upstream, client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.mu.Lock()
		for _, c := range w.conns {
			c.Close()
		}
		w.mu.Unlock()
		running.Wait()
	})
	return w
}

func (w *way) url() string { return "nats://" + w.listener.Addr().String() }

// carry takes bytes in one direction, or lets them go nowhere. A silent way
// closes nothing, whatever its ends do.
func (w *way) carry(direction int, from io.Reader, to io.WriteCloser) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.mu.Lock()
		mute := w.mute[direction]
		w.mu.Unlock()
		if err != nil {
			if !mute {
				to.Close()
			}
			return
		}
		if !mute {
			_, _ = to.Write(buf[:n])
		}
	}
}

func (w *way) used() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns) > 0
}

func (w *way) silence(directions [2]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mute = directions
}

// TestANodeLeavesAServerThatHasGoneSilent takes from a node the server that it
// is connected to, without a word, while there is another way to the log.
func TestANodeLeavesAServerThatHasGoneSilent(t *testing.T) {
	for name, directions := range map[string][2]bool{
		"a cut":                        {true, true},
		"a server that hears no pings": {true, false},
		"a server that is not heard":   {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := listenNATS(t, server.Options{})
			ways := []*way{openWay(t, addr), openWay(t, addr)}
			n := run(t, embedded.Config{DataDir: t.TempDir(), NATSURL: ways[0].url() + "," + ways[1].url()})
			alice := token(t, claimsOf("alice"))
			n.online(alice)
			taken := ways[0]
			if !taken.used() {
				taken = ways[1]
			}
			taken.silence(directions)
			within(t, time.Minute, "writes to be taken on the other way", func() bool {
				code, _ := n.call(alice, "POST", "/v1/heartbeat", "", nil)
				return code < 300
			})
			taken.silence([2]bool{}) // so that what hangs there ends
		})
	}
}

// TestAContextSaysWhereJetStreamIs gives the domain in a context of the nats
// CLI, and one that there is not.
func TestAContextSaysWhereJetStreamIs(t *testing.T) {
	addr := listenNATS(t, server.Options{JetStreamDomain: "hub"})
	for _, c := range []struct {
		key, value string
		there      bool
	}{
		{"jetstream_domain", "hub", true},
		{"jetstream_domain", "leaf", false},
		{"jetstream_api_prefix", "$JS.hub.API", true},
		{"jetstream_api_prefix", "$JS.leaf.API", false},
	} {
		path := filepath.Join(t.TempDir(), "context.json")
		text, err := json.Marshal(map[string]string{"url": "nats://" + addr, c.key: c.value})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if c.there {
			n := run(t, embedded.Config{DataDir: t.TempDir(), NATSContext: path})
			n.stop()
			continue
		}
		n, err := embedded.New(embedded.Config{DataDir: t.TempDir(), NATSContext: path, Addr: "127.0.0.1:0", JWTSecret: secret})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Run(t.Context()); !errors.Is(err, journal.ErrUnavailable) {
			t.Errorf("%s %s: %v", c.key, c.value, err)
		}
	}
}

func TestTheLeaseSaysWhoHasIt(t *testing.T) {
	addr := listenNATS(t, server.Options{})
	n := run(t, embedded.Config{DataDir: t.TempDir(), NATSURL: "nats://" + addr})
	nc, err := nats.Connect("nats://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(n.url, "http://"), ":")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	var who string
	within(t, 30*time.Second, "the lease to be taken", func() bool {
		s, err := js.Stream(t.Context(), events.StreamLease)
		if err != nil {
			return false
		}
		m, err := s.GetLastMsgForSubject(t.Context(), events.LeaseTimeouts)
		if err == nil {
			who = string(m.Data)
		}
		return err == nil
	})
	if want := `{"node":"` + net.JoinHostPort(host, port) + `"}`; who != want {
		t.Errorf("it says %q, want %q", who, want)
	}
}
