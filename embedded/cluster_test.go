package embedded_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
)

// serverEnv makes this test binary a NATS server of a cluster, as its value
// says. It is a process of its own so that it can be killed: a server that shuts
// down hands over what it leads and tells its clients first, which is the easy case.
const serverEnv = "ROLLCALL_TEST_NATS_SERVER"

// serverConfig is one server of a cluster, and the value of serverEnv.
type serverConfig struct {
	Name, Store     string
	Port, RoutePort int
	Routes          []string
}

// runServer is the server's main. It ends with whoever started it.
func runServer(value string) int {
	var c serverConfig
	if err := json.Unmarshal([]byte(value), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	s, err := server.NewServer(&server.Options{ServerName: c.Name, Host: "127.0.0.1", Port: c.Port,
		Cluster: server.ClusterOpts{Name: "rollcall", Host: "127.0.0.1", Port: c.RoutePort, NoAdvertise: true},
		Routes:  server.RoutesFromStr(strings.Join(c.Routes, ",")), JetStream: true, StoreDir: c.Store,
		NoSigs: true, NoLog: true, DisableJetStreamBanner: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	go s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		fmt.Fprintln(os.Stderr, c.Name, "did not get ready")
		return 1
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// cluster is three NATS servers with JetStream, and somebody who asks them.
type cluster struct {
	t       testing.TB
	servers map[string]serverConfig
	running map[string]*exec.Cmd
	url     string // of all three
	js      jetstream.JetStream
}

// startCluster starts three servers over loopback and waits until a stream of
// three replicas can be made there. They are killed when the test ends.
func startCluster(t testing.TB) *cluster {
	t.Helper()
	if os.Getenv(serverEnv) != "" {
		t.Fatal("TestMain does not know that this process is a server: no servers of servers")
	}
	c := &cluster{t: t, servers: map[string]serverConfig{}, running: map[string]*exec.Cmd{}}
	ports := freePorts(t, 6)
	var routes, urls []string
	for _, port := range ports[3:] {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	for i := range 3 {
		name := fmt.Sprintf("nats-%d", i+1)
		c.servers[name] = serverConfig{Name: name, Store: t.TempDir(), Port: ports[i], RoutePort: ports[3+i], Routes: routes}
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
	}
	c.url = strings.Join(urls, ",")
	t.Cleanup(func() {
		for name := range c.running {
			c.kill(name)
		}
	})
	for name := range c.servers {
		c.start(name)
	}
	nc, err := nats.Connect(c.url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if c.js, err = jetstream.New(nc, jetstream.WithDefaultTimeout(time.Second)); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "the cluster to have a leader that knows three servers", func() bool {
		_, err := c.js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "READY", Replicas: 3, Storage: jetstream.MemoryStorage})
		return err == nil
	})
	if err := c.js.DeleteStream(t.Context(), "READY"); err != nil {
		t.Fatal(err)
	}
	return c
}

// freePorts are below those that the system gives out by itself, so that no
// connection of somebody else's has one while its server is down.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000)))
		if err != nil {
			continue
		}
		defer l.Close() // all are held until the last one is found
		if ports = append(ports, l.Addr().(*net.TCPAddr).Port); len(ports) == n {
			return ports
		}
	}
	t.Fatal("no free ports")
	return nil
}

// start starts a server over its store and waits until it takes connections.
func (c *cluster) start(name string) {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	value, err := json.Marshal(c.servers[name])
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), serverEnv+"="+string(value))
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		c.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.running[name] = cmd
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		c.t.Fatalf("%s said nothing: %v", name, err)
	}
}

