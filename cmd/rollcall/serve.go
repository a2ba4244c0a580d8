package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof" // its own listener, where it is asked for; nobody serves the default mux
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/embedded"
)

// stopTime bounds how long a node may take to stop once it is asked to, after --shutdown-delay.
const stopTime = 30 * time.Second

func newServeCommand(p *program) *cobra.Command {
	var c serveConfig
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a node",
		Long: `Runs a node until Ctrl-C or SIGTERM; a second one ends it at once. Alone it keeps its log in --data-dir; with --nats-url
or --nats-context the log is on NATS servers of yours, and any number of nodes may share it.`,
		Example: `  rollcall serve --dev
  ROLLCALL_JWT_SECRET_FILE=/run/secrets/jwt rollcall serve --addr 127.0.0.1:8080 --data-dir /var/lib/rollcall
  rollcall serve --config /etc/rollcall.yaml
  rollcall serve --jwks-url https://login.example.com/keys --nats-url nats://nats-1,nats://nats-2,nats://nats-3`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd.Context(), p) },
	}
	c.declare(cmd.Flags())
	completeWith(cmd, "log-format", "auto", "text", "json")
	completeWith(cmd, "log-level", "debug", "info", "warn", "error")
	completeWith(cmd, "sync", "always", "1s")
	return cmd
}

// serve runs a node until ctx ends.
func (c serveConfig) serve(ctx context.Context, p *program) error {
	if err := c.check(); err != nil {
		return err
	}
	c.complete()
	file := addrFile(c.addrFile)
	if err := file.clear(); err != nil {
		return err
	}
	log := newLogger(p.stderr, c.logFormat, c.logLevel)
	for _, line := range append(p.strangers(), c.advice()...) {
		log.WarnContext(ctx, line)
	}
	n, err := embedded.New(c.toEmbedded(log))
	if err != nil {
		return err
	}
	err = attend(ctx, n, c.shutdownDelay+stopTime, func(addr string) error {
		ready := []any{"addr", addr, "version", buildVersion().Version}
		if at := n.MetricsAddr(); at != "" {
			ready = append(ready, "metrics_addr", at)
		}
		log.InfoContext(ctx, "ready", ready...)
		return c.announce(ctx, p, addr)
	})
	return errors.Join(c.explain(err), file.remove())
}

// explain adds what to do to the errors that are met most.
func (c serveConfig) explain(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: stop the program that has it, or give another --addr", err)
	}
	return err
}

// toEmbedded is the one place where flags become the configuration of a node.
func (c serveConfig) toEmbedded(log *slog.Logger) embedded.Config {
	return embedded.Config{
		Addr: c.addr, DataDir: c.dataDir,
		JWTSecret: []byte(c.jwtSecret), JWTKeyFile: c.jwtKeyFile, JWKSURL: c.jwksURL,
		JWTIssuer: c.jwtIssuer, JWTAudience: c.jwtAudience, JWTUserClaim: c.jwtUserClaim, AdminClaim: c.adminClaim,
		Timeout: c.timeout, Heartbeat: c.heartbeat, LeaveGrace: c.leaveGrace, TimeoutsOff: !c.timeoutConsumer,
		Sync: c.sync, HotRetention: c.hotRetention, AuditRetention: c.auditRetention, AcceptLoss: c.acceptLoss, Checkpoint: c.checkpoint,
		NATSURL: c.natsURL, NATSCreds: c.natsCreds, NATSContext: c.natsContext, NATSTLSCA: c.natsTLSCA,
		NATSListen: c.natsListen, Replicas: c.replicas,
		RateLimit: c.rateLimit, MaxSessions: orNone(c.maxSessions), MaxStreams: orNone(c.maxStreams), CORSOrigins: c.corsOrigins, MetricsAddr: c.metricsAddr, Debug: c.profiles(),
		IdleTimeout: c.idleTimeout, ShutdownDelay: c.shutdownDelay, ShortHeartbeatsOff: !c.shortHeartbeats,
		Logger: log, Version: buildVersion().Version,
	}
}

// orNone makes of a limit where 0 is none one where less than 0 is.
func orNone(limit int) int {
	if limit == 0 {
		return -1
	}
	return limit
}

// complete fills in what follows from the rest.
func (c *serveConfig) complete() {
	if !c.dev {
		return
	}
	if c.jwtSecret == "" {
		c.jwtSecret = rand.Text() + rand.Text() // 260 bits
	}
	if host, port, err := net.SplitHostPort(c.addr); err == nil && host == "" {
		c.addr = net.JoinHostPort("127.0.0.1", port) // "every address" is too many for --dev
	}
}

// profiles are what --pprof serves, nil where it is off.
func (c serveConfig) profiles() http.Handler {
	if !c.pprof {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// attend runs n until ctx ends, calls ready with its address once it is ready, and sees to it that it stops within most.
func attend(ctx context.Context, n *embedded.Node, most time.Duration, ready func(addr string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return awaitStop(ended, most)
	case <-n.Ready():
	}
	if err := ready(n.Addr()); err != nil {
		cancel()
		return errors.Join(err, awaitStop(ended, most))
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return awaitStop(ended, most)
	}
}

func awaitStop(ended <-chan error, most time.Duration) error {
	late := time.NewTimer(most)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return fmt.Errorf("the node did not stop within %s; the log recovers by itself at the next start", most)
	}
}

// announce tells scripts and people where the node is.
func (c serveConfig) announce(ctx context.Context, p *program, addr string) error {
	if c.dev {
		if err := c.welcome(ctx, p.stdout, addr); err != nil {
			return err
		}
	}
	return addrFile(c.addrFile).write(addr)
}
