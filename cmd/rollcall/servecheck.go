package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
)

// errConfig marks an error as one of the configuration.
var errConfig = errors.New("wrong configuration")

// check returns everything that keeps a node from running with c, joined, each in one sentence that says what to do;
// nil for nothing. It reads the files that c names and changes nothing.
func (c serveConfig) check() error {
	err := errors.Join(
		c.checkAddrs(),
		c.checkTokens(),
		c.checkTimes(),
		c.checkNATS(),
		c.checkOrigins(),
		c.checkDir(),
	)
	if err == nil {
		return nil
	}
	return wrongConfig{err}
}

// wrongConfig is an errConfig without a word more.
type wrongConfig struct{ error }

func (w wrongConfig) Unwrap() []error { return []error{w.error, errConfig} }

// when is an error where the condition holds.
func when(wrong bool, format string, args ...any) error {
	if !wrong {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func (c serveConfig) checkAddrs() error {
	err := checkAddr("--addr", c.addr)
	if err == nil && c.dev {
		err = when(!loopback(c.addr) && hostOf(c.addr) != "",
			"--addr %s is not loopback and --dev is for this machine only: use 127.0.0.1, or `rollcall serve` with a secret", c.addr)
	}
	var metrics, nats error
	if c.metricsAddr != "" {
		metrics = checkAddr("--metrics-addr", c.metricsAddr)
		if metrics == nil && c.dev {
			metrics = when(!loopback(c.metricsAddr), "--metrics-addr %s is not loopback and --dev is for this machine only: use 127.0.0.1", c.metricsAddr)
		}
	}
	if c.natsListen != "" {
		nats = checkAddr("--nats-listen", c.natsListen)
		if nats == nil {
			nats = when(!loopback(c.natsListen), "--nats-listen %s is not loopback: use 127.0.0.1:4222, for it asks nobody who he is", c.natsListen)
		}
	}
	profiles := when(c.pprof && c.metricsAddr == "", "--pprof needs a listener of its own: give --metrics-addr too, like 127.0.0.1:9090")
	return errors.Join(err, metrics, nats, profiles)
}

func checkAddr(flag, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	return when(err != nil, "%s %q is no address: write host and port, like %s", flag, addr, defaultAddr)
}

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr) // "" for what checkAddr refuses
	return host
}

func loopback(addr string) bool {
	host := hostOf(addr)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// checkTokens holds the flags against what the verifier itself says about them.
func (c serveConfig) checkTokens() error {
	missing := when(c.keyless() && !c.dev,
		"no token could be verified: set --jwt-secret, --jwt-key-file or --jwks-url, or --dev to try it out")
	if c.keyless() {
		c.jwtSecret = rand.Text() + rand.Text() // so that the rest is looked at as well
	}
	_, err := auth.New(c.auth())
	return errors.Join(missing, err)
}

// keyless says whether there is nothing to verify tokens with.
func (c serveConfig) keyless() bool {
	return c.jwtSecret == "" && c.jwtKeyFile == "" && c.jwksURL == ""
}

func (c serveConfig) auth() auth.Config {
	return auth.Config{
		Secret: []byte(c.jwtSecret), KeyFile: c.jwtKeyFile, JWKSURL: c.jwksURL,
		Issuer: c.jwtIssuer, Audience: c.jwtAudience,
		UserClaim: c.jwtUserClaim, AdminClaim: c.adminClaim,
	}
}

func (c serveConfig) checkTimes() error {
	return errors.Join(
		when(c.timeout < time.Second, "--timeout %s is too short: give 1s at least", c.timeout),
		when(c.heartbeat < time.Second, "--heartbeat %s is too short: give 1s at least", c.heartbeat),
		when(c.leaveGrace <= 0, "--leave-grace %s is too short: give a time, like 15s", c.leaveGrace),
		when(c.idleTimeout <= 0, "--idle-timeout %s is too short: give a time, like 2m", c.idleTimeout),
		when(c.shutdownDelay < 0, "--shutdown-delay %s is negative: give a time, or 0s for none", c.shutdownDelay),
		when(c.checkpoint <= 0, "--checkpoint %s is too short: give a time, like 5s", c.checkpoint),
		when(c.hotRetention <= c.timeout, "--hot-retention %s must be longer than --timeout %s: heartbeats are needed until then", c.hotRetention, c.timeout),
		c.checkRetention(),
	)
}

func (c serveConfig) checkRetention() error {
	return when(c.auditRetention < c.hotRetention, "--audit-retention %s must not be shorter than --hot-retention %s", c.auditRetention, c.hotRetention)
}

func (c serveConfig) checkDir() error {
	return when(c.dataDir == "", "--data-dir is empty: give the directory that the node keeps its data in")
}

// advice returns what is allowed and yet probably not meant.
func (c serveConfig) advice() (lines []string) {
	if c.heartbeat >= c.timeout && c.timeout >= time.Second {
		lines = append(lines, fmt.Sprintf(
			"--heartbeat %s is not shorter than --timeout %s, so clients that beat as told go offline in between: set --heartbeat to a quarter of it",
			c.heartbeat, c.timeout))
	}
	return lines
}

func (c serveConfig) checkNATS() error {
	external := c.natsURL != "" || c.natsContext != ""
	return errors.Join(
		when(c.natsURL != "" && c.natsContext != "", "--nats-url and --nats-context are both set: give one of them"),
		when(c.natsListen != "" && external, "--nats-listen is for the embedded server: leave it out with --nats-url or --nats-context"),
		when(c.natsCreds != "" && !external, "--nats-creds is for an external server: give its --nats-url too"),
		when(c.natsTLSCA != "" && !external, "--nats-tls-ca is for an external server: give its --nats-url too"),
		when(c.replicas < 0 || c.replicas > 5, "--replicas %d cannot be: give 1 to 5, or 0 to leave it to the node", c.replicas),
		when(c.replicas > 1 && !external, "--replicas %d needs a cluster: give its --nats-url, or leave it out", c.replicas),
		checkReadable("--nats-creds", c.natsCreds),
		checkReadable("--nats-tls-ca", c.natsTLSCA),
	)
}

func checkReadable(flag, path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return f.Close()
}

func (c serveConfig) checkOrigins() error {
	var errs []error
	for _, origin := range c.corsOrigins {
		errs = append(errs, when(!properOrigin(origin), "--cors-origin %q is no origin: write it like https://app.example.com, without a path", origin))
	}
	return errors.Join(errs...)
}

// properOrigin says whether a browser, or an application made of web pages, could
// send origin: capacitor://localhost, app://. or chrome-extension://id are some.
// Only pages that come over HTTP are sure to have a host.
func properOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || origin != u.Scheme+"://"+u.Host {
		return false
	}
	return u.Host != "" || u.Scheme != "http" && u.Scheme != "https"
}
