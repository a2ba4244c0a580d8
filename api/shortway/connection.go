package shortway

import (
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// peeked is how much of a request has to come before net/http takes a connection
// for no longer idle, but for its first request.
const peeked = 4

// connection is one that has brought nothing but heartbeats so far. All but
// state belongs to the goroutine that serves it.
type connection struct {
	l      *Listener
	tcp    *net.TCPConn
	in     source
	state  state
	served bool        // a heartbeat
	known  atomic.Bool // likewise, for others

	// The deadlines that are set. They are moved only when too little is left of them,
	// not for every heartbeat.
	readBy, writeBy time.Time
	due             time.Time // when the head that has begun must be whole; zero: none has
}

func newConnection(l *Listener, tcp *net.TCPConn) (*connection, error) {
	c := &connection{l: l, tcp: tcp}
	return c, c.in.open(tcp)
}

// serve answers heartbeats, in their order, until there is anything else.
func (c *connection) serve() {
	defer func() {
		if p := recover(); p != nil {
			c.l.cfg.Logger.Error("the short way panicked", "panic", p, "stack", string(debug.Stack()))
			c.leave()
		}
	}()
	c.due = time.Now().Add(c.l.cfg.HeaderTimeout)
	c.readUntil(c.due)
	for {
		h, n, v := c.next()
		switch v {
		case ended:
			c.leave()
			return
		case foreign:
			c.handOver()
			return
		}
		if !c.state.CompareAndSwap(waiting, answering) {
			c.leave()
			return
		}
		answer, next := c.l.cfg.Handler.Beat(h)
		if next == HandOver {
			c.handOver()
			return
		}
		if !c.write(answer) || next == Leave || !c.rest() {
			c.leave()
			return
		}
		c.in.drop(n)
		if !c.served {
			c.known.Store(true)
		}
		c.served, c.due = true, time.Time{}
	}
}

// next reads until what has come is a heartbeat of n bytes, or cannot become
// one, or nothing more comes.
func (c *connection) next() (h Heartbeat, n int, v verdict) {
	if c.served && !c.begins() {
		return h, 0, ended
	}
	for {
		h, n, v = recognise(c.in.bytes())
		if v != unfinished {
			return h, n, v
		}
		if c.in.full() {
			return h, 0, foreign
		}
		if c.due.IsZero() {
			c.due = time.Now().Add(c.l.cfg.HeaderTimeout)
			c.readUntil(c.due)
		}
		if c.in.more() != nil {
			// Half a request: net/http knows what to say, and reads the same error.
			if len(c.in.bytes()) > 0 {
				return h, 0, foreign
			}
			return h, 0, ended
		}
	}
}

// begins waits, in the idle time, for the begin of another request, and reports
// whether it came. It skips what net/http skips there: the line ends that some old
// clients send after a POST.
func (c *connection) begins() bool {
	for len(c.in.bytes()) < peeked {
		if c.in.more() != nil {
			return false
		}
	}
	n := 0
	for _, b := range c.in.bytes()[:peeked] {
		if b != '\r' && b != '\n' {
			break
		}
		n++
	}
	c.in.drop(n)
	return true
}

// write writes answer and sees to the deadlines of what comes next. It reports
// whether the client took it.
func (c *connection) write(answer []byte) bool {
	now := time.Now()
	if within := c.l.cfg.WriteTimeout; c.writeBy.Sub(now) < within {
		c.writeBy = now.Add(2 * within)
		if c.tcp.SetWriteDeadline(c.writeBy) != nil {
			return false
		}
	}
	if _, err := c.tcp.Write(answer); err != nil {
		return false
	}
	if idle := c.l.cfg.IdleTimeout; c.readBy.Sub(now) < idle {
		c.readUntil(now.Add(idle + idle/16))
	}
	return true
}

// readUntil sets the read deadline. Where that fails the next read does too.
func (c *connection) readUntil(t time.Time) {
	c.readBy = t
	_ = c.tcp.SetReadDeadline(t)
}

// rest lets the listener close the connection again, and reports false where it
// has been closed itself.
func (c *connection) rest() bool {
	c.state.Store(waiting)
	select {
	case <-c.l.done: // dismiss may have come before
		return false
	default:
		return true
	}
}

// dismiss closes the connection unless a heartbeat of it is being answered, and
// reports whether it did.
func (c *connection) dismiss() bool {
	if !c.state.CompareAndSwap(waiting, dismissed) {
		return false
	}
	_ = c.tcp.Close()
	return true
}

func (c *connection) leave() {
	c.l.forget(c)
	_ = c.tcp.Close()
	c.in.close()
}

func (c *connection) handOver() {
	c.l.forget(c)
	if !c.writeBy.IsZero() {
		_ = c.tcp.SetWriteDeadline(time.Time{}) // net/http sets none, and expects none
	}
	h := &handed{TCPConn: c.tcp, rest: append([]byte(nil), c.in.bytes()...), due: c.due}
	c.in.close()
	c.l.give(h)
}
