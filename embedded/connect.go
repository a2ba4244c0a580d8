package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"

	"github.com/rollcall-dev/rollcall/events/journal"
)

// A server that has gone silent is left after its third ping without an answer:
// a network that is cut, or a machine that has stopped, resets no connection.
const (
	pingInterval = 2 * time.Second
	pingsOut     = 2
)

// connectionOptions are those of every connection: it comes back by itself for
// as long as the node lives, and nothing is published into a buffer meanwhile.
func connectionOptions(name string, log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name("rollcall " + name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("the connection to NATS was lost and is sought again", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("the connection to NATS is back", "server", nc.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("NATS reports an error", "error", err) }),
	}
}

// link is a connection, and where on it JetStream is.
type link struct {
	nc             *nats.Conn
	domain, prefix string // "": the servers' own
}

// connectExternal reaches the operator's NATS system.
func connectExternal(c Config, name string) (link, error) {
	opts := append(connectionOptions(name, c.Logger), nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(pingsOut))
	if c.NATSCreds != "" {
		if _, err := os.Stat(c.NATSCreds); err != nil {
			return link{}, fmt.Errorf("%w: nats-creds: %w", ErrConfig, err)
		}
		opts = append(opts, nats.UserCredentials(c.NATSCreds))
	}
	if c.NATSTLSCA != "" {
		if _, err := os.Stat(c.NATSTLSCA); err != nil {
			return link{}, fmt.Errorf("%w: nats-tls-ca: %w", ErrConfig, err)
		}
		opts = append(opts, nats.RootCAs(c.NATSTLSCA))
	}
	if c.NATSContext != "" {
		nc, said, err := natscontext.Connect(c.NATSContext, opts...)
		if err != nil {
			return link{}, fmt.Errorf("connecting with NATS context %s: %w", c.NATSContext, silent(err))
		}
		return link{nc, said.JSDomain, said.JSAPIPrefix}, nil
	}
	nc, err := nats.Connect(c.NATSURL, opts...)
	if err != nil {
		return link{}, fmt.Errorf("connecting to NATS at %s: %w", redacted(c.NATSURL), silent(err))
	}
	return link{nc: nc}, nil
}

// replicas is how many copies of the log there are to be; 0, which is as good as
// one, where the servers do not say: opening the log will tell why.
func (n *Node) replicas(ctx context.Context, p *parts) int {
	switch {
	case n.cfg.Replicas > 0:
		return n.cfg.Replicas
	case !n.cfg.external():
		return 1
	}
	r, err := journal.Replicas(ctx, p.nc, journal.Config{Domain: p.domain, APIPrefix: p.prefix}, n.cfg.Logger)
	if err != nil {
		n.cfg.Logger.Warn("the NATS servers do not say how many replicas they take", "error", err)
	}
	return r
}

// name is who the node is, for people: at the lease and at the connection.
func (n *Node) name() string {
	host, err := os.Hostname()
	if err != nil {
		host = "rollcall"
	}
	if _, port, err := net.SplitHostPort(n.Addr()); err == nil {
		return net.JoinHostPort(host, port)
	}
	return host
}

// errNoURL says nothing of the address: a password may be what spoils it.
var errNoURL = errors.New("an address is no URL; a character like # or / in a password is written %23 or %2F")

// silent returns err, which came of addresses, without them.
func silent(err error) error {
	var parsing *url.Error
	if errors.As(err, &parsing) {
		return errNoURL
	}
	return err
}

// redacted leaves passwords and tokens out of a list of URLs.
func redacted(urls string) string {
	list := strings.Split(urls, ",")
	for i, raw := range list {
		u, err := url.Parse(strings.TrimSpace(raw))
		if err != nil {
			list[i] = "(an address that cannot be read)"
			continue
		}
		if u.User != nil {
			u.User = url.User("xxxxx")
		}
		list[i] = u.String()
	}
	return strings.Join(list, ",")
}
