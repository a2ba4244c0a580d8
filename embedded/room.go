package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections"
)

const (
	// roomLook is how often room looks at the disk.
	roomLook = time.Second
	// roomHold is how long a refusal lasts at least: longer than what counts as
	// covered time, so that it is nobody's silence.
	roomHold = events.MaxGap + time.Second
	// roomRetry bounds the time between two restarts of the server: it is doubled
	// each time until one has held for longer than that.
	roomRetry = time.Minute
	// roomMend is how long a restarted server may take to answer.
	roomMend = 30 * time.Second
)

// space is what a file system has, in bytes.
type space struct{ free, total uint64 }

// reserve is what is left free: for the views, which write down what is in the
// log, and for what comes between two looks.
func (s space) reserve() uint64 { return min(64<<20, s.total/16) }

// enough is what must be free before writes are taken again. It lies above
// reserve, so that they are not refused and taken in turn.
func (s space) enough() uint64 { return 2 * s.reserve() }

func (s space) String() string {
	return fmt.Sprintf("%.1f MiB are free, %.1f are needed", float64(s.free)/(1<<20), float64(s.enough())/(1<<20))
}

// room sees to it that a full disk passes, and whatever else lets a write of the
// server fail for a while; see passing:
//
//	open   ── less free than reserve ──────────► tight   writes are refused, nothing is broken
//	tight  ── enough free ─────────────────────► open
//	open, tight ── a write of the server failed ► broken  JetStream takes no more until it is started again
//	broken ── enough free, and a trial of the store goes well: restart the server ► open
type room struct {
	dir    string // of the store
	server broker
	trial  func(dir string) error // what the server could not do
	log    *journal.Journal
	folded func() uint64 // where the views stand
	logger *slog.Logger

	state   roomState
	broke   passing       // why, while broken
	since   time.Time     // of the refusal
	opened  time.Time     // when writes were taken again
	next    time.Time     // when the server may be restarted
	backOff time.Duration // the last one before a restart

	mu  sync.Mutex
	why error // what /readyz says; nil: open
}

// broker is what room needs of a *natsServer.
type broker interface {
	health() error
	restart() error
}

type roomState int

const (
	roomOpen roomState = iota
	roomTight
	roomBroken
)

// Run looks at the disk until ctx ends; then it returns nil. It returns an error
// that wraps journal.ErrMissing or projections.ErrShort if a restarted server has
// lost what the views have folded.
func (r *room) Run(ctx context.Context) error {
	ticker := time.NewTicker(roomLook)
	defer ticker.Stop()
	for {
		if err := r.look(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// trouble is why writes are refused, nil if they are not or r is nil.
func (r *room) trouble() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.why
}

func (r *room) say(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.why = why
}

func (r *room) look(ctx context.Context) error {
	s, known := freeSpace(r.dir)
	var failed passing
	if r.state != roomBroken && errors.As(r.server.health(), &failed) {
		r.broke = failed
		r.shut(roomBroken, s)
	} else if r.state == roomOpen && known && s.free < s.reserve() {
		r.shut(roomTight, s)
	}
	switch {
	case r.state == roomOpen:
		return nil
	case known && s.free < s.enough():
		r.say(fmt.Errorf("the disk is full: %s; writes are taken again by themselves then", s))
		return nil
	case time.Since(r.since) < roomHold, r.state == roomBroken && time.Now().Before(r.next):
		r.say(fmt.Errorf("%s: writes are taken again in a moment", r.cause()))
		return nil
	case r.state == roomBroken:
		if err := r.trial(r.dir); err != nil {
			r.say(fmt.Errorf("%s, and would again: %w; writes are taken again by themselves when that is over", r.cause(), err))
			return nil
		}
		return r.restart(ctx, s)
	}
	r.open(s)
	return nil
}

// cause is why writes are refused.
func (r *room) cause() string {
	if r.state == roomBroken {
		return r.broke.Error()
	}
	return "the disk was full, and there is room again"
}

// shut refuses writes.
func (r *room) shut(state roomState, s space) {
	why := fmt.Errorf("%w: its disk is", journal.ErrFull)
	text := "the disk is nearly full: writes are refused until there is room"
	if state == roomBroken {
		if !r.broke.full() {
			why = fmt.Errorf("%w: %w", journal.ErrUnavailable, r.broke)
		}
		text = r.broke.Error() + ": writes are refused until that is over"
		if time.Since(r.opened) > roomRetry {
			r.backOff = 0 // the last restart has held
		}
	}
	r.log.Refuse(why)
	r.logger.Error(text, "free", s.free, "needed", s.enough())
	r.state, r.since = state, time.Now()
}

// open takes writes again.
func (r *room) open(s space) {
	r.state, r.opened = roomOpen, time.Now()
	r.say(nil)
	r.log.Refuse(nil)
	r.logger.Info("writes are taken again", "free", s.free)
}

// restart starts the server anew, which is what makes JetStream write again.
// Where that fails it is tried again, later each time.
func (r *room) restart(ctx context.Context, s space) error {
	r.say(fmt.Errorf("%s: the embedded NATS server is restarted", r.cause()))
	r.backOff = min(max(2*r.backOff, roomLook), roomRetry)
	r.next = time.Now().Add(r.backOff)
	r.logger.Info("the store can be written to again: the embedded NATS server is restarted", "free", s.free)
	last, err := uint64(0), r.server.restart()
	if err == nil {
		last, err = r.mend(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // it was told to stop; what that broke off is no failure
	case errors.Is(err, journal.ErrMissing):
		return err
	case err != nil:
		r.logger.Error("the embedded NATS server is not back and is restarted again", "error", err, "in", r.backOff)
		return nil
	case r.folded() > last:
		// Nothing can have been stored in the place of what is lost: writes are refused.
		return fmt.Errorf("%w: after a write had failed it ends at %d, the view stands at %d; use rollcall rebuild",
			projections.ErrShort, last, r.folded())
	}
	r.open(s)
	return nil
}

// mend waits until the connection is back and the log is whole.
func (r *room) mend(ctx context.Context) (last uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, roomMend)
	defer cancel()
	ticker := time.NewTicker(roomLook / 10)
	defer ticker.Stop()
	for {
		last, err = r.log.Mend(ctx)
		if err == nil || errors.Is(err, journal.ErrMissing) {
			return last, err
		}
		select {
		case <-ctx.Done():
			return 0, err
		case <-ticker.C:
		}
	}
}