// kill ends a server with no chance to say anything.
func (c *cluster) kill(name string) {
	cmd := c.running[name]
	delete(c.running, name)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// info asks about a stream, nil while nobody answers.
func (c *cluster) info(stream string) *jetstream.StreamInfo {
	s, err := c.js.Stream(c.t.Context(), stream)
	if err != nil {
		return nil
	}
	return s.CachedInfo()
}

// leader waits until a stream has one.
func (c *cluster) leader(stream string) (name string) {
	c.t.Helper()
	within(c.t, 30*time.Second, "a leader of "+stream, func() bool {
		if i := c.info(stream); i != nil && i.Cluster != nil {
			name = i.Cluster.Leader
		}
		return name != ""
	})
	return name
}

// whole waits until all replicas of a stream have all of it.
func (c *cluster) whole(stream string) {
	c.t.Helper()
	within(c.t, time.Minute, "all replicas of "+stream, func() bool {
		i := c.info(stream)
		if i == nil || i.Cluster == nil || i.Cluster.Leader == "" || len(i.Cluster.Replicas) != 2 {
			return false
		}
		for _, r := range i.Cluster.Replicas {
			if !r.Current || r.Offline {
				return false
			}
		}
		return true
	})
}

// nodes starts n nodes on the cluster and returns them with their directories.
func (c *cluster) nodes(n int, timeout time.Duration) (nodes []*node, dirs []string) {
	c.t.Helper()
	for range n {
		dirs = append(dirs, c.t.TempDir())
		nodes = append(nodes, run(c.t, embedded.Config{DataDir: dirs[len(dirs)-1], NATSURL: c.url, Timeout: timeout}))
	}
	return nodes, dirs
}

// within waits for cond, which is called again and again, for at most d.
func within(t testing.TB, d time.Duration, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v for %s", d, what)
		}
	}
}

func TestNodesOnAClusterShareOneLog(t *testing.T) {
	c := startCluster(t)
	nodes, dirs := c.nodes(3, 0)
	for _, stream := range []string{events.StreamHot, events.StreamArchive, events.StreamLease} {
		if i := c.info(stream); i == nil || i.Config.Replicas != 3 {
			t.Errorf("stream %s has not three replicas: %+v", stream, i)
		}
	}
	reader := token(t, auth.MintClaims{User: "reader", Scope: "presence:read"})
	for i := range 60 {
		user := fmt.Sprintf("user-%02d", i)
		own := token(t, auth.MintClaims{User: user})
		want, path := "online", "/v1/login"
		for range 2 {
			code, h := nodes[i%3].call(own, "POST", path, "", nil)
			if code != 200 {
				t.Fatalf("%s: %d", path, code)
			}
			for at, n := range nodes {
				var p presence
				if code, _ := n.call(reader, "GET", "/v1/users/"+user+"?min_seq="+h.Get("Rollcall-Seq"), "", &p); code != 200 || p.Status != want {
					t.Fatalf("node %d: %d %+v, want %s", at, code, p, want)
				}
			}
			want, path = "offline", "/v1/logout"
		}
	}
	for _, n := range nodes {
		n.stop()
	}
	c.agree(dirs, nil)
}

// TestReplicasAreAskedOfTheCluster knows one address, as of a balancer, before
// three servers that do not name each other.
func TestReplicasAreAskedOfTheCluster(t *testing.T) {
	c := startCluster(t)
	one, _, _ := strings.Cut(c.url, ",")
	n := run(t, embedded.Config{DataDir: t.TempDir(), NATSURL: one})
	for _, stream := range []string{events.StreamHot, events.StreamArchive, events.StreamLease} {
		if i := c.info(stream); i == nil || i.Config.Replicas != 3 {
			t.Errorf("%s: %+v", stream, i)
		}
	}
	if code, text := n.readyz(); code != 200 || !strings.Contains(text, "[+]streams ok replicas: 3\n") {
		t.Errorf("%d %s", code, text)
	}
}

// TestFewReplicasAreSaid finds a log with one replica on three servers.
func TestFewReplicasAreSaid(t *testing.T) {
	c := startCluster(t)
	n := run(t, embedded.Config{DataDir: t.TempDir(), NATSURL: c.url, Replicas: 1})
	if code, text := n.readyz(); code != 200 || !strings.Contains(text, "[+]streams ok replicas: 1\n") {
		t.Errorf("asked for one: %d %s", code, text)
	}
	n.stop()
	for _, replicas := range []int{0, 3} {
		n := run(t, embedded.Config{DataDir: t.TempDir(), NATSURL: c.url, Replicas: replicas})
		if code, text := n.readyz(); code != 200 || !strings.Contains(text, "[+]streams ok stream PRESENCE has one replica, not 3: `nats stream edit PRESENCE --replicas 3`") {
			t.Errorf("asked for %d: %d %s", replicas, code, text)
		}
		n.stop()
	}
}
