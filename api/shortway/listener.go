// Package shortway serves heartbeats at a listener, before net/http sees their
// connections. A request that is exactly a heartbeat with a bearer token and no
// body is answered by a small loop; with anything else the connection goes to
// net/http, with all its bytes, and stays there. The short way never refuses a
// request and never reads one that net/http would read otherwise: what it does not
// know for certain is not its own to answer.
//
//	listener.go    accepts, hands over, and ends
//	connection.go  the loop of one connection, and its times
//	recognise.go   what is a heartbeat, and nothing but one
//	source.go      the bytes that have come; source_unix.go: without a buffer while none do
//	handed.go      a connection as net/http gets it
package shortway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Handler does what heartbeats ask for. It is called by many goroutines at once.
type Handler interface {
	// Beat takes h and returns the whole answer, which the caller does not change, and
	// what comes next. With HandOver it has done nothing that may not be done twice, and
	// there is no answer. h is valid during the call only.
	Beat(h Heartbeat) (answer []byte, next Next)
}

// Next is what a connection does once a Handler has returned.
type Next uint8

const (
	// HandOver gives the connection to net/http, with the request.
	HandOver Next = iota
	// Stay writes the answer and waits for the next request.
	Stay
	// Leave writes the answer and closes the connection.
	Leave
)

// Config says how a Listener works.
type Config struct {
	Handler Handler // needed
	// HeaderTimeout and IdleTimeout mean what ReadHeaderTimeout and IdleTimeout of the
	// http.Server mean that gets the rest, and are to be the same; more than 0. An idle
	// connection may stay longer by a sixteenth.
	HeaderTimeout, IdleTimeout time.Duration
	// WriteTimeout is how long a client may take to make room for an answer, which may
	// be up to twice as long; 0: 10 s.
	WriteTimeout time.Duration
	Logger       *slog.Logger // nil: discarded
}

// Listener is the listener of an http.Server that gets only the connections
// which are more than heartbeats. It is safe for concurrent use.
type Listener struct {
	inner  net.Listener
	cfg    Config
	begin  sync.Once
	handed chan net.Conn // for Accept
	failed chan error    // likewise
	done   chan struct{} // closed with the Listener
	refuse func() error
	close  func() error

	running sync.WaitGroup // all goroutines; Add under mu, and not once it is closed
	mu      sync.Mutex     // guards the rest
	closed  bool
	open    map[*connection]struct{} // those not handed over
}

// New returns a Listener over inner, which it closes when it is closed itself.
// It starts nothing: the first Accept does.
func New(inner net.Listener, cfg Config) *Listener {
	if cfg.WriteTimeout == 0 {
		cfg.WriteTimeout = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Listener{inner: inner, cfg: cfg, handed: make(chan net.Conn), failed: make(chan error),
		done: make(chan struct{}), open: map[*connection]struct{}{}}
	l.close = sync.OnceValue(l.end)
	l.refuse = sync.OnceValue(inner.Close)
	return l
}

// Addr is part of net.Listener.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Accept returns the next connection that is for net/http. Errors are those of
// the listener below, and net.ErrClosed after Close.
func (l *Listener) Accept() (net.Conn, error) {
	l.begin.Do(func() { l.spawn(nil, l.acceptAll) })
	select {
	case c := <-l.handed:
		return c, nil
	case err := <-l.failed:
		return nil, err
	case <-l.done:
		return nil, fmt.Errorf("accepting: %w", net.ErrClosed)
	}
}

// acceptAll goes on after an error when somebody has taken it: who calls Accept
// waits between two errors, and so does this.
func (l *Listener) acceptAll() {
	for {
		c, err := l.inner.Accept()
		switch tcp, ok := c.(*net.TCPConn); {
		case errors.Is(err, net.ErrClosed):
			return // Accept goes on with what is handed over, until Close
		case err != nil:
			select {
			case l.failed <- err:
			case <-l.done:
				return
			}
		case ok:
			if conn, err := newConnection(l, tcp); err != nil || !l.spawn(conn, conn.serve) {
				_ = tcp.Close()
			}
		default:
			if !l.spawn(nil, func() { l.give(c) }) {
				_ = c.Close()
			}
		}
	}
}

// spawn runs fn, for c if that is not nil, in a goroutine that Wait waits for.
// It reports false, and does nothing, once the listener is closed.
func (l *Listener) spawn(c *connection, fn func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if c != nil {
		l.open[c] = struct{}{}
	}
	l.running.Go(fn)
	return true
}

// give gives c to Accept, or closes it where nobody accepts any more.
func (l *Listener) give(c net.Conn) {
	select {
	case l.handed <- c:
	case <-l.done:
		_ = c.Close()
	}
}

// forget drops c, which is about to be closed or handed over.
func (l *Listener) forget(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// Close ends accepting, and the connections that wait for a request; those whose
// heartbeat is being answered end when it is. Connections that were handed over
// are net/http's.
func (l *Listener) Close() error { return l.close() }

func (l *Listener) end() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	close(l.done)
	for c := range l.open {
		c.dismiss()
	}
	return l.refuse()
}

// Refuse takes no new connections. Those that there are go on being served, and
// may still be handed over: Accept waits for them until Close.
func (l *Listener) Refuse() error { return l.refuse() }

// Len is how many connections there are that were not handed over.
func (l *Listener) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// CloseStranger closes one of the connections that have not brought a heartbeat
// yet, and reports whether it found one among some.
func (l *Listener) CloseStranger() bool {
	const sampled = 64
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for c := range l.open { // which begins anywhere
		if !c.known.Load() && c.dismiss() {
			return true
		}
		if n++; n == sampled {
			break
		}
	}
	return false
}

// Shutdown closes the listener and waits for the answers under way. When ctx
// ends first it cuts them off and returns ctx's error; their goroutines end when
// the handler returns, see Wait.
func (l *Listener) Shutdown(ctx context.Context) error {
	_ = l.Close() // it may have been closed before
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.tcp.Close()
	}
	return ctx.Err() //nolint:wrapcheck // the caller's own
}

// Wait waits for all goroutines of a listener that was closed.
func (l *Listener) Wait() { l.running.Wait() }

// state is whether a connection may be closed from outside.
type state struct{ atomic.Uint32 }

const (
	waiting   uint32 = iota // for a request, or for the rest of one
	answering               // a heartbeat was recognised
	dismissed               // closed by the listener
)
