package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/rollcall-dev/rollcall/cmd/rollcall/settings"
)

const defaultAddr = "127.0.0.1:8080"

// serveConfig is what the flags of serve say. It has passed their parsers; check says whether it makes sense.
type serveConfig struct {
	addr, addrFile string
	dataDir        string
	dev            bool

	jwtSecret, jwtKeyFile, jwksURL     string
	jwtIssuer, jwtAudience             string
	jwtUserClaim, adminClaim           string
	timeout, heartbeat, leaveGrace     time.Duration
	timeoutConsumer                    bool
	sync                               string // always, or a duration
	hotRetention, auditRetention       time.Duration
	acceptLoss                         bool
	checkpoint                         time.Duration
	natsURL, natsCreds                 string
	natsContext, natsTLSCA, natsListen string
	replicas                           int     // 0: one embedded, three on a cluster of three or more
	rateLimit                          float64 // writes a second; 0: no limit
	maxSessions, maxStreams            int     // of a user; 0: no limit
	corsOrigins                        []string
	metricsAddr                        string // "": at addr
	shortHeartbeats                    bool
	pprof                              bool
	idleTimeout, shutdownDelay         time.Duration
	logFormat, logLevel                string
}

// declare adds all flags of serve, for every command that needs to know what a node would run with.
func (c *serveConfig) declare(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringVar(&c.addr, "addr", defaultAddr, "address to listen at; port 0 picks a free one")
	flags.StringVar(&c.addrFile, "addr-file", "", "file that holds the bound address while the node is ready")
	flags.StringVar(&c.dataDir, "data-dir", "rollcall-data", "directory of the embedded log and the views")
	flags.BoolVar(&c.dev, "dev", false, "random secret, tokens and calls to copy; loopback only, not for production")
	c.declareTokens(flags)
	c.declarePresence(flags)
	c.declareLog(flags)
	c.declareHTTP(flags)
}

// declareTokens adds the flags that say which tokens are accepted.
func (c *serveConfig) declareTokens(flags *pflag.FlagSet) {
	flags.StringVar(&c.jwtSecret, "jwt-secret", "", "secret of HS256 tokens, at least 32 bytes")
	settings.Secret(flags, "jwt-secret")
	flags.StringVar(&c.jwtKeyFile, "jwt-key-file", "", "PEM file with the public keys of RS256, ES256 or EdDSA tokens")
	flags.StringVar(&c.jwksURL, "jwks-url", "", "URL of a JSON Web Key Set with such keys")
	flags.StringVar(&c.jwtIssuer, "jwt-issuer", "", "what a token's iss must be; not checked where empty")
	flags.StringVar(&c.jwtAudience, "jwt-audience", "", "what a token's aud must hold; not checked where empty")
	flags.StringVar(&c.jwtUserClaim, "jwt-user-claim", "sub", "claim that holds the user id; user_id for Django simplejwt")
	flags.StringVar(&c.adminClaim, "admin-claim", "role=admin", "claim, as name=value, that makes an admin besides the scope")
}

func (c *serveConfig) declarePresence(flags *pflag.FlagSet) {
	settings.Duration(flags, &c.timeout, "timeout", "120s", "silence after which a session is offline, 1s at least")
	settings.Duration(flags, &c.heartbeat, "heartbeat", "30s", "interval at which clients are told to beat")
	settings.Duration(flags, &c.leaveGrace, "leave-grace", "15s", "silence after which a session is offline whose page was closing")
	flags.BoolVar(&c.timeoutConsumer, "timeout-consumer", true,
		"write down timeouts; false where check-offline --emit does it from cron")
}

func (c *serveConfig) declareLog(flags *pflag.FlagSet) {
	c.sync = "always"
	flags.Var(&syncing{&c.sync}, "sync", "when the embedded log is on disk: always before the answer, or every so often")
	settings.Duration(flags, &c.hotRetention, "hot-retention", "6h", "how long what is archived stays in the hot stream, heartbeats with it")
	settings.Duration(flags, &c.auditRetention, "audit-retention", "8760h", "age up to which the archive keeps all events but heartbeats")
	flags.BoolVar(&c.acceptLoss, "accept-loss", false, "start although the archive is gone and the log no longer has all of it; the history begins later then")
	settings.Duration(flags, &c.checkpoint, "checkpoint", "5s", "interval at which the views are saved")
	flags.StringVar(&c.natsURL, "nats-url", "", "URL of NATS servers with JetStream, instead of the embedded one")
	flags.StringVar(&c.natsCreds, "nats-creds", "", "credentials file for them")
	flags.StringVar(&c.natsContext, "nats-context", "", "nats CLI context that says how to reach them")
	flags.StringVar(&c.natsTLSCA, "nats-tls-ca", "", "PEM file with the authorities that their certificates may be from")
	flags.IntVar(&c.replicas, "replicas", 0, "copies of the log; 0 is 1 embedded, and 3 on a cluster of 3 or more")
	flags.StringVar(&c.natsListen, "nats-listen", "", "loopback address at which NATS tools reach the embedded server; off where empty")
}

func (c *serveConfig) declareHTTP(flags *pflag.FlagSet) {
	limit := &rate{perSecond: &c.rateLimit}
	_ = limit.Set("20/s") // a rate, as every test of this package sees
	flags.Var(limit, "rate-limit", "writes that a user's token may make, and by it reads; 0 is no limit")
	flags.IntVar(&c.maxSessions, "max-sessions", 64, "live sessions of a user; one more ends the one idle for longest; 0 is no limit")
	flags.IntVar(&c.maxStreams, "max-streams", 20, "live streams that a user has open at once; 0 is no limit")
	flags.StringSliceVar(&c.corsOrigins, "cors-origin", nil, "origin, like https://app.example.com, whose pages may call; repeatable")
	settings.Duration(flags, &c.idleTimeout, "idle-timeout", "2m", "time after which a connection without requests is closed; longer than a balancer keeps its own")
	settings.Duration(flags, &c.shutdownDelay, "shutdown-delay", "0s", "time that everything is still served after SIGTERM, while /readyz says no")
	flags.StringVar(&c.metricsAddr, "metrics-addr", "", "address to serve /metrics at, and /livez and /readyz too; /metrics is at --addr where empty")
	flags.BoolVar(&c.pprof, "pprof", false, "serve profiles of the process at --metrics-addr, under /debug/pprof/")
	flags.BoolVar(&c.shortHeartbeats, "short-heartbeats", true,
		"take heartbeats off their connections before the HTTP server sees them, which is faster")
	addChoice(flags, &c.logFormat, "log-format", "", "form of log lines; auto is text on a terminal, else json", "auto", "text", "json")
	addChoice(flags, &c.logLevel, "log-level", "", "least level that is logged", "debug", "info", "warn", "error")
	c.logLevel = "info"
	flags.Lookup("log-level").DefValue = "info"
}
