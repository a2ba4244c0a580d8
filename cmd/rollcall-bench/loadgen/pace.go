package loadgen

import (
	"context"
	"time"
)

// pace says when a connection sends next.
//
// With a rate, the requests of all connections are evenly spread over time, and a latency counts from the moment a request
// was due, not from the one it was sent: a server that stalls is charged for the requests that had to wait behind it.
// The runtime wakes a sleeping goroutine up to a millisecond late, and that is inside such a latency.
type pace struct {
	every time.Duration // between two requests of the connection; 0 is a closed loop
	due   time.Duration // of the next request, on the clock of the run
	timer *time.Timer
}

// newPace is the pace of connection i.
func newPace(cfg Config, i int) *pace {
	if cfg.Rate == 0 {
		return &pace{}
	}
	apart := float64(time.Second) / cfg.Rate
	return &pace{
		every: max(1, time.Duration(apart*float64(cfg.Connections))),
		due:   time.Duration(apart * float64(i)),
	}
}

// wait blocks until the next request is due and returns that moment; false when the connection is to stop, because no
// further one is due before end, end has passed, or ctx has ended.
func (p *pace) wait(ctx context.Context, clk clock, end time.Duration) (time.Duration, bool) {
	now := clk.now()
	if now >= end || ctx.Err() != nil {
		return 0, false
	}
	if p.every == 0 {
		return now, true
	}
	if p.due >= end || !p.sleepUntilDue(ctx, now) {
		return 0, false
	}
	due := p.due
	p.due += p.every
	return due, true
}

// sleepUntilDue returns at once when the request is late already, and false when ctx ends first.
func (p *pace) sleepUntilDue(ctx context.Context, now time.Duration) bool {
	if p.due <= now {
		return true
	}
	if p.timer == nil {
		p.timer = time.NewTimer(p.due - now)
	} else {
		p.timer.Reset(p.due - now)
	}
	select {
	case <-p.timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// unsent is how many requests that were due in the measured time have not been sent.
func (p *pace) unsent(measured window) int64 {
	if p.every == 0 || p.due >= measured.to {
		return 0
	}
	first := p.due
	if late := measured.from - first; late > 0 {
		first += (late + p.every - 1) / p.every * p.every //nolint:durationcheck // rounded up to whole periods
	}
	return int64((measured.to - first + p.every - 1) / p.every)
}

// stop frees the timer.
func (p *pace) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// sleep waits for d or the end of ctx, and says whether it was d.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
