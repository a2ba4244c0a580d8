package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/shortway"
)

// doors are a node's listeners and the servers on them. They are open from
// before the store is, so that /livez and /readyz answer all the time.
type doors struct {
	list    []door // the API's first, if it has one
	serving sync.WaitGroup
	failed  chan error // what ended a server, if nothing was to
	closing atomic.Bool

	short *shortway.Listener // the API's, where heartbeats go the short way; nil: they do not
	late  *lateBeats         // likewise

	crowd   crowd
	streams atomic.Pointer[func() int] // how many connections are live streams by now; nil: none

	asked atomic.Int64 // unix nanoseconds of the last sign of life of a connection
	open  atomic.Int64 // connections of the API that HTTP still has
}

// door is a listener and the server on it.
type door struct {
	listener net.Listener
	server   *http.Server
}

// openDoors binds the addresses, so that a taken port is told at once, and
// begins to answer.
func (n *Node) openDoors(registry *prometheus.Registry) (*doors, error) {
	d := &doors{failed: make(chan error, 2)}
	d.crowd = crowd{most: n.connections, idle: map[net.Conn]time.Time{}, count: d.connections}
	for _, at := range []struct {
		addr  string
		bound *string
		h     http.Handler
	}{
		{n.cfg.Addr, &n.addr, n.Handler()},
		{n.cfg.MetricsAddr, &n.metrics, n.opsHandler(registry)},
	} {
		if at.addr == "" {
			continue
		}
		l, err := net.Listen("tcp", at.addr) //nolint:noctx // the listener outlives any context of the start
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listening at %s: %w", at.addr, err), d.shut())
		}
		n.mu.Lock()
		*at.bound = l.Addr().String()
		n.mu.Unlock()
		if at.bound == &n.addr {
			l = d.shorten(n.cfg, crowdedListener{l, d})
		}
		d.list = append(d.list, door{l, newHTTPServer(n.cfg, d.leading(at.h))})
	}
	if n.cfg.Addr != "" {
		s := d.list[0].server
		s.ConnState, s.ConnContext, s.Handler = d.count, spareContext, healthOnly(s.Handler)
	}
	for _, o := range d.list {
		d.serving.Go(func() {
			if err := o.server.Serve(o.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				d.failed <- fmt.Errorf("serving HTTP: %w", err)
			}
		})
	}
	return d, nil
}

// newHTTPServer sets no write timeout: it would cut streams off.
func newHTTPServer(c Config, h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: c.IdleTimeout, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(c.Logger.Handler(), slog.LevelWarn)}
}

// opsHandler serves what must be answered even where the API's listener is
// exhausted.
func (n *Node) opsHandler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/livez", n.Handler())
	mux.Handle("/readyz", n.Handler())
	mux.Handle("/metrics", api.Bounded(promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(n.cfg.Logger.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError})))
	if n.cfg.Debug != nil {
		mux.Handle("/debug/", n.cfg.Debug)
	}
	return mux
}

// leading asks the clients of kept connections to come back on another one, as
// soon as the node is going.
func (d *doors) leading(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.closing.Load() {
			w.Header()["Connection"] = closeHeader
		}
		h.ServeHTTP(w, r)
	})
}

var closeHeader = []string{"close"}

// count is for http.Server.ConnState.
func (d *doors) count(c net.Conn, s http.ConnState) {
	d.crowd.state(c, s)
	switch s {
	case http.StateNew:
		d.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		d.open.Add(-1)
	}
	if d.closing.Load() {
		d.asked.Store(time.Now().UnixNano())
	}
}

// quiet is how long the kept connections must have been silent before they are
// closed: who uses one without a pause has sent the next request by then.
const quiet = 200 * time.Millisecond

// linger lets requests come on kept connections, which are answered and then
// closed, until no connection is left or none has said anything for quiet, or
// ctx ends. Closing them at once would cut off who is just sending.
func (d *doors) linger(ctx context.Context) {
	d.asked.Store(time.Now().UnixNano())
	tick := time.NewTicker(quiet / 10)
	defer tick.Stop()
	for d.kept() > 0 && time.Now().UnixNano()-d.asked.Load() < int64(quiet) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// kept is how many connections of the API there are.
func (d *doors) kept() int64 {
	n := d.open.Load()
	if d.short != nil {
		n += int64(d.short.Len())
	}
	return n
}

// connections is how many the API has, live streams too.
func (d *doors) connections() int {
	n := int(d.kept())
	if streams := d.streams.Load(); streams != nil {
		n += (*streams)()
	}
	return n
}

// refuse takes no new connections of the API, and returns when none comes any more.
func (d *doors) refuse(c Config) error {
	if c.Addr == "" {
		return nil
	}
	if d.short != nil {
		return d.short.Refuse()
	}
	if err := d.list[0].listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("closing a listener: %w", err)
	}
	return nil
}

// shutdown lets the requests under way be answered until ctx ends, and cuts off
// the rest.
func (d *doors) shutdown(ctx context.Context, log *slog.Logger) {
	for _, o := range d.list {
		if err := o.server.Shutdown(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
			log.Warn("requests were cut off at the end", "error", err)
			_ = o.server.Close()
		}
	}
	if d.short != nil {
		if err := d.short.Shutdown(ctx); err != nil { // an http.Server that is shut down does not know of them
			log.Warn("heartbeats were cut off at the end", "error", err)
		}
	}
	d.serving.Wait()
}

// wait waits for heartbeats whose connections were cut off.
func (d *doors) wait() error {
	if d.short != nil {
		d.short.Wait()
	}
	return nil
}

// shut closes everything at once.
func (d *doors) shut() error {
	var errs []error
	for _, o := range d.list {
		for _, err := range []error{o.server.Close(), o.listener.Close()} {
			if err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	d.serving.Wait()
	return errors.Join(errs...)
}
