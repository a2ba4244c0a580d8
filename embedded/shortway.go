package embedded

import (
	"context"
	"net"

	"github.com/rollcall-dev/rollcall/api/shortway"
)

// shorten puts the short way of heartbeats before the HTTP server at Addr.
func (n *Node) shorten(listeners []net.Listener, p *parts, down *teardown) {
	if n.cfg.ShortHeartbeatsOff || n.cfg.Addr == "" {
		return
	}
	times := newHTTPServer(nil)
	l := shortway.New(listeners[0], shortway.Config{Handler: p.api.ShortBeats(), HeaderTimeout: times.ReadHeaderTimeout,
		IdleTimeout: times.IdleTimeout, Logger: n.cfg.Logger})
	listeners[0] = l
	// When the log has ended, so that every heartbeat has its outcome.
	down.add("the short way", func() error { l.Wait(); return nil })
}

// endShort waits until heartbeats under way are answered, and cuts them off when
// ctx ends. An http.Server that is shut down does not know of them.
func (n *Node) endShort(ctx context.Context, listeners []net.Listener) {
	for _, l := range listeners {
		if l, ok := l.(*shortway.Listener); ok {
			if err := l.Shutdown(ctx); err != nil {
				n.cfg.Logger.Warn("heartbeats were cut off at the end", "error", err)
			}
		}
	}
}
