package presence

import (
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
	"github.com/rollcall-dev/rollcall/events"
)

const (
	everyDefault      = 30 * time.Second
	everyMost         = 6 * time.Minute // the contract knows no longer interval
	usersDefault      = 100_000
	sessionOfRequests = "requests"
)

// ErrOptions says that something is missing, or cannot be.
var ErrOptions = errors.New("wrong options of presence")

// Options says whose requests count.
type Options struct {
	// User returns the user of a request that has been authenticated, and "" for one that has not. It is called before
	// the request is served: put Touch behind what authenticates. Required.
	User func(*http.Request) string
	// Every is how long a user's further requests change nothing, 1 s to 6 min; zero: 30 s. The node is told, so that a
	// long one does not let the user time out between two beats.
	Every time.Duration
	// Session is the session that the heartbeats are for; "": requests, apart from those of browsers that beat
	// themselves.
	Session string
	// Users is how many different users are known within Every; beyond that their beats are dropped. Zero: 100,000,
	// about 20 MB with ids like UUIDs, 40 MB with the longest.
	Users int
	// Logger hears when sending begins to fail and when it works again. Nil: nobody does.
	Logger *slog.Logger
}

// Beats turns requests into heartbeats. It is safe for concurrent use; there is nothing to close but Run.
type Beats struct {
	client  *client.Client
	options Options
	now     func() time.Time
	recent  *recent
	full    chan struct{} // a batch's worth waits
	pace    time.Duration // between two sendings
	grace   time.Duration // to send what waits at the end
	sending chan struct{} // holds one while a batch is under way

	sent, rejected, dropped, failed atomic.Uint64
}

// Stats are counts since New.
type Stats struct {
	Sent     uint64 // heartbeats that the log has
	Rejected uint64 // heartbeats that the node refused one by one, and users who cannot be one
	Dropped  uint64 // heartbeats without room: more users than Options.Users
	Failed   uint64 // heartbeats whose sending failed, and those of a batch that the node refused as a whole
	Waiting  int    // heartbeats to be sent
}

// New returns ErrOptions for what cannot work. It starts nothing. The token of c must be one of a service.
func New(c *client.Client, o Options) (*Beats, error) {
	if o.Every == 0 {
		o.Every = everyDefault
	}
	if o.Users == 0 {
		o.Users = usersDefault
	}
	if o.Session == "" {
		o.Session = sessionOfRequests
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if c == nil || o.User == nil || o.Every < time.Second || o.Every > everyMost || o.Users < 0 ||
		events.ValidID(o.Session) != nil {
		return nil, ErrOptions
	}
	b := &Beats{client: c, options: o, now: time.Now, full: make(chan struct{}, 1), sending: make(chan struct{}, 1), pace: paceDefault, grace: patience}
	b.recent = newRecent(o.Every, o.Users)
	return b, nil
}

// Touch serves every request with next, and counts it for its user. It sends nothing itself, waits for nothing and
// changes nothing about the request or its answer. A request that signs its user out is one as well: its handler calls
// SignOut.
func (b *Beats) Touch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user := b.options.User(r); user != "" {
			b.Seen(user)
		}
		next.ServeHTTP(w, r)
	})
}

// Seen counts a sign of life that is no request, such as a message over a web socket. Of a user who has signed out
// within Every it is none: see SignOut.
func (b *Beats) Seen(user string) {
	switch b.recent.see(user, b.now()) {
	case noRoom:
		b.dropped.Add(1)
	case noUser:
		b.rejected.Add(1)
	case batchFull:
		select {
		case b.full <- struct{}{}:
		default: // it has been said
		}
	}
}

// Stats returns the counts.
func (b *Beats) Stats() Stats {
	return Stats{Sent: b.sent.Load(), Rejected: b.rejected.Load(), Dropped: b.dropped.Load(), Failed: b.failed.Load(), Waiting: b.recent.waiting()}
}
