package embedded

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/api"
)

const (
	// spareConnections are taken beyond the bound where there is none to close: for
	// /livez, /readyz and /metrics alone.
	spareConnections = 32
	// sampled is how many connections are looked at for the one to close.
	sampled = 32
)

// crowd bounds the connections of the API, so that files are left for the store
// and for whoever comes next. Where there are too many, the one that has waited
// for a request for longest of some is closed, which is every server's to do; one
// that has not even sent heartbeats goes before one that does. Where all are at
// work, who comes gets answers about the node's health, and is told to come again
// otherwise.
type crowd struct {
	most  int        // 0: any number
	count func() int // connections that there are

	mu   sync.Mutex             // guards the rest
	idle map[net.Conn]time.Time // net/http's that wait for a request, and since when
}

// state is for http.Server.ConnState.
func (c *crowd) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s == http.StateNew || s == http.StateIdle {
		c.idle[conn] = time.Now()
	} else {
		delete(c.idle, conn)
	}
}

// closeIdle closes the connection that has waited for longest of some, and
// reports whether there was one.
func (c *crowd) closeIdle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var longest net.Conn
	n := 0
	for conn, since := range c.idle { // which begins anywhere
		if longest == nil || since.Before(c.idle[longest]) {
			longest = conn
		}
		if n++; n == sampled {
			break
		}
	}
	if longest == nil {
		return false
	}
	delete(c.idle, longest)
	_ = longest.Close() // it is gone, or is now
	return true
}

// crowdedListener accepts for a crowd.
type crowdedListener struct {
	net.Listener
	d *doors
}

// spare is a connection beyond the bound.
type spare struct{ net.Conn }

// Accept is part of net.Listener.
func (l crowdedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		c := &l.d.crowd
		if err != nil || c.most == 0 || c.count() < c.most {
			return conn, err //nolint:wrapcheck // it is the listener's
		}
		if c.closeIdle() || l.d.short != nil && l.d.short.CloseStranger() {
			return conn, nil
		}
		if c.count() < c.most+spareConnections {
			return spare{conn}, nil // no TCPConn: the short way leaves it alone
		}
		_ = conn.Close() // nothing was said on it
	}
}

type spareKey struct{}

// spareContext is for http.Server.ConnContext.
func spareContext(ctx context.Context, conn net.Conn) context.Context {
	if _, ok := conn.(spare); ok {
		return context.WithValue(ctx, spareKey{}, true)
	}
	return ctx
}

// healthOnly answers requests on spare connections, once each.
func healthOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(spareKey{}) == nil {
			h.ServeHTTP(w, r)
			return
		}
		w.Header()["Connection"] = closeHeader
		switch r.URL.Path {
		case "/livez", "/readyz", "/metrics":
			h.ServeHTTP(w, r)
		default:
			api.Crowded(w)
		}
	})
}
