// Package api is the service on the wire. A request goes one way: routed, identified, admitted, decoded, done, and
// answered; what goes wrong anywhere on it becomes a problem in one place.
//
//	routes.go     every call, with who may make it and what it can fail with
//	serve.go      the way of a request, from the route (router.go) to the endpoint (endpoint.go) and its answer.go
//	identity.go   who asks, and what he may
//	decode.go     strict JSON; body.go, query.go, path.go, keys.go, accept.go: the rest of what comes in
//	limit.go      how often a user may write, and how much they may read
//	places.go     who may do what takes long; pace.go, deadline.go: refusals without end, and answers that nobody reads
//	crowded.go    how many sessions a user has
//	problem.go    which error becomes which problem; codes.go: the problems there are
//	ingest.go     login, heartbeat, logout
//	shortbeats.go heartbeats that come the short way, without net/http (shortway/)
//	events.go     events for any user: one, a stream of lines, a protobuf batch (intake.go carries the streams)
//	override.go   an admin's status over the observed one
//	users.go      who is online; queryusers.go: of users by their ids; presence.go: how that looks on the wire
//	history.go    what has been: one user's intervals; moment.go: everybody at T; concurrency.go: how many
//	audit.go      the events themselves (logged.go: how they look on the wire)
//	overdue.go, operate.go, erase.go: what an admin makes a node do
//	lines.go      answers that come line by line; csv.go: those for spreadsheets
//	legacy.go     the paths of the system that this one replaces
//	session.go    a token in a cookie, for the pages
//	openapi.go    the contract, generated from the routes; docspage/ shows it
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections/current"
	"github.com/rollcall-dev/rollcall/projections/history"
	"github.com/rollcall-dev/rollcall/projections/live"
)

// Log takes events; a *journal.Journal is one.
type Log interface {
	Beat(ctx context.Context, b events.Beat) (seq uint64, err error)
	Append(ctx context.Context, e events.Event, key events.Key) (events.Place, error)
	SubmitAll(items []journal.Item) (*journal.Receipt, error)
	SubmitBeats(beats []events.Beat) (*journal.Receipt, error)
	Message(ctx context.Context, seq uint64) (journal.Message, error)
	LastErasure(ctx context.Context) (seq uint64, err error)
	Audit(ctx context.Context, q journal.AuditQuery, fn func([]journal.Record) error) error
	Erase(ctx context.Context, user, actor string) (at events.Place, erased int, err error)
}

// View knows who is online; a *current.View is one.
type View interface {
	Seq() uint64
	WaitFor(ctx context.Context, seq uint64) error
	User(id string) (u events.User, known bool, err error)
	Users(ids []string) ([]events.User, error)
	List(q current.Query) (current.Page, error)
	// Begins reports whether a sign of life of this session would begin it, and how
	// many live ones the user has.
	Begins(user, session string) (begins bool, live int)
	Stats() current.Stats
	// Claimed returns which entry has claimed an idempotency key, as far as the
	// view has got.
	Claimed(key [16]byte) (events.Claim, bool)
}

// Verifier turns a request's credentials into a principal; an *auth.Verifier is one.
type Verifier interface {
	FromRequest(r *http.Request) (*auth.Principal, error)
	VerifyBytes(ctx context.Context, token []byte) (*auth.Principal, error)
	CacheStats() auth.CacheStats
	Ready() error
}

// Config says what the API serves and how. Log, View and Auth are needed.
type Config struct {
	Log  Log
	View View
	Auth Verifier

	History  *history.View // nil: the calls about the past answer 404
	Live     *live.Hub     // made with EncodeChanges; nil: the live stream answers 404
	Timeouts Timeouts      // nil: the calls about overdue sessions answer 404
	Operator Operator      // nil: the calls that verify and rebuild answer 404

	Heartbeat time.Duration // the interval that clients are told; 0: 30 s
	Timeout   time.Duration // the silence that ends a session, as clients are told; 0: 120 s
	RateLimit float64       // writes a second per user, and by it reads (readers); 0: no limit
	// MaxSessions is how many live sessions a user has at most: where one more
	// begins, the one that has been idle for longest ends. 0: any number.
	MaxSessions int
	MaxStreams  int           // live streams a user has open at most; 0: any number
	Patience    time.Duration // how long an answer waits for the view; 0: 5 s

	CORSOrigins   []string // whose pages may call from a browser; none: only the service's own
	ClientAddress bool     // logins record the address that they came from
	Version       string   // of the program, as the OpenAPI document tells it; "": "dev"

	Checks       []Check              // what /readyz asks besides the API's own
	Registry     *prometheus.Registry // takes the API's metrics; nil: there are none, and no /metrics
	MetricsApart bool                 // /metrics is served elsewhere, by MetricsHandler

	Logger *slog.Logger     // nil: discarded
	Now    func() time.Time // nil: time.Now
}

