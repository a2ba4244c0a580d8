package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/api"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// lagMost is how far a view that is ready may be behind the log.
const lagMost = 10 * time.Second

// pursuit tells a view that is on its way from one that stands still: its own
// lag is that of what has reached it.
type pursuit struct {
	mu    sync.Mutex
	goal  uint64    // where the log ended when
	since time.Time // this was set
}

// behind reports whether a view at seq has not reached, for lagMost, where the
// log ended; last is where it ends now.
func (p *pursuit) behind(seq, last uint64, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq >= p.goal {
		p.goal, p.since = last, now
	}
	return seq < p.goal && now.Sub(p.since) > lagMost
}

// checks are what /readyz asks, besides what the API knows itself.
func (n *Node) checks(p *parts) []api.Check {
	behind := new(pursuit)
	list := []api.Check{
		{Name: "log", Probe: func(ctx context.Context) (string, error) {
			if err := p.room.trouble(); err != nil {
				return "", err
			}
			first, last, err := p.log.Bounds(ctx)
			if err != nil {
				return "", errors.New("the log cannot be reached")
			}
			switch err := p.log.Trouble(); {
			case errors.Is(err, journal.ErrFull):
				return "", errors.New("the log is full: make room where it is, and restart its NATS server if writes are still refused then")
			case err != nil:
				return "", errors.New("the log does not acknowledge")
			}
			return fmt.Sprintf("sequences %d to %d", first, last), nil
		}},
		{Name: "view", Probe: func(ctx context.Context) (string, error) {
			s := p.view.Stats()
			if s.Lag > lagMost {
				return "", fmt.Errorf("it is %s behind, at sequence %d", s.Lag.Round(time.Second), s.Seq)
			}
			if _, last, err := p.log.Bounds(ctx); err == nil && behind.behind(s.Seq, last, time.Now()) {
				return "", fmt.Errorf("it stands at sequence %d, and the log at %d", s.Seq, last)
			}
			return fmt.Sprintf("at sequence %d, %d users", s.Seq, s.Users), nil
		}},
		{Name: "events", Probe: func(context.Context) (string, error) {
			n := p.view.Stats().Undecodable
			switch u := p.view.Undecodable(); {
			case len(u) > 0:
				return fmt.Sprintf("%d could not be decoded, the last one at %s: %v", n, u[len(u)-1].Place, u[len(u)-1].Err), nil
			case n > 0:
				return fmt.Sprintf("%d could not be decoded; rollcall audit shows them", n), nil
			}
			return "", nil
		}},
		{Name: "streams", Probe: func(ctx context.Context) (string, error) { return n.streams(ctx, p), nil }},
		{Name: "durability", Probe: func(context.Context) (string, error) { return n.durability(), nil }},
		{Name: "timeouts", Probe: func(context.Context) (string, error) {
			switch {
			case n.cfg.TimeoutsOff:
				return "switched off on this node", nil
			case p.consumer.Held():
				return "written by this node", nil
			}
			return "written by another node, this one stands by", nil
		}},
	}
	if p.server != nil {
		list = append(list, api.Check{Name: "store", Probe: func(context.Context) (string, error) { return "", p.server.health() }})
	}
	return list
}

// streams says what about the streams is probably not meant, else how many
// replicas they have. It is no reason to be not ready.
func (n *Node) streams(ctx context.Context, p *parts) string {
	want := journal.Wanted{Replicas: n.cfg.Replicas}
	if want.Replicas == 0 && n.cfg.external() {
		want = journal.WantedAt(p.nc)
	}
	said, replicas := []string{}, 0
	if err := p.log.CheckHoles(ctx); errors.Is(err, journal.ErrHoles) {
		said = append(said, err.Error())
	}
	for _, name := range []string{events.StreamHot, events.StreamArchive} {
		info, err := p.log.StreamInfo(ctx, name)
		if err != nil {
			return "" // the log's own line says so
		}
		replicas = info.Config.Replicas
		said = append(said, journal.Concerns(info, want)...)
	}
	if len(said) > 0 {
		return strings.Join(said, "; ")
	}
	return fmt.Sprintf("replicas: %d", replicas)
}

// durability says what an acknowledgement is worth.
func (n *Node) durability() string {
	switch {
	case n.cfg.external():
		return "as the NATS servers are configured (sync_interval: always is what survives a power cut)"
	case n.cfg.Sync == syncAlways:
		return "on disk before the answer"
	}
	return "on disk within " + n.cfg.Sync
}
