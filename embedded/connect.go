package embedded

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"
)

// connectionOptions are those of every connection: it comes back by itself for
// as long as the node lives, and nothing is published into a buffer meanwhile.
func connectionOptions(log *slog.Logger) []nats.Option {
	return []nats.Option{
		nats.Name("rollcall"),
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

// connectExternal reaches the operator's NATS system.
func connectExternal(c Config) (*nats.Conn, error) {
	opts := connectionOptions(c.Logger)
	if c.NATSCreds != "" {
		if _, err := os.Stat(c.NATSCreds); err != nil {
			return nil, fmt.Errorf("%w: nats-creds: %w", ErrConfig, err)
		}
		opts = append(opts, nats.UserCredentials(c.NATSCreds))
	}
	if c.NATSTLSCA != "" {
		if _, err := os.Stat(c.NATSTLSCA); err != nil {
			return nil, fmt.Errorf("%w: nats-tls-ca: %w", ErrConfig, err)
		}
		opts = append(opts, nats.RootCAs(c.NATSTLSCA))
	}
	if c.NATSContext != "" {
		nc, _, err := natscontext.Connect(c.NATSContext, opts...)
		if err != nil {
			return nil, fmt.Errorf("connecting with NATS context %s: %w", c.NATSContext, err)
		}
		return nc, nil
	}
	nc, err := nats.Connect(c.NATSURL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connecting to NATS at %s: %w", redacted(c.NATSURL), err)
	}
	return nc, nil
}

// replicas is how many copies of the log there are to be.
func (c Config) replicas(nc *nats.Conn) int {
	switch {
	case c.Replicas > 0:
		return c.Replicas
	case c.external() && len(nc.Servers()) >= 3:
		return 3
	}
	return 1
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
