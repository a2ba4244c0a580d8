package embedded

import (
	"net"
	"sync/atomic"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/api/shortway"
)

// lateBeats is the short way's handler from before the node is ready: until then,
// and while it asks its clients to go elsewhere, net/http answers.
type lateBeats struct {
	doors *doors
	beats atomic.Pointer[api.ShortBeats] // nil until ready
}

// Beat is part of shortway.Handler.
func (l *lateBeats) Beat(h shortway.Heartbeat) (answer []byte, next shortway.Next) {
	beats := l.beats.Load()
	if beats == nil || l.doors.closing.Load() {
		return nil, shortway.HandOver
	}
	return beats.Beat(h)
}

// shorten puts the short way of heartbeats before the HTTP server at Addr.
func (d *doors) shorten(c Config, l net.Listener) net.Listener {
	if c.ShortHeartbeatsOff {
		return l
	}
	d.late = &lateBeats{doors: d}
	times := newHTTPServer(c, nil)
	d.short = shortway.New(l, shortway.Config{Handler: d.late, HeaderTimeout: times.ReadHeaderTimeout, IdleTimeout: times.IdleTimeout,
		Logger: c.Logger})
	return d.short
}

// takeBeats begins to answer heartbeats the short way.
func (d *doors) takeBeats(b *api.ShortBeats) {
	if d.late != nil {
		d.late.beats.Store(b)
	}
}
