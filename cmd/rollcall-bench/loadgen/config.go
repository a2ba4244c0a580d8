package loadgen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// HeartbeatPath is where a heartbeat goes when Config.Path is empty.
const HeartbeatPath = "/v1/heartbeat"

var (
	// ErrConfig says that a run was asked for something it cannot do: nothing was sent.
	ErrConfig = errors.New("wrong configuration")
	// ErrNotLoopback says that the server is not on this machine. It is an ErrConfig too.
	ErrNotLoopback = fmt.Errorf("%w: only a loopback address is loaded", ErrConfig)
)

// Config says what is sent where, and for how long.
type Config struct {
	// URL is http://host:port of the server, loopback only.
	URL string
	// Path is what is posted to; HeartbeatPath where empty.
	Path string
	// Connections is how many keep-alive connections send at once; at least 1.
	Connections int
	// Warmup is how long requests are sent before the measured time; zero is not at all.
	Warmup time.Duration
	// Duration is the measured time; more than zero.
	Duration time.Duration
	// Tokens are the bearer tokens. Connection i sends tokens i, i+Connections, i+2·Connections and so on, in turn; a
	// connection for which none is left shares one. At least one.
	Tokens []string
	// Rate is the requests a second meant to be sent over all connections. Zero is a closed loop: every connection
	// sends as soon as it has its answer.
	Rate float64
	// ServerPID is the process whose CPU time is measured beside the generator's; zero is none. Linux only.
	ServerPID int

	// requests, where not nil, makes what connection i sends to host, instead of heartbeats with Tokens.
	requests func(host string, i int) source
}

// validate returns an ErrConfig that names the first setting that cannot be.
func (c Config) validate() error {
	switch {
	case c.Connections < 1:
		return fmt.Errorf("%w: at least one connection is needed", ErrConfig)
	case c.Duration <= 0 || c.Warmup < 0:
		return fmt.Errorf("%w: the measured time must be more than zero", ErrConfig)
	case len(c.Tokens) == 0 && c.requests == nil:
		return fmt.Errorf("%w: at least one token is needed", ErrConfig)
	case c.Rate < 0:
		return fmt.Errorf("%w: the rate cannot be negative", ErrConfig)
	}
	return nil
}

// target is a server that may be loaded.
type target struct {
	addr netip.AddrPort // what is dialled: resolved once, so that a name cannot move away from loopback later
	host string         // what the Host header says
}

// loopback resolves rawURL. It returns an ErrConfig for a URL it cannot use and ErrNotLoopback for one that points elsewhere.
func loopback(ctx context.Context, rawURL string) (target, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") {
		return target{}, fmt.Errorf("%w: %q is not of the form http://host:port", ErrConfig, rawURL)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", cmp.Or(u.Port(), "80"))
	if err != nil {
		return target{}, fmt.Errorf("%w: port of %q: %w", ErrConfig, rawURL, err)
	}
	ip, err := loopbackIP(ctx, u.Hostname())
	if err != nil {
		return target{}, err
	}
	return target{addr: netip.AddrPortFrom(ip, uint16(port)), host: u.Host}, nil
}

// loopbackIP is the first address of host, where all of them are loopback.
func loopbackIP(ctx context.Context, host string) (netip.Addr, error) {
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%w: looking up %s: %w", ErrConfig, host, err)
	}
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return netip.Addr{}, fmt.Errorf("%w: %s is %s", ErrNotLoopback, host, ip)
		}
	}
	return ips[0].Unmap(), nil
}