func (c Config) withDefaults() Config {
	if c.Heartbeat == 0 {
		c.Heartbeat = 30 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 120 * time.Second
	}
	if c.Patience == 0 {
		c.Patience = 5 * time.Second
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// API answers requests. It is safe for concurrent use and owns no goroutine.
type API struct {
	cfg       Config
	mux       *chi.Mux
	routes    []route
	headers   answerHeaders
	limiter   *limiter // nil: no limit
	origins   *http.CrossOriginProtection
	metrics   *metrics
	document  []byte    // the OpenAPI document
	snapshots snapshots // what live streams begin with
	readers   readers   // how much a user may read
	pace      pace
	reads     *places // of heavy reads
	exports   *places // of answers line by line
	watching  *shares // live streams
	uploads   *shares // of events
	rooms     *rooms  // nil: users have any number of sessions
	leaving   atomic.Bool
	draining  atomic.Bool
	staying   context.Context    // ends with draining, and answers without an end of their own with it
	leave     context.CancelFunc // ends it
	working   atomic.Bool        // the views are being verified or rebuilt
}

// New returns an API that is ready to serve. It starts nothing.
func New(cfg Config) (*API, error) {
	if cfg.Log == nil || cfg.View == nil || cfg.Auth == nil {
		return nil, errors.New("making the API: Log, View and Auth are needed")
	}
	cfg = cfg.withDefaults()
	a := &API{
		cfg:     cfg,
		headers: newAnswerHeaders(cfg),
		limiter: newLimiter(cfg.RateLimit, cfg.Now),
		origins: http.NewCrossOriginProtection(),
		metrics: newMetrics(cfg),
	}
	a.share()
	a.staying, a.leave = context.WithCancel(context.Background())
	if err := a.metrics.register(cfg.Registry); err != nil {
		return nil, err
	}
	a.routes = routes()
	document, err := openAPI(a.routes, cfg.Version)
	if err != nil {
		return nil, err
	}
	a.document = document
	a.mux = a.router()
	return a, nil
}

// readers limit how much a user reads, by what it costs: one call is 1.
type readers struct {
	plain *limiter // those who may read themselves alone
	all   *limiter // those who may read everybody
}

// What a user may read, by the rate of their writes; at once as much as in three seconds.
const (
	readsPlain, readsAll = 5, 50
	readsBurst           = 3
)

// share makes what keeps one client from taking all there is from the others.
func (a *API) share() {
	cfg := a.cfg
	a.readers = readers{plain: newBurstLimiter(readsPlain*cfg.RateLimit, readsBurst, cfg.Now), all: newBurstLimiter(readsAll*cfg.RateLimit, readsBurst, cfg.Now)}
	heavy := heavyPlaces()
	a.reads = newPlaces(heavy, heavy/2, cfg.Patience)
	a.exports = newPlaces(exportPlaces, exportPlaces/4, cfg.Patience)
	a.watching, a.uploads = newShares(0), newShares(uploadPlaces)
	a.rooms = newRooms(cfg.MaxSessions, cfg.Now)
}

// Handler serves everything. It may be mounted under a prefix that is stripped.
func (a *API) Handler() http.Handler { return a.mux }

// Leave makes /readyz say that the node is going, and nothing else: what comes until Drain is served.
func (a *API) Leave() { a.leaving.Store(true) }

// Drain makes the API refuse writes (503, shutting_down) and /readyz say that the node is going, while reads go on;
// answers without an end of their own end. There is no way back.
func (a *API) Drain() {
	a.draining.Store(true)
	a.leave()
	if a.cfg.Live != nil {
		a.cfg.Live.Dismiss()
	}
}
