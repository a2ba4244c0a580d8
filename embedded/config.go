// Package embedded is the whole service as a Go library, and the single-node
// mode: unless it is given the address of a NATS system, a Node runs NATS
// within its own process, with nothing listening but its HTTP address.
//
//	config.go      what a node can be told
//	node.go        New, Run, Handler, Addr; in which order parts start and stop
//	natsserver.go  the in-process server
//	streamfiles.go what its files need so that a cut does not hide a stream
//	crowd.go       how many connections there are
//	shortway.go    heartbeats at Addr, before net/http
//	room.go        what is done when its disk is full, or a write of it failed otherwise
//	doors.go       listening and answering, from the first moment to the last
//	progress.go    what a node that is not ready yet says
//	rights.go      a store that this process may not use
//	connect.go     reaching a NATS system of the operator's
//	lock.go        one process a store
//	checks.go      what /readyz asks
//
// This is the one place where the parts are put together, and the only one that
// links the NATS server.
package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// ErrConfig means that the configuration cannot work. The text says what to set.
var ErrConfig = errors.New("wrong configuration")

// Config says how a node works. Of the tokens one of JWTSecret, JWTKeyFile and
// JWKSURL is needed; every other field has a default.
type Config struct {
	Addr    string // to listen at, port 0 picks one; "": no listener, mount Handler
	DataDir string // the embedded store and the views; "": rollcall-data

	JWTSecret    []byte // HS256, at least 32 bytes
	JWTKeyFile   string // PEM, for RS256, ES256, EdDSA
	JWKSURL      string
	JWTIssuer    string // "": not checked
	JWTAudience  string // "": not checked
	JWTUserClaim string // "": sub
	AdminClaim   string // "": role=admin

	Timeout    time.Duration // 0: 120 s; at least 1 s
	Heartbeat  time.Duration // what clients are told; 0: 30 s
	LeaveGrace time.Duration // 0: 15 s

	Sync           string        // "always" or a duration; "": always
	AcceptLoss     bool          // go on where the archive is gone and cannot be filled again
	HotRetention   time.Duration // 0: 6 h
	AuditRetention time.Duration // 0: 8760 h
	Checkpoint     time.Duration // 0: 5 s

	NATSURL     string // an external system; "": the embedded server
	NATSCreds   string // credentials file
	NATSContext string // a context of the nats CLI: likewise an external system
	NATSTLSCA   string // PEM file
	NATSListen  string // a loopback address for NATS tools, at the embedded server; "": nothing listens
	Replicas    int    // 0: 1 embedded, 3 on a cluster of 3 or more

	RateLimit       float64 // writes a second per user token, and five times as many reads; 0: no limit
	MaxSessions     int     // live sessions of a user: where one more begins, the longest idle one ends; 0: 64, less: any number
	MaxStreams      int     // live streams that a user has open; 0: 20, less: any number
	CORSOrigins     []string
	MetricsAddr     string       // of a listener of their own for /livez, /readyz and /metrics, the last of which leaves Addr then; "": none
	Debug           http.Handler // what is under /debug/ at MetricsAddr; nil: nothing
	TimeoutsOff     bool         // write no timeouts: somebody else does
	Logger          *slog.Logger
	Version         string
	IdleTimeout     time.Duration // how long a connection may be idle between requests; 0: 2 min
	ShutdownDelay   time.Duration // how long everything is still served at the end, while /readyz says that the node is going; 0: not at all
	ShutdownTimeout time.Duration // for requests under way after that; 0: 10 s

	// ShortHeartbeatsOff leaves the heartbeats at Addr to net/http, as those at
	// Handler are.
	ShortHeartbeatsOff bool
}

func (c Config) withDefaults() Config {
	orDuration := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	if c.DataDir == "" {
		c.DataDir = "rollcall-data"
	}
	if c.Sync == "" {
		c.Sync = syncAlways
	}
	orDuration(&c.Timeout, 120*time.Second)
	orDuration(&c.Heartbeat, 30*time.Second)
	orDuration(&c.LeaveGrace, 15*time.Second)
	orDuration(&c.HotRetention, 6*time.Hour)
	orDuration(&c.AuditRetention, 8760*time.Hour)
	orDuration(&c.Checkpoint, 5*time.Second)
	orDuration(&c.IdleTimeout, 2*time.Minute)
	orDuration(&c.ShutdownTimeout, 10*time.Second)
	if c.MaxSessions == 0 {
		c.MaxSessions = 64
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

const syncAlways = "always"

// external reports whether the log is on somebody else's NATS system.
func (c Config) external() bool { return c.NATSURL != "" || c.NATSContext != "" }

// syncInterval is the fsync interval, 0 for always.
func (c Config) syncInterval() (time.Duration, error) {
	if c.Sync == syncAlways {
		return 0, nil
	}
	d, err := time.ParseDuration(c.Sync)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%w: sync is always or a duration like 1s, not %q", ErrConfig, c.Sync)
	}
	return d, nil
}

// check returns every problem at once.
func (c Config) check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...))
	}
	if c.Timeout < time.Second {
		bad("the timeout must be 1s at least, not %s", c.Timeout)
	}
	if c.Debug != nil && c.MetricsAddr == "" {
		bad("what is under /debug/ needs a listener of its own: give the metrics address too")
	}
	if c.ShutdownDelay < 0 || c.IdleTimeout < 0 {
		bad("the shutdown delay (%s) and the idle timeout (%s) must not be negative", c.ShutdownDelay, c.IdleTimeout)
	}
	if c.NATSURL != "" && c.NATSContext != "" {
		bad("give the NATS URL or the NATS context, not both")
	}
	if c.external() && c.NATSListen != "" {
		bad("nats-listen is for the embedded server; there is none with an external NATS system")
	}
	if c.NATSListen != "" && !loopback(c.NATSListen) {
		bad("nats-listen must be a loopback address like 127.0.0.1:4222, not %s: the embedded server knows no passwords", c.NATSListen)
	}
	if c.AuditRetention < c.HotRetention {
		bad("the audit retention (%s) must not be shorter than the hot retention (%s)", c.AuditRetention, c.HotRetention)
	}
	if _, err := c.syncInterval(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
