package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startTime bounds the start of the in-process server: it reads its store.
const startTime = 2 * time.Minute

// natsServer is NATS within this process. It can be restarted under its
// connections, which come back by themselves.
type natsServer struct {
	cfg  Config
	log  *natsLog
	port int // that it listens at, once it has been given one; 0: none

	mu      sync.Mutex
	running *server.Server // nil while none does
}

// errNoServer: the server is being restarted, or has not come up again.
var errNoServer = errors.New("the embedded NATS server is not running")

// startServer starts the in-process server over dir and waits until it is ready.
func startServer(c Config) (*natsServer, error) {
	n := &natsServer{cfg: c, log: &natsLog{log: c.Logger}}
	if err := n.start(); err != nil {
		return nil, err
	}
	return n, nil
}

// storeDir is where the server keeps its streams.
func (c Config) storeDir() string { return filepath.Join(c.DataDir, "nats") }

// noBound is more than any disk holds.
const noBound = 1 << 60

// options are made anew for each start: the server fills in its own.
func (n *natsServer) options() (*server.Options, error) {
	c := n.cfg
	interval, err := c.syncInterval()
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		ServerName: "rollcall", DontListen: true, NoSigs: true, DisableJetStreamBanner: true,
		JetStream: true, StoreDir: c.storeDir(),
		SyncAlways: interval == 0, SyncInterval: interval,
		NoSystemAccount: true,
	}
	if _, ok := freeSpace(filepath.Dir(c.storeDir())); ok {
		// The server's own bound is set once, at its start, by what is free then;
		// room looks at what is free now.
		o.JetStreamMaxStore = noBound
	}
	if c.NATSListen != "" {
		host, port, err := net.SplitHostPort(c.NATSListen)
		if err != nil {
			return nil, fmt.Errorf("%w: nats-listen: %w", ErrConfig, err)
		}
		o.DontListen, o.Host = false, host
		if o.Port, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("%w: nats-listen: port %q", ErrConfig, port)
		}
		switch {
		case n.port != 0:
			o.Port = n.port
		case o.Port == 0:
			o.Port = server.RANDOM_PORT
		}
	}
	return o, nil
}

// start starts a server and waits until it is ready. After an error none is running.
func (n *natsServer) start() error {
	o, err := n.options()
	if err != nil {
		return err
	}
	s, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("starting the embedded NATS server: %w", err)
	}
	n.log.forget()
	s.SetLoggerV2(n.log, false, false, false)
	go s.Start()
	if !n.awaitReady(s) || !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return fmt.Errorf("starting the embedded NATS server: %w", n.log.reason())
	}
	if a, ok := s.Addr().(*net.TCPAddr); ok {
		n.port = a.Port
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running = s
	return nil
}

// awaitReady waits until s is ready, and reports false where it does not get so:
// in time, or at all, which it says in its log only.
func (n *natsServer) awaitReady(s *server.Server) bool {
	for late := time.Now().Add(startTime); time.Now().Before(late); {
		if s.ReadyForConnections(100 * time.Millisecond) {
			return true
		}
		if n.log.died() {
			return false
		}
	}
	return false
}

// restart stops the server and starts it over the same store. After an error
// none is running; it can be called again. It is not for several callers at once.
func (n *natsServer) restart() error {
	n.stop()
	return n.start()
}

// now returns the server that runs, nil if none does.
func (n *natsServer) now() *server.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.running
}

// InProcessConn is for the client library: a connection to the server that runs.
func (n *natsServer) InProcessConn() (net.Conn, error) {
	if s := n.now(); s != nil {
		return s.InProcessConn()
	}
	return nil, errNoServer
}

// connect returns a connection within the process.
func (n *natsServer) connect(name string) (*nats.Conn, error) {
	nc, err := nats.Connect("", append(connectionOptions(name, n.log.log), nats.InProcessServer(n))...)
	if err != nil {
		return nil, fmt.Errorf("connecting to the embedded NATS server: %w", err)
	}
	return nc, nil
}

// errBadStore: a write failed in a way that does not pass by itself.
var errBadStore = errors.New("the store reports an error: check the disk, then restart the node")

// health asks the server, which notices a failed write and then takes no other
// until it is started again. Errors are errNoServer, a passing, and errBadStore.
func (n *natsServer) health() error {
	s := n.now()
	if s == nil {
		return errNoServer
	}
	if h := s.Healthz(&server.HealthzOptions{}); h.StatusCode != http.StatusOK {
		return storeError(h.Error)
	}
	return nil
}

// stop stops the server, if one runs.
func (n *natsServer) stop() {
	n.mu.Lock()
	s := n.running
	n.running = nil
	n.mu.Unlock()
	if s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// natsLog passes the server's log on. A fatal line does not end the process:
// whoever waits for the server asks for the reason.
type natsLog struct {
	log   *slog.Logger
	mu    sync.Mutex
	fatal error
}

// forget is for a new start.
func (l *natsLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = nil
}

// died reports whether there was a fatal line.
func (l *natsLog) died() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal != nil
}

func (l *natsLog) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal != nil {
		return l.fatal
	}
	return errors.New("it did not get ready in time")
}

func (l *natsLog) line(format string, args []any) string {
	return "nats: " + fmt.Sprintf(format, args...)
}

// Noticef is for what only matters when something is wrong.
func (l *natsLog) Noticef(format string, args ...any) { l.log.Debug(l.line(format, args)) }

// Warnf passes a warning on.
func (l *natsLog) Warnf(format string, args ...any) { l.log.Warn(l.line(format, args)) }

// Errorf passes an error on.
func (l *natsLog) Errorf(format string, args ...any) { l.log.Error(l.line(format, args)) }

// Fatalf keeps the reason for which the server did not start.
func (l *natsLog) Fatalf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = errors.New(l.line(format, args))
	l.log.Error(l.fatal.Error())
}

// Debugf is off.
func (l *natsLog) Debugf(string, ...any) {}

// Tracef is off.
func (l *natsLog) Tracef(string, ...any) {}
