package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startTime bounds the start of the in-process server: it reads its store.
const startTime = 2 * time.Minute

// natsServer is NATS within this process.
type natsServer struct {
	*server.Server
	log *natsLog
}

// startServer starts the in-process server over dir and waits until it is ready.
func startServer(c Config) (*natsServer, error) {
	interval, err := c.syncInterval()
	if err != nil {
		return nil, err
	}
	o := &server.Options{
		ServerName: "rollcall", DontListen: true, NoSigs: true, DisableJetStreamBanner: true,
		JetStream: true, StoreDir: filepath.Join(c.DataDir, "nats"),
		SyncAlways: interval == 0, SyncInterval: interval,
		NoSystemAccount: true,
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
		if o.Port == 0 {
			o.Port = server.RANDOM_PORT
		}
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded NATS server: %w", err)
	}
	n := &natsServer{Server: s, log: &natsLog{log: c.Logger}}
	s.SetLoggerV2(n.log, false, false, false)
	go s.Start()
	if !s.ReadyForConnections(startTime) || !s.JetStreamEnabled() {
		n.stop()
		return nil, fmt.Errorf("starting the embedded NATS server: %w", n.log.reason())
	}
	return n, nil
}

// connect returns a connection within the process.
func (n *natsServer) connect() (*nats.Conn, error) {
	nc, err := nats.Connect("", append(connectionOptions(n.log.log), nats.InProcessServer(n.Server))...)
	if err != nil {
		return nil, fmt.Errorf("connecting to the embedded NATS server: %w", err)
	}
	return nc, nil
}

func (n *natsServer) stop() {
	n.Shutdown()
	n.WaitForShutdown()
}

// natsLog passes the server's log on. A fatal line does not end the process:
// whoever waits for the server asks for the reason.
type natsLog struct {
	log   *slog.Logger
	mu    sync.Mutex
	fatal error
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
