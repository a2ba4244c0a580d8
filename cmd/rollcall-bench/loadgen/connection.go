package loadgen

import (
	"bufio"
	"context"
	"errors"
	"net"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	// redialPause keeps a server that has gone from being dialled in a tight loop.
	redialPause = 20 * time.Millisecond
	// readBuffer holds a whole answer of either server, and so one read call an answer.
	readBuffer = 4096
	// broken is the status under which an exchange without an answer is counted.
	broken = 0
)

// connection is one keep-alive connection, used by one goroutine.
type connection struct {
	to      target
	next    source   // what it sends
	conn    net.Conn // nil while there is none
	in      *bufio.Reader
	unwatch func() bool // ends the wait for the context that breaks conn off
	tally   tally
}

func newConnection(to target, next source) *connection {
	return &connection{to: to, next: next, in: bufio.NewReaderSize(nil, readBuffer), tally: newTally()}
}

// connect dials the server. The end of ctx breaks off whatever the connection waits for; a deadline for each request
// would do too, at the price of a timer a request.
func (c *connection) connect(ctx context.Context) error {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", c.to.addr.String())
	if err != nil {
		return err
	}
	c.conn = conn
	c.in.Reset(conn)
	c.unwatch = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return nil
}

// connected dials where there is no connection, and says whether there is one now.
func (c *connection) connected(ctx context.Context) bool {
	return c.conn != nil || c.connect(ctx) == nil
}

// close ends the connection, where there is one.
func (c *connection) close() {
	if c.conn == nil {
		return
	}
	c.unwatch()
	c.conn.Close()
	c.conn = nil
}

// run sends until the end of the measured time or of ctx, and closes the connection. It returns only ErrAnswer.
func (c *connection) run(ctx context.Context, clk clock, measured window, p *pace) error {
	defer c.close()
	defer p.stop()
	for {
		due, ok := p.wait(ctx, clk, measured.to)
		if !ok {
			c.tally.unsent = p.unsent(measured)
			return nil
		}
		status, err := c.exchange(ctx)
		if err != nil {
			return err
		}
		c.tally.record(measured, status, due, clk.now())
	}
}

// exchange sends the next request and returns the status of its answer, or broken where the connection gave none; the
// next exchange then dials anew. It returns only ErrAnswer.
func (c *connection) exchange(ctx context.Context) (int, error) {
	if !c.connected(ctx) {
		sleep(ctx, redialPause)
		return broken, nil
	}
	a, err := c.send()
	if err != nil || a.closes {
		c.close()
	}
	if err != nil && !errors.Is(err, ErrAnswer) {
		a, err = answer{status: broken}, nil
	}
	return a.status, err
}

func (c *connection) send() (answer, error) {
	if _, err := c.conn.Write(c.next()); err != nil {
		return answer{}, err
	}
	return readAnswer(c.in)
}
